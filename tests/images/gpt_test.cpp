#include "images/gpt.hpp"

#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/crypto.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

const auto kSeedGuid = *Guid::parse("11223344-5566-7788-99aa-bbccddeeff00");

void put(Bytes& out, std::size_t at, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) out[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

void copy_to(Bytes& disk, std::uint64_t offset, ByteView octets) {
  std::ranges::copy(octets, disk.begin() + static_cast<std::ptrdiff_t>(offset));
}

Bytes apply(const Bytes& image, const DiskTable& table, std::uint32_t sector, std::size_t size) {
  Bytes disk(size);
  copy_to(disk, 0, ByteView(image).first(5 * kMiB));
  copy_to(disk, table.entries_offset, table.entries);
  copy_to(disk, table.backup_offset, table.backup);
  copy_to(disk, sector, table.lba1);
  copy_to(disk, 0, table.lba0);
  return disk;
}

}  // namespace

TEST_CASE("a GUID's first three groups are little-endian on disk", "[images][gpt][uefi]") {
  const auto guid = Guid::parse("0FC63DAF-8483-4772-8E79-3D69D8477DE4");
  REQUIRE(guid);
  CHECK(to_hex(guid->octets) == "af3dc60f838472478e793d69d8477de4");
  CHECK(guid->text() == "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
  for (const auto* bad : {"", "0FC63DAF", "0FC63DAF-8483-4772-8E793-D69D8477DE4",
                          "0FC63DAG-8483-4772-8E79-3D69D8477DE4"}) {
    CHECK_FALSE(Guid::parse(bad));
  }
  CHECK(Guid::random().text()[14] == '4');
}

TEST_CASE("a table of either sector size is read", "[images][gpt]") {
  const auto sector = GENERATE(512U, 4096U);
  const auto image = make_gpt_image({.sector_octets = sector});
  CHECK(detect_gpt(image) == sector);
  const auto table = parse_gpt(ByteView(image).first(kMiB), sector, image.size());
  REQUIRE(table);
  const auto partitions = table->partitions();
  REQUIRE(partitions.size() == 2);
  CHECK(partitions[1].number == 2);
  CHECK(partitions[1].offset == 2 * kMiB);
  CHECK(partitions[1].length == 3 * kMiB);
  CHECK(partitions[1].name == "pB");
  CHECK(table->backup_offset() == 6 * kMiB - sector - 16384);
}

TEST_CASE("a damaged or impossible table is refused", "[images][gpt]") {
  struct Row {
    const char* why;
    std::function<void(Bytes&)> change;
    bool fix;
    const char* text;
  };
  constexpr std::size_t kHeader = 512, kEntry = 1024;
  const auto row = GENERATE_COPY(values<Row>({
      {"no signature", [](Bytes& i) { i[512] = 'X'; }, false, "no GPT"},
      {"header bit", [](Bytes& i) { i[512 + 60] ^= 1; }, false, "header: CRC"},
      {"entry bit", [](Bytes& i) { i[1024 + 40] ^= 1; }, false, "entries: CRC"},
      {"header size 91", [](Bytes& i) { i[512 + 12] = 91; }, false, "size"},
      {"header size 2^31", [](Bytes& i) { i[512 + 15] = 0x80; }, false, "size"},
      {"revision 2", [](Bytes& i) { i[512 + 10] = 2; }, true, "revision"},
      {"not of LBA 1", [](Bytes& i) { put(i, kHeader + 24, 2, 8); }, true, "LBA 1"},
      {"entries of 100", [](Bytes& i) { put(i, kHeader + 84, 100, 4); }, true, "128 x 2^n"},
      {"no entries", [](Bytes& i) { put(i, kHeader + 80, 0, 4); }, true, "entries"},
      {"2^32 - 1 entries", [](Bytes& i) { put(i, kHeader + 80, ~0U, 4); }, true, "entries"},
      {"entries at LBA 1", [](Bytes& i) { put(i, kHeader + 72, 1, 8); }, true, "first MiB"},
      {"entries wrap", [](Bytes& i) { put(i, kHeader + 72, ~0ULL - 1, 8); }, true, "first MiB"},
      {"usable in the entries", [](Bytes& i) { put(i, kHeader + 40, 33, 8); }, true, "usable"},
      {"usable beyond", [](Bytes& i) { put(i, kHeader + 48, 12288, 8); }, true, "usable"},
      {"partition before", [](Bytes& i) { put(i, kEntry + 32, 3, 8); }, true, "overlaps"},
      {"partition reversed", [](Bytes& i) { put(i, kEntry + 40, 100, 8); }, true, "overlaps"},
      {"partition beyond", [](Bytes& i) { put(i, kEntry + 168, 12287, 8); }, true, "overlaps"},
      {"partition wraps", [](Bytes& i) { put(i, kEntry + 168, ~0ULL, 8); }, true, "overlaps"},
      {"overlap", [](Bytes& i) { put(i, kEntry + 40, 4096, 8); }, true, "overlaps"},
  }));
  INFO(row.why);
  auto image = make_gpt_image();
  row.change(image);
  if (row.fix) fix_gpt_crc(image);
  const auto table = parse_gpt(ByteView(image).first(kMiB), 512, image.size());
  REQUIRE_FALSE(table);
  CHECK_THAT(table.error().text(), ContainsSubstring(row.text));
}

TEST_CASE("an image of a few sectors has no table to read", "[images][gpt]") {
  for (const std::size_t octets : {0U, 1U, 512U, 1023U, 1024U, 1500U, 4096U}) {
    const auto image = make_gpt_image();
    const auto head = ByteView(image).first(octets);
    CHECK_FALSE(parse_gpt(head, 512, octets));
    CHECK_FALSE(parse_gpt(head, 4096, octets));
  }
}

TEST_CASE("the final table ends at the disk's end, with the seed before it", "[images][gpt]") {
  const auto sector = GENERATE(512U, 4096U);
  const auto image = make_gpt_image({.sector_octets = sector});
  const auto head = ByteView(image).first(kMiB);
  const auto source = parse_gpt(head, sector, image.size());
  REQUIRE(source);
  const auto table =
      make_disk_table(*source, head, 10 * kMiB, {.seed = SeedPartition{380'928, kSeedGuid}});
  REQUIRE(table);
  CHECK(table->seed_offset == 8 * kMiB);  // one MiB, before the MiB that holds the backup
  CHECK(table->backup_offset == 10 * kMiB - 16384 - sector);
  CHECK(table->backup.size() == 16384 + sector);

  const auto disk = apply(image, *table, sector, 10 * kMiB);
  const auto written = parse_gpt(ByteView(disk).first(kMiB), sector, disk.size());
  REQUIRE(written);
  CHECK(written->last_usable_lba == (10 * kMiB - 16384 - sector) / sector - 1);
  CHECK(written->disk == source->disk);
  const auto partitions = written->partitions();
  REQUIRE(partitions.size() == 3);
  CHECK(partitions[0].offset == kMiB);
  CHECK(partitions[2].name == "cidata");
  CHECK(partitions[2].type.text() == "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
  CHECK(partitions[2].unique == kSeedGuid);
  CHECK(partitions[2].offset == 8 * kMiB);
  CHECK(partitions[2].length == kMiB);
  CHECK(as_text(ByteView(table->lba0).first(22)) == "boot code of the image");
  Reader size(ByteView(table->lba0).subspan(446 + 12, 4));
  CHECK(size.le32() == 10 * kMiB / sector - 1);
}

TEST_CASE("the last partition grows up to the seed or to the last whole MiB", "[images][gpt]") {
  struct Row {
    const char* why;
    std::size_t disk_octets;
    bool has_seed;
    std::uint64_t end;  // of partition 2, which ends at 5 MiB in the image
  };
  const auto sector = GENERATE(512U, 4096U);
  const auto row = GENERATE(values<Row>({
      {"up to the seed", 64 * kMiB, true, 62 * kMiB},
      {"up to the MiB of the backup table", 64 * kMiB, false, 63 * kMiB},
      {"a disk that ends within a MiB", 64 * kMiB + 128 * 1024, false, 64 * kMiB},
      {"no room", 6 * kMiB, false, 5 * kMiB},
      {"no room before the seed", 7 * kMiB, true, 5 * kMiB},
  }));
  CAPTURE(sector, row.why);
  const auto image = make_gpt_image({.sector_octets = sector});
  const auto head = ByteView(image).first(kMiB);
  const auto source = parse_gpt(head, sector, image.size());
  REQUIRE(source);
  TableChanges changes{.grow_last = true};
  if (row.has_seed) changes.seed = SeedPartition{4096, kSeedGuid};
  const auto table = make_disk_table(*source, head, row.disk_octets, changes);
  REQUIRE(table);
  const auto disk = apply(image, *table, sector, row.disk_octets);
  const auto written = parse_gpt(ByteView(disk).first(kMiB), sector, disk.size());
  REQUIRE(written);
  const auto partitions = written->partitions();
  REQUIRE(partitions.size() == (row.has_seed ? 3 : 2));
  CHECK(partitions[0].length == kMiB);
  CHECK(partitions[1].offset == 2 * kMiB);
  CHECK(partitions[1].offset + partitions[1].length == row.end);
  CHECK(table->partitions[1].length == partitions[1].length);
}

TEST_CASE("the partition that ends last grows, whatever its number", "[images][gpt]") {
  auto image = make_gpt_image();
  std::swap_ranges(image.begin() + 1024, image.begin() + 1152, image.begin() + 1152);
  fix_gpt_crc(image);
  const auto head = ByteView(image).first(kMiB);
  const auto source = parse_gpt(head, 512, image.size());
  REQUIRE(source);
  const auto table = make_disk_table(*source, head, 16 * kMiB, {.grow_last = true});
  REQUIRE(table);
  CHECK(table->partitions[0].length == 13 * kMiB);  // from 2 MiB to 15 MiB
  CHECK(table->partitions[1].length == kMiB);
}

TEST_CASE("new GUIDs are the disk's and each partition's, the seed's stays", "[images][gpt]") {
  auto image = make_gpt_image();
  image[1024 + 48] = 0x04;  // attribute: legacy BIOS bootable
  image[1024 + 57] = 0x30;  // a name beyond ASCII
  fix_gpt_crc(image);
  const auto head = ByteView(image).first(kMiB);
  const auto source = parse_gpt(head, 512, image.size());
  REQUIRE(source);
  std::uint8_t next = 0;
  const auto new_guid = [&next] {
    Guid guid;
    guid.octets.fill(++next);
    return guid;
  };
  const auto table = make_disk_table(
      *source, head, 10 * kMiB, {.seed = SeedPartition{4096, kSeedGuid}, .new_guid = new_guid});
  REQUIRE(table);
  const auto disk = apply(image, *table, 512, 10 * kMiB);
  const auto written = parse_gpt(ByteView(disk).first(kMiB), 512, disk.size());
  REQUIRE(written);
  CHECK(to_hex(written->disk.octets) == "01010101010101010101010101010101");
  const auto partitions = written->partitions();
  REQUIRE(partitions.size() == 3);
  CHECK(to_hex(partitions[0].unique.octets) == "02020202020202020202020202020202");
  CHECK(to_hex(partitions[1].unique.octets) == "03030303030303030303030303030303");
  CHECK(partitions[2].unique == kSeedGuid);
  // Nothing else of the image's entries changed.
  CHECK(std::ranges::equal(ByteView(disk).subspan(1024, 16), head.subspan(1024, 16)));
  CHECK(std::ranges::equal(ByteView(disk).subspan(1056, 96), head.subspan(1056, 96)));
  // Both tables say the same.
  CHECK(std::ranges::equal(ByteView(disk).subspan(1024, 16384),
                           ByteView(disk).subspan(10 * kMiB - 33 * 512, 16384)));
  CHECK(std::ranges::equal(ByteView(disk).subspan(512 + 56, 16),
                           ByteView(disk).subspan(10 * kMiB - 512 + 56, 16)));
}

TEST_CASE("what does not fit is too large, what has no place is a bad table", "[images][gpt]") {
  struct Row {
    const char* why;
    std::size_t disk_octets;
    std::uint64_t seed_octets;
    std::function<void(Bytes&)> change;
    int fault;  // -1: fits
  };
  const auto nothing = [](Bytes&) {};
  constexpr int kLarge = static_cast<int>(TableFault::image_too_large);
  constexpr int kBad = static_cast<int>(TableFault::bad_table);
  const auto row = GENERATE_COPY(values<Row>({
      {"same size, no seed", 6 * kMiB, 0, nothing, -1},
      {"one sector short", 6 * kMiB - 512, 0, nothing, kLarge},
      {"same size leaves no MiB for the seed", 6 * kMiB, 1000, nothing, kLarge},
      {"exactly one MiB more", 7 * kMiB, 1000, nothing, -1},
      {"seed of 1 MiB and 1 octet", 7 * kMiB, kMiB + 1, nothing, kLarge},
      {"seed larger than the disk", 7 * kMiB, 1ULL << 40, nothing, kLarge},
      {"no MBR signature", 7 * kMiB, 1000, [](Bytes& i) { i[510] = 0; }, kBad},
      {"no protective entry", 7 * kMiB, 1000, [](Bytes& i) { i[450] = 0x83; }, kBad},
  }));
  INFO(row.why);
  auto image = make_gpt_image();
  row.change(image);
  const auto head = ByteView(image).first(kMiB);
  const auto source = parse_gpt(head, 512, image.size());
  REQUIRE(source);
  TableChanges changes;
  if (row.seed_octets > 0) changes.seed = SeedPartition{row.seed_octets, kSeedGuid};
  const auto table = make_disk_table(*source, head, row.disk_octets, changes);
  CHECK((table ? -1 : static_cast<int>(table.error().fault)) == row.fault);
}

TEST_CASE("a hybrid MBR is kept as it is", "[images][gpt]") {
  auto image = make_gpt_image();
  image[446 + 16 + 4] = 0x0C;
  const auto head = ByteView(image).first(kMiB);
  const auto source = parse_gpt(head, 512, image.size());
  REQUIRE(source);
  const auto table = make_disk_table(*source, head, 8 * kMiB, {});
  REQUIRE(table);
  CHECK(std::ranges::equal(table->lba0, head.first(512)));
}

namespace {

// The image's table is sgdisk's own, so nothing here rests on our idea of a table.
void check_with_tools(const std::string& path, std::uint32_t sector) {
  REQUIRE(run_command("sgdisk -n 1:1M:2M -t 1:ef00 -n 2:3M:5M " + path).exit_code == 0);
  auto image = read_whole_file(path);
  const auto head = ByteView(image).first(kMiB);
  const auto source = parse_gpt(head, sector, image.size());
  REQUIRE(source);
  const auto table = make_disk_table(
      *source, head, 64 * kMiB,
      {.seed = SeedPartition{4096, kSeedGuid}, .new_guid = Guid::random, .grow_last = true});
  REQUIRE(table);
  write_file(path, apply(image, *table, sector, 64 * kMiB));
  CHECK_THAT(run_command("sgdisk --verify " + path).output, ContainsSubstring("No problems found"));
  CHECK_THAT(run_command("sfdisk --verify " + path).output,
             ContainsSubstring("No errors detected"));
  CHECK_THAT(run_command("sgdisk -i 3 " + path).output,
             ContainsSubstring("Partition name: 'cidata'") &&
                 ContainsSubstring("11223344-5566-7788-99AA-BBCCDDEEFF00"));
  CHECK_THAT(run_command("sgdisk -i 2 " + path).output,
             ContainsSubstring("(at 62.0 MiB)") &&
                 ContainsSubstring("Partition unique GUID: " + table->partitions[1].unique.text()));
}

}  // namespace

TEST_CASE("sgdisk and sfdisk find nothing wrong with the final table", "[images][gpt][tools]") {
  if (!has_tool("sgdisk") || !has_tool("sfdisk")) {
    FAIL("sgdisk or sfdisk is not installed");
    return;
  }
  const ScratchFolder scratch;
  const auto path = scratch.path("disk");
  REQUIRE(run_command("truncate -s 64M " + path).exit_code == 0);
  check_with_tools(path, 512);
}

TEST_CASE("sgdisk and sfdisk find nothing wrong on sectors of 4096 octets",
          "[images][gpt][tools][root]") {
  const ScratchFolder scratch;
  REQUIRE(run_command("truncate -s 64M " + scratch.path("disk")).exit_code == 0);
  const auto loop = run_command("losetup --show -b 4096 -f " + scratch.path("disk"));
  if (::geteuid() != 0 || loop.exit_code != 0) {
    WARN("no loop devices for this user");
    return;
  }
  const auto path = loop.output.substr(0, loop.output.find('\n'));
  check_with_tools(path, 4096);
  CHECK(run_command("losetup -d " + path).exit_code == 0);
}
