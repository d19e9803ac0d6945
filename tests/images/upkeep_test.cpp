// What keeps the store sound: verify, export, garbage, imports that were interrupted or failed.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "images/export.hpp"
#include "images/store.hpp"
#include "images/verify.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

namespace fs = std::filesystem;

Store open_store(const ScratchFolder& scratch) {
  auto store = Store::open(scratch.path("store"));
  if (!store) FAIL(store.error().text());
  return std::move(*store);
}

std::size_t files_below(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) ++count;
  }
  return count;
}

const auto kGoOn = [](std::uint64_t, std::uint64_t) { return true; };

// 22 MiB: a chunk with data, one without, one with data and holes, zeros, the backup table.
ImageInfo import_sample(Store& store, const ScratchFolder& scratch, const char* version = "1") {
  write_file(scratch.path("raw"), make_gpt_image({.octets = 22 * kMiB}));
  const auto info = store.import_image({.source = scratch.path("raw"), .name = {"disk", version}});
  if (!info) FAIL(info.error().text());
  return *info;
}

void flip(const fs::path& file, std::uint64_t offset) {
  auto octets = read_whole_file(file.string());
  REQUIRE(offset < octets.size());
  octets[offset] ^= 1;
  write_file(file.string(), octets);
}

std::string mistakes_of(const Store& store, const ImageName& name) {
  std::string text;
  for (const auto& mistake : verify_image(store, name, kGoOn)) text += mistake.text() + "\n";
  return text;
}

// Imports in another process, which is killed when `percent` of the source are read.
void import_and_kill(const ScratchFolder& scratch, unsigned percent) {
  const auto child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto store = Store::open(scratch.path("store"));
    if (store) {
      (void)store->import_image({.source = scratch.path("raw"),
                                 .name = {"disk", "1"},
                                 .threads = 1,
                                 .progress = [&](std::uint64_t done, std::uint64_t total) {
                                   if (done * 100 >= total * percent) (void)raise(SIGKILL);
                                   return true;
                                 }});
    }
    _exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

std::uint64_t whole_frames(const std::string& partial) {
  const auto octets = read_whole_file(partial);
  ByteView rest(octets);
  std::uint64_t frames = 0;
  while (const auto length = frame_length(rest)) {
    rest = rest.subspan(length);
    ++frames;
  }
  return frames;
}

}  // namespace

TEST_CASE("verify finds nothing wrong with what was just imported", "[images][verify]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto info = import_sample(store, scratch);
  std::uint64_t last = 0;
  const auto mistakes = verify_image(store, info.name, [&](std::uint64_t done, std::uint64_t all) {
    last = done;
    CHECK(done <= all);
    return true;
  });
  CHECK(mistakes.empty());
  CHECK(last == info.stored_octets);
}

TEST_CASE("verify names image, chunk and offset of a flipped bit", "[images][verify]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto info = import_sample(store, scratch);
  const auto blob = *store.blob(info.data_sha256);
  REQUIRE(info.manifest.chunks.size() >= 2);
  const auto& chunk = info.manifest.chunks[1];
  flip(blob, chunk.stored_offset + chunk.stored_length / 2);
  const auto text = mistakes_of(store, info.name);
  CHECK_THAT(text,
             ContainsSubstring("disk@1: chunk 1 at octet " + std::to_string(chunk.raw_offset) +
                               " of the image, " + std::to_string(chunk.stored_offset) +
                               " of its blob " + info.data_sha256.text()));
  CHECK_THAT(text, ContainsSubstring("does not hash to its name"));
  CHECK_THAT(text, !ContainsSubstring("chunk 0"));
}

TEST_CASE("verify reads the zero ranges, the seek table and the manifest", "[images][verify]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto info = import_sample(store, scratch);
  const auto blob = *store.blob(info.data_sha256);
  REQUIRE(info.manifest.zero.size() == 1);
  const auto behind = std::ranges::find_if(info.manifest.chunks, [&](const Chunk& chunk) {
    return chunk.raw_offset > info.manifest.zero[0].offset;
  });
  REQUIRE(behind != info.manifest.chunks.end());
  SECTION("zeros") {
    flip(blob, behind->stored_offset - 6);
    CHECK_THAT(mistakes_of(store, info.name), ContainsSubstring("disk@1: zeros at octet "));
  }
  SECTION("the seek table") {
    flip(blob, info.stored_octets - 1);
    CHECK_THAT(mistakes_of(store, info.name), ContainsSubstring("does not hash to its name"));
  }
  SECTION("the blob is cut") {
    fs::resize_file(blob, behind->stored_offset + 10);
    CHECK_THAT(mistakes_of(store, info.name), ContainsSubstring("the blob ends within it"));
  }
  SECTION("the blob is gone") {
    fs::remove(blob);
    CHECK_THAT(mistakes_of(store, info.name), ContainsSubstring("missing"));
  }
  SECTION("the manifest's blob") {
    flip(*store.blob(info.manifest_sha256), 20);
    CHECK_THAT(mistakes_of(store, info.name), ContainsSubstring("disk@1: manifest: blob"));
  }
  SECTION("the manifest under the name") {
    auto json = to_json(info.manifest);
    const auto hex = info.manifest.raw_sha256.text();
    json.replace(json.find(hex), hex.size(), Sha256::of("other").text());
    write_file(scratch.path("store/manifests/disk/1.json"), as_bytes(json));
    const auto text = mistakes_of(store, info.name);
    CHECK_THAT(text, ContainsSubstring("does not hash to raw_sha256"));
    CHECK_THAT(text, ContainsSubstring("disk@1: manifest: blob"));
  }
}

TEST_CASE("verify reads the files of an installer", "[images][verify]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto kernel = store.add_blob(as_bytes("the kernel"));
  REQUIRE(kernel);
  const FileSet set{.name = {"inst", "1"},
                    .type = FileSetType::installer,
                    .kind = "generic",
                    .source = {"vmlinuz", *kernel},
                    .cmdline = {},
                    .files = {{"kernel", 10, *kernel}},
                    .found = {}};
  REQUIRE(store.publish(set));
  CHECK(mistakes_of(store, set.name).empty());
  flip(*store.blob(*kernel), 3);
  CHECK(mistakes_of(store, set.name) ==
        "inst@1: kernel: blob " + kernel->text() + " does not hash to its name\n");
}

TEST_CASE("an export is what was imported, whole or not at all", "[images][export]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto info = import_sample(store, scratch);
  const auto raw = scratch.path("out.raw");
  REQUIRE(export_image(store, info, ExportForm::raw, raw, kGoOn));
  CHECK(read_whole_file(raw) == read_whole_file(scratch.path("raw")));
  const auto zst = scratch.path("out.zst");
  REQUIRE(export_image(store, info, ExportForm::packed, zst, kGoOn));
  CHECK(run_command("zstd -dc " + zst + " | cmp - " + scratch.path("raw")).exit_code == 0);

  flip(*store.blob(info.data_sha256), info.manifest.chunks[1].stored_offset + 9);
  fs::remove(zst);
  const auto files = files_below(scratch.path());
  const auto again = export_image(store, info, ExportForm::raw, raw, kGoOn);
  REQUIRE_FALSE(again);
  CHECK_THAT(again.error().text(), ContainsSubstring("disk@1: chunk at octet"));
  CHECK(read_whole_file(raw) == read_whole_file(scratch.path("raw")));  // the older one
  CHECK_FALSE(export_image(store, info, ExportForm::packed, zst, kGoOn));
  CHECK_FALSE(fs::exists(zst));
  CHECK_FALSE(export_image(store, info, ExportForm::raw, zst, [](auto, auto) { return false; }));
  CHECK(files_below(scratch.path()) == files);
}

TEST_CASE("the files of an installer are exported into a new folder", "[images][export]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto kernel = store.add_blob(as_bytes("the kernel"));
  REQUIRE(kernel);
  const FileSet set{.name = {"inst", "1"},
                    .type = FileSetType::installer,
                    .kind = "generic",
                    .source = {"vmlinuz", *kernel},
                    .cmdline = {},
                    .files = {{"kernel", 10, *kernel}, {"images/k2", 10, *kernel}},
                    .found = {}};
  const auto out = scratch.path("out");
  REQUIRE(export_set(store, set, out, kGoOn));
  CHECK(as_text(read_whole_file(out + "/kernel")) == "the kernel");
  CHECK(as_text(read_whole_file(out + "/images/k2")) == "the kernel");
  CHECK_THAT(export_set(store, set, out, kGoOn).error().text(), ContainsSubstring("exists"));
  flip(*store.blob(*kernel), 0);
  CHECK_FALSE(export_set(store, set, scratch.path("other"), kGoOn));
  CHECK_FALSE(fs::exists(scratch.path("other")));
}

TEST_CASE("an import that was killed is gone on with", "[images][resume]") {
  const auto percent = GENERATE(0U, 50U, 99U);
  CAPTURE(percent);
  const ScratchFolder scratch;
  write_file(scratch.path("raw"), make_gpt_image({.octets = 48 * kMiB, .used_until = 46 * kMiB}));
  import_and_kill(scratch, percent);

  auto store = open_store(scratch);
  CHECK_FALSE(store.show({"disk", "1"}));
  CHECK(store.list()->empty());
  const auto partial = scratch.path("store/tmp/import-disk@1");
  const auto frames = whole_frames(partial);
  if (percent > 0) CHECK(frames >= 2);
  CHECK(store.unfinished()->size() == 1);

  std::uint64_t resumed = 0;
  const auto info = store.import_image(
      {.source = scratch.path("raw"), .name = {"disk", "1"}, .resumed = [&](std::uint64_t octets) {
         resumed = octets;
       }});
  INFO((info ? "" : info.error().text()));
  REQUIRE(info);
  CHECK(resumed == frames * kMaxChunkOctets);
  CHECK(mistakes_of(store, info->name).empty());
  CHECK(files_below(scratch.path("store/tmp")) == 0);
  CHECK(store.unfinished()->empty());

  // The same octets as without an interruption.
  const auto straight = store.import_image({.source = scratch.path("raw"), .name = {"disk", "2"}});
  REQUIRE(straight);
  CHECK(straight->data_sha256 == info->data_sha256);
}

TEST_CASE("what an interrupted import left is used only where it fits", "[images][resume]") {
  const ScratchFolder scratch;
  auto raw = make_gpt_image({.octets = 48 * kMiB, .used_until = 46 * kMiB});
  write_file(scratch.path("raw"), raw);
  import_and_kill(scratch, 99);
  const auto partial = scratch.path("store/tmp/import-disk@1");
  const auto frames = whole_frames(partial);
  REQUIRE(frames >= 5);
  std::uint64_t expected = 2 * kMaxChunkOctets;
  SECTION("another source") {
    raw[2 * kMaxChunkOctets + 77] ^= 1;
    write_file(scratch.path("raw"), raw);
  }
  SECTION("a flipped bit in the third frame") {
    const auto octets = read_whole_file(partial);
    const auto first = frame_length(octets);
    const auto second = frame_length(ByteView(octets).subspan(first));
    flip(partial, first + second + 5000);
  }
  SECTION("a torn end") {
    expected = (frames - 1) * kMaxChunkOctets;
    auto octets = read_whole_file(partial);
    ByteView rest(octets);
    for (std::uint64_t i = 0; i + 1 < frames; ++i) rest = rest.subspan(frame_length(rest));
    fs::resize_file(partial, octets.size() - rest.size() + 100);
  }
  SECTION("no zstd at all") {
    expected = 0;
    write_file(partial, Bytes(5 * kMiB, 0xab));
  }
  auto store = open_store(scratch);
  std::uint64_t resumed = 0;
  const auto info = store.import_image(
      {.source = scratch.path("raw"), .name = {"disk", "1"}, .resumed = [&](std::uint64_t octets) {
         resumed = octets;
       }});
  INFO((info ? "" : info.error().text()));
  REQUIRE(info);
  CHECK(resumed == expected);
  CHECK(info->manifest.raw_sha256 == Sha256::of(raw));
  CHECK(mistakes_of(store, info->name).empty());
}

TEST_CASE("one process imports a name at a time", "[images][resume]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto owner = Partial::open(store.tmp(), "disk@1");
  REQUIRE(owner);
  write_file(scratch.path("raw"), make_gpt_image());
  const auto info = store.import_image({.source = scratch.path("raw"), .name = {"disk", "1"}});
  REQUIRE_FALSE(info);
  CHECK(info.error().text() == "another process is importing disk@1");
  CHECK(store.import_image({.source = scratch.path("raw"), .name = {"disk", "2"}}));
}

TEST_CASE("imports by several processes at once are all whole", "[images][resume]") {
  const ScratchFolder scratch;
  write_file(scratch.path("raw"), make_gpt_image({.octets = 22 * kMiB}));
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const auto child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto store = Store::open(scratch.path("store"));
      // Two names, each by two processes: one of them may be told that the other is at it.
      const ImageName name{"disk", std::to_string(i / 2)};
      const auto info =
          store ? store->import_image({.source = scratch.path("raw"), .name = name, .threads = 1})
                : Fallible<ImageInfo>(fail("no store"));
      const auto good = info || info.error().text().starts_with("another process is importing");
      if (store) (void)store->collect_garbage();  // must not hurt the others
      _exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const auto child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
  auto store = open_store(scratch);
  const auto list = store.list();
  REQUIRE(list);
  REQUIRE(list->size() == 2);
  for (const auto& info : *list) CHECK(mistakes_of(store, info.name).empty());
}

TEST_CASE("of interrupted imports only the newest few are kept", "[images][resume]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  for (int i = 0; i < 7; ++i) {
    const auto file = scratch.path("store/tmp/import-old@" + std::to_string(i));
    write_file(file, as_bytes("left"));
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(10 - i));
  }
  (void)import_sample(store, scratch);
  const auto left = store.unfinished();
  REQUIRE(left);
  std::vector<std::string> names;
  for (const auto& each : *left) names.push_back(each.name);
  CHECK(names == std::vector<std::string>{"old@4", "old@5", "old@6"});
}

TEST_CASE("garbage is what no name uses, and not while somebody writes", "[images][gc]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto info = import_sample(store, scratch);
  REQUIRE(store.add_blob(as_bytes("unused")));
  write_file(scratch.path("store/tmp/import-old@1"), as_bytes("left"));
  write_file(scratch.path("store/tmp/stray"), as_bytes("left"));
  {
    auto other = open_store(scratch);
    REQUIRE(other.begin_writing());
    CHECK_THAT(store.collect_garbage().error().text(), ContainsSubstring("another process writes"));
  }
  const auto cleared = store.collect_garbage();
  REQUIRE(cleared);
  CHECK(cleared->files == 3);
  CHECK(cleared->octets == 14);
  CHECK(files_below(scratch.path("store/tmp")) == 0);
  CHECK_FALSE(store.blob(Sha256::of("unused")));
  CHECK(mistakes_of(store, info.name).empty());
  CHECK(store.collect_garbage()->files == 0);
}

namespace {

// A tmpfs of 64 MiB at `folder`.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(std::string folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    made_ = run_command("mount -t tmpfs -o size=64m tmpfs " + folder_).exit_code == 0;
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;
  ~SmallFileSystem() {
    if (made_) (void)run_command("umount " + folder_);
  }
  [[nodiscard]] bool made() const { return made_; }

 private:
  std::string folder_;
  bool made_ = false;
};

}  // namespace

TEST_CASE("a full disk fails the import clearly and leaves the store as it was", "[images][full]") {
  const ScratchFolder scratch;
  const SmallFileSystem small(scratch.path("store"));
  if (!small.made()) {
    WARN("left out: this user cannot mount a tmpfs");
    return;
  }
  auto store = open_store(scratch);
  const auto before = import_sample(store, scratch);
  const auto files = files_below(scratch.path("store"));

  write_file(scratch.path("big"), random_octets_of(80 * kMiB, 3));
  const auto full = store.import_image({.source = scratch.path("big"), .name = {"big", "1"}});
  REQUIRE_FALSE(full);
  CHECK_THAT(full.error().text(), ContainsSubstring("No space left on device"));
  CHECK(files_below(scratch.path("store")) == files);
  CHECK_FALSE(store.show({"big", "1"}));
  CHECK(mistakes_of(store, before.name).empty());

  // Room for the data and not for the name: nothing of it stays, either.
  const auto free = fs::space(scratch.path("store")).available;
  write_file(scratch.path("store/ballast"), Bytes(free - 256 * 1024));
  write_file(scratch.path("raw"), make_gpt_image({.seed = 9}));
  CHECK_FALSE(store.import_image({.source = scratch.path("raw"), .name = {"disk", "2"}}));
  fs::remove(scratch.path("store/ballast"));
  CHECK(files_below(scratch.path("store")) == files);
  CHECK(store.import_image({.source = scratch.path("raw"), .name = {"disk", "2"}}));
}
