// Loop devices and mounts: needs root.
#include "agent/grow.hpp"

#include "tests/agent/disk_file.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using namespace slipway::test;

namespace {

std::string reason_of(const std::expected<void, Failure>& result) {
  return result ? "none" : result.error().reason;
}

}  // namespace

TEST_CASE("ext grows to the end of its partition and keeps its files", "[agent][grow][root]") {
  struct Row {
    const char* mkfs;
    std::uint32_t sector_octets;
    std::uint64_t mib;  // of the partition
  };
  const auto row = GENERATE(values<Row>({{"mke2fs -F -t ext4 -d content", 512, 600},
                                         {"mke2fs -F -t ext4 -b 4096 -d content", 4096, 600},
                                         {"mke2fs -F -t ext4 -b 1024 -d content", 512, 90},
                                         {"mke2fs -F -t ext3 -d content", 512, 90},
                                         {"mke2fs -F -t ext2 -d content", 512, 90},
                                         {"mke2fs -F -t ext4 -d content", 512, 64}}));
  INFO(row.mkfs << ", " << row.mib << " MiB");
  const DiskFile disk(700);
  (void)disk.shell("mkdir content; echo kept > content/file");
  disk.format(row.mkfs, 64);
  const auto done = grow_file_system(disk.part(row.mib, row.sector_octets), nullptr);
  if (!done) FAIL(done.error().detail);
  CHECK_FALSE(disk.in_use());
  // What stock tools say of the octets, without a loop device.
  const auto blocks = disk.in_part(
      "e2fsck -fn part >/dev/null 2>&1; dumpe2fs -h part 2>/dev/null | "
      "awk -F: '/^Block count/ {count = $2} /^Block size/ {size = $2} END {print count * size / "
      "1048576}'",
      row.mib);
  CHECK(std::stoull(blocks) == row.mib);
  CHECK(disk.in_part("debugfs -R 'cat /file' part 2>/dev/null", row.mib) == "kept\n");
}

TEST_CASE("xfs grows to the end of its partition and keeps its files", "[agent][grow][root]") {
  const std::uint32_t sector_octets = GENERATE(512U, 4096U);
  const DiskFile disk(700);
  disk.format("mkfs.xfs -s size=4096", 320);
  const auto done = grow_file_system(disk.part(600, sector_octets), nullptr);
  if (!done) FAIL(done.error().detail);
  CHECK_FALSE(disk.in_use());
  const auto size = disk.in_part(
      "xfs_repair -n part >/dev/null 2>&1; xfs_db -r -c 'sb 0' -c 'p dblocks blocksize' part | "
      "awk '{n = n ? n * $3 : $3} END {print n / 1048576}'",
      600);
  CHECK(std::stod(size) > 599);
}

TEST_CASE("what cannot be grown says so and leaves nothing behind", "[agent][grow][root]") {
  struct Row {
    const char* why;
    const char* mkfs;
    const char* damage;
    const char* says;
  };
  const auto row = GENERATE(values<Row>({
      {"the group descriptors are overwritten, and their copies", "mke2fs -F -t ext4 -b 4096",
       "dd if=/dev/urandom of=disk bs=4k seek=257 count=2000 conv=notrunc status=none", "e2fsck"},
      {"nothing that is known", ":", ":", "not known"},
      {"the log of the xfs is damaged", "mkfs.xfs",
       "dd if=/dev/urandom of=disk bs=4k seek=257 count=8 conv=notrunc status=none", ""},
  }));
  INFO(row.why);
  const DiskFile disk(700);
  disk.format(row.mkfs, 320);
  (void)disk.shell(row.damage);
  const auto done = grow_file_system(disk.part(600), nullptr);
  CHECK(reason_of(done) == "grow-failed");
  if (!done) CHECK_THAT(done.error().detail, ContainsSubstring(row.says));
  CHECK_FALSE(disk.in_use());
}

TEST_CASE("growing stops when the attempt is revoked", "[agent][grow][root]") {
  const DiskFile disk(100);
  disk.format("mke2fs -F -t ext4", 64);
  const std::atomic<bool> revoked = true;
  const auto done = grow_file_system(disk.part(90), &revoked);
  REQUIRE(reason_of(done) == "grow-failed");
  CHECK_THAT(done.error().detail, ContainsSubstring("cancelled"));
  CHECK_FALSE(disk.in_use());
}

TEST_CASE("a part of a disk is a device of that size, sector and content", "[agent][grow][root]") {
  const DiskFile disk(8);
  (void)disk.shell("printf hello | dd of=disk bs=1M seek=1 conv=notrunc status=none");
  auto device = LoopDevice::attach(disk.part(4, 4096), LoopDevice::Access::read_only);
  if (!device) FAIL(device.error().text());
  CHECK(disk.shell("blockdev --getsize64 --getss --getro " + device->path()) ==
        "4194304\n4096\n1\n");
  const auto start = device->read(0, 5);
  REQUIRE(start);
  CHECK(as_text(*start) == "hello");
  CHECK_FALSE(device->read(4 * DiskFile::kMib - 2, 4));
  REQUIRE(device->detach());
  CHECK_FALSE(disk.in_use());
}
