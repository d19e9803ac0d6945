#include "images/store.hpp"

#include <filesystem>

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

Store open_store(const ScratchFolder& scratch) {
  auto store = Store::open(scratch.path("store"));
  if (!store) FAIL(store.error().text());
  return std::move(*store);
}

std::size_t files_below(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("an import of any packing gives a blob that zstd -dc turns back", "[images][store]") {
  const auto* tool = GENERATE("cat", "gzip -1", "xz -0", "zstd -1");
  CAPTURE(tool);
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  // Over two frames of 4 MiB, of which the third is all zeros but the last sectors.
  const auto raw = make_gpt_image({.octets = 22 * kMiB});
  write_file(scratch.path("raw"), raw);
  const auto source = scratch.path("source.img");
  REQUIRE(run_command(std::string(tool) + " < " + scratch.path("raw") + " > " + source).exit_code ==
          0);

  std::uint64_t last = 0, total = 0;
  const auto info = store.import_image({.source = source,
                                        .name = {"debian-edge", "12.5"},
                                        .expected_sha256 = Sha256::of(read_whole_file(source)),
                                        .progress = [&](std::uint64_t done, std::uint64_t all) {
                                          last = done;
                                          total = all;
                                          return true;
                                        }});
  INFO((info ? "" : info.error().text()));
  REQUIRE(info);
  CHECK(last == total);
  CHECK(info->manifest.raw_sha256 == Sha256::of(raw));
  CHECK(info->manifest.sector_size == 512);
  CHECK(info->manifest.source.name == "source.img");
  CHECK(info->manifest.zero == std::vector<ZeroRange>{{8 * kMiB, 12 * kMiB}});

  const auto blob = store.blob(info->data_sha256);
  REQUIRE(blob);
  CHECK(Sha256::of(read_whole_file(*blob)) == info->data_sha256);
  CHECK(run_command("zstd -dc < " + blob->string() + " | cmp - " + scratch.path("raw")).exit_code ==
        0);
  const auto manifest = store.blob(info->manifest_sha256);
  REQUIRE(manifest);
  CHECK(read_whole_file(*manifest) ==
        read_whole_file(scratch.path("store/manifests/debian-edge/12.5.json")));
  CHECK(files_below(scratch.path("store/tmp")) == 0);
}

TEST_CASE("an image that does not match its check sum stays invisible", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("raw"), make_gpt_image());
  const auto info = store.import_image({.source = scratch.path("raw"),
                                        .name = {"a", "1"},
                                        .expected_sha256 = Sha256::of("something else")});
  REQUIRE_FALSE(info);
  CHECK_THAT(info.error().text(), ContainsSubstring("expected"));
  CHECK(files_below(scratch.path("store")) == 0);
}

TEST_CASE("imports that fail leave nothing behind", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  auto raw = make_gpt_image();
  const auto attempt = [&](ImportRequest request) {
    write_file(scratch.path("raw"), raw);
    request.source = scratch.path("raw");
    if (request.name.name.empty()) request.name = {"a", "1"};
    const auto info = store.import_image(request);
    CHECK(files_below(scratch.path("store")) == 0);
    return info ? std::string("no error") : info.error().text();
  };
  CHECK_THAT(attempt({.source = {}, .name = {"../a", "1"}}),
             ContainsSubstring("not an image name"));
  CHECK_THAT(attempt({.source = {}, .name = {}, .max_raw_octets = 4096}),
             ContainsSubstring("more than"));
  CHECK_THAT(attempt({.source = {}, .name = {}, .progress = [](auto, auto) { return false; }}),
             ContainsSubstring("stopped"));
  raw[512 + 70] ^= 1;
  CHECK_THAT(attempt({.source = {}, .name = {}}), ContainsSubstring("CRC"));
  raw.resize(1000);
  CHECK_THAT(attempt({.source = {}, .name = {}}), ContainsSubstring("whole number of sectors"));
}

TEST_CASE("a published version never changes", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("raw"), make_gpt_image());
  const ImportRequest request{.source = scratch.path("raw"), .name = {"a", "1"}};
  const auto first = store.import_image(request);
  REQUIRE(first);
  const auto files = files_below(scratch.path("store"));

  const auto again = store.import_image(request);
  REQUIRE(again);
  CHECK(again->manifest_sha256 == first->manifest_sha256);
  CHECK(files_below(scratch.path("store")) == files);

  write_file(scratch.path("raw"), make_gpt_image({.seed = 2}));
  const auto other = store.import_image(request);
  REQUIRE_FALSE(other);
  CHECK_THAT(other.error().text(), ContainsSubstring("never changes"));
  CHECK(store.show({"a", "1"})->manifest_sha256 == first->manifest_sha256);
  CHECK(files_below(scratch.path("store")) == files);
}

TEST_CASE("images are listed, and removed without hurting others", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("raw"), make_gpt_image());
  for (const auto* version : {"2", "1"}) {
    REQUIRE(store.import_image({.source = scratch.path("raw"), .name = {"a", version}}));
  }
  auto list = store.list();
  REQUIRE(list);
  REQUIRE(list->size() == 2);
  CHECK((*list)[0].name.text() == "a@1");
  CHECK((*list)[0].data_sha256 == (*list)[1].data_sha256);

  REQUIRE(store.remove({"a", "1"}));
  CHECK_FALSE(store.show({"a", "1"}));
  CHECK(store.show({"a", "2"}));
  CHECK_FALSE(store.remove({"a", "1"}));
  REQUIRE(store.remove({"a", "2"}));
  CHECK(store.list()->empty());
  CHECK(files_below(scratch.path("store")) == 0);
}

TEST_CASE("opening the store clears up what an import left", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto digest = store.add_blob(as_bytes("artifact"));
  REQUIRE(digest);
  write_file(scratch.path("store/tmp/half"), as_bytes("half"));
  store = open_store(scratch);
  CHECK(files_below(scratch.path("store")) == 1);
  const auto blob = store.blob(*digest);
  REQUIRE(blob);
  CHECK(as_text(read_whole_file(*blob)) == "artifact");
  CHECK_FALSE(store.blob(Sha256::of("another")));
}

TEST_CASE("an image name is NAME@VERSION", "[images][store]") {
  const auto name = ImageName::parse("debian-edge@12.5");
  REQUIRE(name);
  CHECK(name->name == "debian-edge");
  CHECK(name->version == "12.5");
  for (const auto* bad : {"", "@", "a", "a@", "@1", "a@b@c", "../a@1", "a@../1", "A@1"}) {
    CHECK_FALSE(ImageName::parse(bad));
  }
}

TEST_CASE("a GPT of 4096-octet sectors is recorded", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("raw"), make_gpt_image({.sector_octets = 4096}));
  const auto info = store.import_image({.source = scratch.path("raw"), .name = {"a", "1"}});
  REQUIRE(info);
  CHECK(info->manifest.sector_size == 4096);
}
