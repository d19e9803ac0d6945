#include "images/fat.hpp"

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

std::vector<IsoFile> seed_files() {
  return {{"user-data", "#cloud-config\n" + std::string(10'000, 'x')},
          {"meta-data", "instance-id: h1\n"},
          {"vendor-data", ""},
          {"network-config", "version: 2\n"}};
}

std::string volume(const ScratchFolder& scratch) {
  const auto fat = make_fat("cidata", seed_files());
  REQUIRE(fat);
  const auto path = scratch.path("volume");
  write_file(path, *fat);
  return path;
}

}  // namespace

TEST_CASE("the boot sector says 4096 octets a sector, FAT12 and the label", "[images][fat]") {
  const auto fat = make_fat("cidata", seed_files());
  REQUIRE(fat);
  CHECK(fat->size() == kMiB);
  CHECK((*fat)[11] == 0x00);
  CHECK((*fat)[12] == 0x10);
  CHECK(as_text(ByteView(*fat).subspan(43, 19)) == "CIDATA     FAT12   ");
  CHECK((*fat)[510] == 0x55);
  CHECK((*fat)[511] == 0xAA);
}

TEST_CASE("the same files in another order make the same octets", "[images][fat]") {
  auto files = seed_files();
  std::swap(files[0], files[3]);
  CHECK(*make_fat("cidata", seed_files()) == *make_fat("cidata", files));
}

TEST_CASE("fsck, mtools and blkid read the volume", "[images][fat]") {
  const ScratchFolder scratch;
  const auto path = volume(scratch);
  for (const auto* tool : {"fsck.fat", "mtype", "blkid"}) {
    INFO("not installed: " << tool);
    REQUIRE(has_tool(tool));
  }
  const auto checked = run_command("fsck.fat -n " + path + " 2>&1");
  INFO(checked.output);
  CHECK(checked.exit_code == 0);
  const auto found = run_command("blkid -p -o export " + path);
  CHECK_THAT(found.output, ContainsSubstring("TYPE=vfat") && ContainsSubstring("LABEL=CIDATA"));
  for (const auto& file : seed_files()) {
    CHECK(run_command("mtype -i " + path + " ::" + file.name).output == file.content);
  }
}

TEST_CASE("what FAT cannot hold is refused", "[images][fat]") {
  CHECK_FALSE(make_fat("", {}));
  CHECK_FALSE(make_fat("twelve-chars", {}));
  CHECK_FALSE(make_fat("cidata", {{"a/b", ""}}));
  CHECK_FALSE(make_fat("cidata", {{"a", ""}, {"b", ""}, {"a", ""}}));
  CHECK(make_fat("cidata", {{"a", std::string(14 * kMiB, 'x')}}));
  CHECK_FALSE(make_fat("cidata", {{"a", std::string(15 * kMiB, 'x')}}));
}
