#include "images/old_content.hpp"

#include <algorithm>

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_disk.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Pairs pairs(const std::vector<Extent>& extents) {
  Pairs out;
  for (const auto& extent : extents) out.emplace_back(extent.offset, extent.length);
  return out;
}

void put(Bytes& out, std::size_t at, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) out[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

void put_entry(Bytes& disk, std::size_t sector, unsigned number, std::uint8_t type, Extent lbas) {
  const auto at = sector * 512 + 446 + 16 * std::size_t{number};
  disk[at + 4] = type;
  put(disk, at + 8, lbas.offset, 4);
  put(disk, at + 12, lbas.length, 4);
  put(disk, sector * 512 + 510, 0xAA55, 2);
}

Pairs partitions_of(Bytes content) {
  MemoryDisk disk(std::move(content));
  const auto found = old_partitions(disk);
  REQUIRE(found);
  return pairs(*found);
}

}  // namespace

TEST_CASE("old partitions of a GPT, its backup, and an MBR", "[images][old_content]") {
  const Pairs of_gpt{{kMiB, kMiB}, {2 * kMiB, 3 * kMiB}};
  auto disk = make_gpt_image();
  SECTION("GPT") { CHECK(partitions_of(disk) == of_gpt); }
  SECTION("only its backup is left") {
    std::fill(disk.begin(), disk.begin() + kMiB, std::uint8_t{0});
    CHECK(partitions_of(disk) == of_gpt);
  }
  SECTION("a damaged entry array leaves the backup") {
    disk[1024 + 32] ^= 1;
    CHECK(partitions_of(disk) == of_gpt);
  }
  SECTION("a table made for a larger disk is cut") {
    disk.resize(4 * kMiB);
    CHECK(partitions_of(disk) == Pairs{{512, 4 * kMiB - 512}});  // the protective entry
  }
  SECTION("nothing") { CHECK(partitions_of(Bytes(6 * kMiB)).empty()); }
  SECTION("noise") { (void)partitions_of(random_octets_of(6 * kMiB, 5)); }
}

TEST_CASE("old partitions of an MBR with logical ones", "[images][old_content]") {
  Bytes disk(16 * kMiB);
  put_entry(disk, 0, 0, 0x83, {2048, 4096});
  put_entry(disk, 0, 1, 0x05, {8192, 16384});
  put_entry(disk, 8192, 0, 0x83, {64, 1000});
  put_entry(disk, 8192, 1, 0x05, {4096, 4096});
  put_entry(disk, 8192 + 4096, 0, 0x8E, {64, 2000});
  const Pairs expected{{2048 * 512, 4096 * 512},
                       {8192 * 512, 16384 * 512},
                       {8256 * 512, 1000 * 512},
                       {12352 * 512, 2000 * 512}};
  CHECK(partitions_of(disk) == expected);
  // A chain that leads to itself ends, as does one that leaves the disk.
  put_entry(disk, 8192 + 4096, 1, 0x05, {4096, 4096});
  CHECK(partitions_of(disk).size() == 1024);
  put_entry(disk, 8192 + 4096, 1, 0x05, {0xFFFFFFF0, 4096});
  CHECK(partitions_of(disk) == expected);
}

TEST_CASE("signatures are looked for at both ends, behind the image", "[images][old_content]") {
  struct Row {
    const char* why;
    Extent partition;
    Pairs places;
  };
  constexpr auto kImageEnd = 10 * kMiB;
  const auto row = GENERATE_REF(values<Row>({
      {"within the image", {kMiB, 9 * kMiB}, {}},
      {"begins in the image", {kMiB, 20 * kMiB}, {{20 * kMiB, kMiB}}},
      {"behind the image", {12 * kMiB, 8 * kMiB}, {{12 * kMiB, kMiB}, {19 * kMiB, kMiB}}},
      {"the image ends in its first MiB",
       {10 * kMiB - 4096, 8 * kMiB},
       {{10 * kMiB, kMiB - 4096}, {17 * kMiB - 4096, kMiB}}},
      {"small", {30 * kMiB, kMiB + 512}, {{30 * kMiB, kMiB + 512}}},
  }));
  INFO(row.why);
  CHECK(pairs(signature_places({row.partition}, kImageEnd)) == row.places);
}

TEST_CASE("blkid and wipefs find nothing of the old system on a written disk",
          "[images][old_content][tools]") {
  const ScratchFolder scratch;
  const auto path = scratch.path("disk");
  constexpr std::size_t kDisk = 256 * kMiB;
  // Behind the image of 6 MiB: ext4, md 1.2 (at the start), md 1.0 (at the end), swap.
  REQUIRE(run_command("truncate -s 256M " + path +
                      " && sgdisk -n 1:16M:+64M -n 2:80M:+32M -n 3:112M:+32M -n 4:144M:+64M " +
                      path + " && mkfs.ext4 -q -F -E offset=16777216 " + path + " 64M")
              .exit_code == 0);
  auto content = read_whole_file(path);
  const auto put_md = [&](std::size_t at, std::size_t super_lba) {
    put(content, at, 0xA92B4EFC, 4);
    put(content, at + 4, 1, 4);
    put(content, at + 144, super_lba, 8);
  };
  put_md(80 * kMiB + 4096, 8);
  put_md(112 * kMiB + 32 * kMiB - 8192, (32 * kMiB - 8192) / 512);
  put(content, 144 * kMiB + 1024, 1, 4);
  put(content, 144 * kMiB + 1028, 1000, 4);
  std::ranges::copy(as_bytes("SWAPSPACE2"), content.begin() + 144 * kMiB + 4086);
  write_file(path, content);

  struct Row {
    std::size_t start_mib, size_mib;
    const char* type;
  };
  const std::vector<Row> rows{{16, 64, "ext4"},
                              {80, 32, "linux_raid_member"},
                              {112, 32, "linux_raid_member"},
                              {144, 64, "swap"}};
  const auto probe = [&](const Row& row) {
    return run_command("blkid -p -O " + std::to_string(row.start_mib * kMiB) + " -S " +
                       std::to_string(row.size_mib * kMiB) + " " + path)
        .output;
  };
  for (const auto& row : rows) CHECK_THAT(probe(row), ContainsSubstring(row.type));

  const auto packed = pack(make_gpt_image());
  const auto manifest = verified(packed.manifest);
  BlobFetcher fetcher(packed.blob);
  {
    const auto disk = open_disk(path);
    REQUIRE(disk);
    REQUIRE(write_image({.fetcher = fetcher, .manifest = manifest, .disk = **disk}));
  }
  for (const auto& row : rows) CHECK(probe(row).empty());
  CHECK(run_command("wipefs -n " + path).output.find("raid") == std::string::npos);
  CHECK(read_whole_file(path).size() == kDisk);
}
