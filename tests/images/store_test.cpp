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
  const auto* tool = GENERATE("cat", "gzip -1", "xz -0", "zstd -1", "bzip2 -1");
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

TEST_CASE("what an import left is cleared up by the next that writes", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("store/tmp/half"), as_bytes("half"));
  write_file(scratch.path("store/tmp/import-a@1"), as_bytes("may go on"));
  store = open_store(scratch);  // readers leave it alone: its owner may be at work
  CHECK(files_below(scratch.path("store/tmp")) == 2);
  const auto digest = store.add_blob(as_bytes("artifact"));
  REQUIRE(digest);
  CHECK(files_below(scratch.path("store/tmp")) == 1);
  const auto blob = store.blob(*digest);
  REQUIRE(blob);
  CHECK(as_text(read_whole_file(*blob)) == "artifact");
  CHECK_FALSE(store.blob(Sha256::of("another")));
}

TEST_CASE("what another process writes is not cleared up", "[images][store]") {
  const ScratchFolder scratch;
  auto other = open_store(scratch);
  auto writer = other.begin_blob();
  REQUIRE(writer);
  REQUIRE(writer->write(as_bytes("half of it")));
  auto store = open_store(scratch);
  REQUIRE(store.add_blob(as_bytes("mine")));
  CHECK(files_below(scratch.path("store/tmp")) == 1);
  const auto stored = std::move(*writer).finish(Sha256::of("half of it"));
  REQUIRE(stored);
  CHECK(stored->octets == 10);
  CHECK(store.blob(stored->sha256));
}

TEST_CASE("a blob that is not the expected one is not kept", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  auto writer = store.begin_blob();
  REQUIRE(writer);
  REQUIRE(writer->write(as_bytes("octets")));
  const auto stored = std::move(*writer).finish(Sha256::of("others"));
  REQUIRE_FALSE(stored);
  CHECK_THAT(stored.error().text(), ContainsSubstring("expected " + Sha256::of("others").text()));
  CHECK_FALSE(store.blob(Sha256::of("octets")));
}

namespace {

FileSet kernel_set(Store& store, const char* version, std::string_view kernel) {
  const auto digest = store.add_blob(as_bytes(kernel));
  REQUIRE(digest);
  return {.name = {"installer", version},
          .type = FileSetType::installer,
          .kind = "generic",
          .source = {"vmlinuz", *digest},
          .cmdline = {},
          .files = {{"kernel", kernel.size(), *digest}},
          .found = {}};
}

}  // namespace

TEST_CASE("a file set is published whole, and never changes", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto set = kernel_set(store, "1", "the kernel");
  const auto first = store.publish(set);
  REQUIRE(first);
  CHECK(first->set == set);
  CHECK(store.publish(set)->manifest_sha256 == first->manifest_sha256);
  CHECK(store.show_file_set({"installer", "1"})->set == set);
  CHECK(store.list_file_sets()->size() == 1);
  CHECK(store.list()->empty());
  CHECK(store.type_of({"installer", "1"}) == "installer");
  const auto json = store.blob(first->manifest_sha256);
  REQUIRE(json);
  CHECK(as_text(read_whole_file(*json)) == to_json(set));

  const auto other = store.publish(kernel_set(store, "1", "another kernel"));
  REQUIRE_FALSE(other);
  CHECK_THAT(other.error().text(), ContainsSubstring("never changes"));

  auto missing = kernel_set(store, "2", "the kernel");
  missing.files[0].sha256 = Sha256::of("nothing");
  CHECK_THAT(store.publish(missing).error().text(),
             ContainsSubstring("kernel: its blob is missing"));
  missing.files[0].name = "../kernel";
  CHECK_THAT(store.publish(missing).error().text(), ContainsSubstring("files[0].name"));
  CHECK_FALSE(store.type_of({"installer", "2"}));
}

TEST_CASE("a name of one kind is not taken for the other", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("raw"), make_gpt_image());
  REQUIRE(store.import_image({.source = scratch.path("raw"), .name = {"disk", "1"}}));
  REQUIRE(store.publish(kernel_set(store, "1", "the kernel")));
  CHECK(store.show({"installer", "1"}).error().text() ==
        "installer@1: expected a disk image, this is an installer of kind generic");
  CHECK_THAT(store.show_file_set({"disk", "1"}).error().text(),
             ContainsSubstring("this is a disk image"));
  CHECK(store.type_of({"disk", "1"}) == "disk image");
  CHECK(store.list()->size() == 1);
  const auto taken =
      store.import_image({.source = scratch.path("raw"), .name = {"installer", "1"}});
  REQUIRE_FALSE(taken);
  CHECK_THAT(taken.error().text(), ContainsSubstring("never changes"));
}

TEST_CASE("a blob stays as long as a name of either kind uses it", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("raw"), make_gpt_image());
  const auto image = store.import_image({.source = scratch.path("raw"), .name = {"disk", "1"}});
  REQUIRE(image);
  auto set = kernel_set(store, "1", "the kernel");
  const auto kernel = set.files[0].sha256;
  set.files.push_back({"disk.zst", image->stored_octets, image->data_sha256});
  REQUIRE(store.publish(set));
  set.name.version = "2";
  set.files.pop_back();
  REQUIRE(store.publish(set));

  REQUIRE(store.remove({"disk", "1"}));
  CHECK(store.blob(image->data_sha256));
  CHECK_FALSE(store.blob(image->manifest_sha256));
  REQUIRE(store.remove({"installer", "1"}));
  CHECK_FALSE(store.blob(image->data_sha256));
  CHECK(store.blob(kernel));
  REQUIRE(store.remove({"installer", "2"}));
  CHECK(files_below(scratch.path("store")) == 0);
}

TEST_CASE("no blob is taken away while another process writes", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto set = kernel_set(store, "1", "the kernel");
  REQUIRE(store.publish(set));
  {
    auto other = open_store(scratch);
    REQUIRE(other.add_blob(as_bytes("the kernel")));  // there already; its name comes later
    REQUIRE(store.remove(set.name));
    CHECK_FALSE(store.type_of(set.name));
    CHECK(store.blob(set.files[0].sha256));
    REQUIRE(other.publish(set));
  }
  REQUIRE(store.remove(set.name));
  CHECK(files_below(scratch.path("store")) == 0);
}

TEST_CASE("a GPT of 4096-octet sectors is recorded", "[images][store]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_file(scratch.path("raw"), make_gpt_image({.sector_octets = 4096}));
  const auto info = store.import_image({.source = scratch.path("raw"), .name = {"a", "1"}});
  REQUIRE(info);
  CHECK(info->manifest.sector_size == 4096);
}
