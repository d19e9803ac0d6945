#include "images/iso.hpp"

#include <unistd.h>

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

std::vector<IsoFile> seed_files() {
  return {{"user-data", "#cloud-config\nhostname: h1\n"},
          {"meta-data", "instance-id: h1\n"},
          {"network-config", "version: 2\n"}};
}

}  // namespace

TEST_CASE("the same files make the same octets at another time", "[images][iso]") {
  const auto one = make_iso("cidata", seed_files());
  REQUIRE(one);
  CHECK(one->size() % 4096 == 0);
  ::usleep(1'100'000);  // the volume's dates count in seconds
  auto files = seed_files();
  std::swap(files[0], files[2]);
  const auto two = make_iso("cidata", files);
  REQUIRE(two);
  CHECK(*one == *two);
}

TEST_CASE("the volume has the label as given and no time of day", "[images][iso][ecma119]") {
  const auto iso = make_iso("cidata", seed_files());
  REQUIRE(iso);
  const auto primary = as_text(ByteView(*iso).subspan(16 * 2048, 2048));
  CHECK(primary.substr(1, 5) == "CD001");
  CHECK(primary.substr(40, 32) == "cidata                          ");
  CHECK(primary.substr(813, 16) == "1980010100000000");
  CHECK(primary.substr(830, 16) == "1980010100000000");
}

TEST_CASE("isoinfo and blkid see the seed", "[images][iso][tools]") {
  const ScratchFolder scratch;
  const auto iso = make_iso("cidata", seed_files());
  REQUIRE(iso);
  write_file(scratch.path("iso"), *iso);
  if (has_tool("isoinfo")) {
    const auto user_data = run_command("isoinfo -R -x /user-data -i " + scratch.path("iso"));
    CHECK(user_data.output == "#cloud-config\nhostname: h1\n");
    const auto joliet = run_command("isoinfo -J -x /network-config -i " + scratch.path("iso"));
    CHECK(joliet.output == "version: 2\n");
    const auto list = run_command("isoinfo -lR -i " + scratch.path("iso")).output;
    CHECK_THAT(list, ContainsSubstring("-r--------") && ContainsSubstring("meta-data"));
  } else {
    FAIL("isoinfo is not installed");
  }
  if (has_tool("blkid")) {
    const auto probe = run_command("blkid -p " + scratch.path("iso")).output;
    CHECK_THAT(probe,
               ContainsSubstring("LABEL=\"cidata\"") && ContainsSubstring("TYPE=\"iso9660\""));
  } else {
    FAIL("blkid is not installed");
  }
}

TEST_CASE("large files come out whole", "[images][iso]") {
  if (!has_tool("isoinfo")) {
    FAIL("isoinfo is not installed");
    return;
  }
  const ScratchFolder scratch;
  const auto content = std::string(3 * kMiB + 5, 'q');
  const auto iso = make_iso("cidata", {{"user-data", content}, {"meta-data", ""}});
  REQUIRE(iso);
  write_file(scratch.path("iso"), *iso);
  CHECK(run_command("isoinfo -R -x /user-data -i " + scratch.path("iso")).output == content);
}

TEST_CASE("bad names and labels are refused", "[images][iso]") {
  for (const auto* label : {"", "a b", "seventeen-letters", "\xc3\xa4"}) {
    CHECK_FALSE(make_iso(label, seed_files()));
  }
  for (const auto* name : {"", "..", "a/b", ".hidden", "a b"}) {
    CHECK_FALSE(make_iso("cidata", {{name, "x"}}));
  }
  CHECK_FALSE(make_iso("cidata", {{"a", "x"}, {"a", "y"}}));
}
