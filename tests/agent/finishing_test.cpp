// Loop devices and mounts: needs root.
#include "agent/finishing.hpp"

#include <fstream>
#include <set>

#include "tests/agent/disk_file.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using namespace slipway::test;

namespace {

// An image with three partitions of 16 MiB, made by sfdisk, and a Finishing that looks into it.
struct Setup {
  DiskFile disk{64};
  std::set<std::string> tools = {"e2fsck", "resize2fs", "xfs_growfs"};
  Bytes raw;
  Packed packed;
  std::vector<images::Partition> partitions;

  // Each word is a mkfs for one partition, after a name for it.
  explicit Setup(const std::vector<std::pair<std::string, std::string>>& contents) {
    std::string table = "label: gpt\\n";
    for (const auto& [name, mkfs] : contents) table += "size=16MiB,name=" + name + "\\n";
    (void)disk.shell("truncate -s 50M image; printf '" + table + "' | sfdisk -q image");
    for (std::size_t i = 0; i < contents.size(); ++i) {
      (void)disk.shell("truncate -s 0 fs; truncate -s 16M fs; " + contents[i].second +
                       " fs >/dev/null 2>&1; dd if=fs of=image bs=1M seek=" +
                       std::to_string(1 + 16 * i) + " conv=notrunc,sparse status=none; rm fs");
    }
    raw = read_whole_file(disk.folder() / "image");
    packed = pack(raw);
    // As the pipeline leaves the disk: the image, but no table.
    (void)disk.shell("dd if=image of=disk bs=1M skip=1 seek=1 conv=notrunc status=none");
  }

  Finishing finishing(bool grow, bool oem) {
    return Finishing(
        {.grow = grow, .oem = oem, .disk = disk.path(), .has_tool = [this](const auto& tool) {
           return tools.contains(tool);
         }});
  }
  std::expected<void, Failure> look(Finishing& finishing) {
    const auto manifest = verified(packed.manifest);
    BlobFetcher fetcher(packed.blob);
    images::Peek peek(fetcher, manifest);
    auto found = peek.partitions();
    REQUIRE(found);
    partitions = std::move(*found);
    return finishing.look(peek);
  }
};

const Document kDocument{"99_slipway.yaml", "text\n", Sha256::of("text\n")};
const std::string kExt = "mke2fs -F -t ext4";

}  // namespace

TEST_CASE("a plan that asks for nothing does not even read the image", "[agent][finishing]") {
  Setup setup({{"root", kExt}});
  auto finishing = setup.finishing(false, false);
  const auto manifest = verified(setup.packed.manifest);
  BlobFetcher fetcher(setup.packed.blob);
  images::Peek peek(fetcher, manifest);
  REQUIRE(finishing.look(peek));
  CHECK(fetcher.requests() == 0);
  CHECK_FALSE(finishing.has_work());
  CHECK(finishing.warning().empty());
}

TEST_CASE("a tool that growing needs and the host lacks is said before the write",
          "[agent][finishing]") {
  Setup setup({{"esp", "mkfs.vfat"}, {"root", kExt}});
  setup.tools = {"e2fsck"};
  auto finishing = setup.finishing(true, false);
  const auto done = setup.look(finishing);
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == "tool-missing");
  CHECK_THAT(done.error().detail,
             ContainsSubstring("resize2fs") && ContainsSubstring("slipway installer build"));
}

TEST_CASE("an unknown last file system is a warning and no work", "[agent][finishing]") {
  Setup setup({{"root", kExt}, {"data", "mkfs.vfat"}});
  setup.tools = {};
  auto finishing = setup.finishing(true, false);
  REQUIRE(setup.look(finishing));
  CHECK_FALSE(finishing.has_work());
  CHECK_THAT(finishing.warning(), ContainsSubstring("neither ext4 nor xfs"));
}

TEST_CASE("the place for the document is found by label, or else by name", "[agent][finishing]") {
  struct Row {
    const char* why;
    std::vector<std::pair<std::string, std::string>> contents;
    int number;  // 0: none
  };
  const auto row = GENERATE_REF(values<Row>(
      {{"by label", {{"a", kExt}, {"oem", kExt + " -L COS_OEM"}, {"c", kExt}}, 2},
       {"by name", {{"a", kExt}, {"COS_OEM", kExt}, {"c", kExt}}, 2},
       {"the label wins", {{"COS_OEM", kExt}, {"b", kExt}, {"oem", kExt + " -L COS_OEM"}}, 3},
       {"none", {{"a", kExt}, {"b", kExt + " -L COS_STATE"}}, 0},
       {"not what Kairos cannot use", {{"COS_OEM", "mkfs.vfat -n COS_OEM"}}, 0}}));
  INFO(row.why);
  Setup setup(row.contents);
  auto finishing = setup.finishing(false, true);
  REQUIRE(setup.look(finishing));
  CHECK(finishing.takes_document() == (row.number > 0));
  CHECK_FALSE(finishing.has_work());  // there is no document yet
  if (row.number == 0) return;
  finishing.give_document(kDocument);
  CHECK(finishing.has_work());
  const auto done = finishing.run(setup.partitions);
  if (!done) FAIL(done.error().detail);
  for (int number = 1; number <= static_cast<int>(row.contents.size()); ++number) {
    const auto text = setup.disk.shell(
        "dd if=disk of=part bs=1M count=16 status=none skip=" + std::to_string(16 * number - 15) +
        "; debugfs -R 'cat /99_slipway.yaml' part 2>/dev/null");
    CHECK(text == (number == row.number ? "text\n" : ""));
  }
}

TEST_CASE("the last partition grows, and takes the document", "[agent][finishing][root]") {
  Setup setup({{"root", kExt}, {"oem", kExt + " -L COS_OEM"}});
  auto finishing = setup.finishing(true, true);
  REQUIRE(setup.look(finishing));
  REQUIRE(finishing.takes_document());
  finishing.give_document(kDocument);
  setup.partitions[1].length = 40 * DiskFile::kMib;  // as the new table has it
  const auto done = finishing.run(setup.partitions);
  if (!done) FAIL(done.error().detail);
  const auto text = setup.disk.shell(
      "dd if=disk of=part bs=1M skip=17 count=40 status=none; e2fsck -fn part >/dev/null 2>&1; "
      "dumpe2fs -h part 2>/dev/null | awk '/^Block (count|size)/ {print $3}'; "
      "debugfs -R 'cat /99_slipway.yaml' part 2>/dev/null");
  CHECK((text == "40960\n1024\ntext\n" || text == "10240\n4096\ntext\n"));
  CHECK_FALSE(setup.disk.in_use());
}

TEST_CASE("a partition that the new table lacks is no whole disk", "[agent][finishing]") {
  Setup setup({{"root", kExt}});
  auto finishing = setup.finishing(true, false);
  REQUIRE(setup.look(finishing));
  const auto done = finishing.run({});
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == "internal");
}

TEST_CASE("content goes into the file system that grew for it", "[agent][finishing][content]") {
  // 16 MiB of which some are free, on a disk of 64: the file fits only after the growth.
  Setup setup({{"a", "mkfs.vfat"}, {"root", kExt}});
  const std::string text(20'000'000, 'c');
  Bytes blob(text.begin(), text.end());
  BlobFetcher source(blob);
  class Borrowed final : public images::Fetcher {
   public:
    explicit Borrowed(images::Fetcher& fetcher) : fetcher_(fetcher) {}
    Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
      return fetcher_.fetch(offset, length, sink);
    }

   private:
    images::Fetcher& fetcher_;
  };
  std::uint64_t done_octets = 0, total_octets = 0;
  const bool grows = GENERATE(true, false);
  Finishing finishing({.grow = grows,
                       .content = {{.source = {"/artifacts/c/a", text.size(), Sha256::of(text)},
                                    .path = "/opt/a",
                                    .partition = {}}},
                       .disk = setup.disk.path(),
                       .disk_octets = 64 * DiskFile::kMib,
                       .has_tool = [](const auto&) { return true; },
                       .fetcher = [&](const auto&) { return std::make_unique<Borrowed>(source); },
                       .progress =
                           [&](std::uint64_t done, std::uint64_t total) {
                             done_octets = done;
                             total_octets = total;
                           }});
  const auto looked = setup.look(finishing);
  if (!grows) {
    REQUIRE_FALSE(looked);
    CHECK(looked.error().reason == "content-no-room");
    return;
  }
  REQUIRE(looked);
  CHECK(finishing.has_work());
  auto partitions = setup.partitions;
  partitions[1].length = 60 * DiskFile::kMib - partitions[1].offset;  // as the new table has it
  const auto done = finishing.run(partitions);
  if (!done) FAIL(done.error().detail);
  CHECK(done_octets == text.size());
  CHECK(total_octets == text.size());
  CHECK_FALSE(setup.disk.in_use());
  CHECK_THAT(setup.disk.shell("dd if=disk of=part bs=1M skip=17 status=none; "
                              "debugfs -R 'cat /opt/a' part 2>/dev/null | sha256sum"),
             ContainsSubstring(Sha256::of(text).text()));
}
