#include "agent/file_system.hpp"

#include <fstream>

#include "tests/agent/disk_file.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using namespace slipway::test;
using Kind = FileSystem::Kind;

namespace {

Bytes start_of(const DiskFile& disk) {
  std::ifstream file(disk.path(), std::ios::binary);
  file.seekg(DiskFile::kMib);
  Bytes octets(kSuperBlockOctets);
  file.read(reinterpret_cast<char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  return octets;
}

}  // namespace

TEST_CASE("file systems as the distribution makes them are known", "[agent][file_system]") {
  struct Row {
    const char* mkfs;
    std::uint64_t mib;
    Kind kind;
    const char* label;
  };
  const auto row = GENERATE(values<Row>({
      {"mke2fs -F -t ext4 -L root", 40, Kind::ext, "root"},
      {"mke2fs -F -t ext3 -L COS_OEM", 40, Kind::ext, "COS_OEM"},
      {"mke2fs -F -t ext2 -b 1024", 40, Kind::ext, ""},
      {"mke2fs -F -t ext4 -b 4096 -O 64bit -L 16-characters-it", 40, Kind::ext, "16-characters-it"},
      {"mkfs.xfs -L data", 320, Kind::xfs, "data"},
      {"mkfs.xfs -s size=4096 -L twelve-chars", 320, Kind::xfs, "twelve-chars"},
      {"mkfs.vfat", 40, Kind::unknown, ""},
      {"mke2fs -F -O journal_dev", 40, Kind::unknown, ""},
      {"mkswap", 40, Kind::unknown, ""},
      {": empty", 40, Kind::unknown, ""},
  }));
  INFO(row.mkfs);
  const DiskFile disk(400);
  disk.format(row.mkfs, row.mib);
  const auto found = identify(start_of(disk));
  CHECK(found.kind == row.kind);
  CHECK(found.label == row.label);
  CHECK(found.octets == (row.kind == Kind::unknown ? 0 : row.mib * DiskFile::kMib));
  CHECK(found.free_octets <= found.octets);
}

TEST_CASE("what is free is what the distribution's tools say", "[agent][file_system]") {
  struct Row {
    const char* mkfs;
    const char* ask;  // prints octets
  };
  const auto row = GENERATE(values<Row>(
      {{"mke2fs -F -t ext4 -d content",
        "dumpe2fs -h part 2>/dev/null | "
        "awk '/^Free blocks/ {free = $3} /^Block size/ {size = $3} END {printf \"%d\", free * "
        "size}'"},
       {"mkfs.xfs",
        "xfs_db -r -c 'sb 0' -c 'p fdblocks blocksize' part | "
        "awk '{v[$1] = $3} END {printf \"%d\", v[\"fdblocks\"] * v[\"blocksize\"]}'"}}));
  INFO(row.mkfs);
  const DiskFile disk(400);
  (void)disk.shell("mkdir content; head -c 5M /dev/urandom > content/a");
  disk.format(row.mkfs, 320);
  const auto found = identify(start_of(disk));
  CHECK(found.free_octets > 200 * DiskFile::kMib);
  CHECK(std::to_string(found.free_octets) == disk.in_part(row.ask, 320));
}

TEST_CASE("too few octets are no file system", "[agent][file_system]") {
  const DiskFile disk(50);
  disk.format("mke2fs -F -t ext4", 40);
  const auto start = start_of(disk);
  CHECK(identify(start).kind == Kind::ext);
  for (const std::size_t octets : {0UL, 1UL, 4UL, 511UL, 1024UL, 1080UL, 2047UL}) {
    INFO(octets);
    CHECK(identify(ByteView(start).first(octets)).kind == Kind::unknown);
  }
}

TEST_CASE("a super block that contradicts itself is unknown", "[agent][file_system]") {
  Bytes ext(kSuperBlockOctets), xfs(kSuperBlockOctets);
  ext[1024 + 56] = 0x53;
  ext[1024 + 57] = 0xEF;
  CHECK(identify(ext).kind == Kind::ext);
  ext[1024 + 24] = 7;  // blocks of 128 KiB
  CHECK(identify(ext).kind == Kind::unknown);
  for (std::size_t i = 0; i < 4; ++i) xfs[i] = static_cast<std::uint8_t>("XFSB"[i]);
  xfs[6] = 0x10;  // 4096
  CHECK(identify(xfs).kind == Kind::xfs);
  xfs[7] = 1;  // 4097
  CHECK(identify(xfs).kind == Kind::unknown);
}
