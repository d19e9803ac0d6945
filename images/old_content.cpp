#include "images/old_content.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "images/gpt.hpp"

namespace slipway::images {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::size_t kMaxPartitions = 1024;
constexpr std::size_t kMbrEntries = 446, kMbrEntryOctets = 16;

using Partitions = std::vector<Extent>;

// Puts in what lies on the disk; the table may be damaged, or be for a larger disk.
void add(Partitions& out, std::uint64_t disk_octets, Extent extent) {
  if (extent.length == 0 || extent.offset >= disk_octets || out.size() >= kMaxPartitions) return;
  extent.length = std::min(extent.length, disk_octets - extent.offset);
  out.push_back(extent);
}

Fallible<AlignedBuffer> read(BlockDevice& disk, std::uint64_t offset, std::size_t octets) {
  AlignedBuffer buffer(octets);
  const auto good = disk.read_at(offset, buffer.span());
  if (!good) return std::unexpected(good.error());
  return buffer;
}

struct MbrEntry {
  std::uint8_t type = 0;
  std::uint64_t first_lba = 0, lbas = 0;
  // 0x05, 0x0F, 0x85: holds logical partitions.
  [[nodiscard]] bool is_extended() const { return (type & 0x7F) == 0x05 || type == 0x0F; }
};

// The four entries of an MBR or EBR; none without its signature.
std::optional<std::array<MbrEntry, 4>> read_mbr(ByteView sector) {
  if (sector[510] != 0x55 || sector[511] != 0xAA) return std::nullopt;
  std::array<MbrEntry, 4> entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Reader reader(sector.subspan(kMbrEntries + i * kMbrEntryOctets, kMbrEntryOctets));
    reader.skip(4);
    entries[i].type = reader.u8();
    reader.skip(3);
    entries[i].first_lba = reader.le32();
    entries[i].lbas = reader.le32();
  }
  return entries;
}

// A chain of EBRs: the first entry is a partition from its own EBR on, the second the next EBR,
// counted from the start of the extended partition.
Fallible<void> add_logical(BlockDevice& disk, std::uint64_t extended_lba, Partitions& out) {
  const std::uint64_t sector = disk.sector_octets();
  std::uint64_t lba = extended_lba;
  for (std::size_t links = 0; links < kMaxPartitions; ++links) {
    if ((lba + 1) * sector > disk.size_octets()) return {};
    const auto octets = read(disk, lba * sector, sector);
    if (!octets) return std::unexpected(octets.error());
    const auto entries = read_mbr(octets->view());
    if (!entries) return {};
    const auto& [partition, next, unused_a, unused_b] = *entries;
    add(out, disk.size_octets(), {(lba + partition.first_lba) * sector, partition.lbas * sector});
    if (!next.is_extended() || next.first_lba == 0) return {};
    lba = extended_lba + next.first_lba;
  }
  return {};
}

Fallible<Partitions> of_mbr(BlockDevice& disk, ByteView head) {
  Partitions out;
  const auto entries = read_mbr(head);
  if (!entries) return out;
  const std::uint64_t sector = disk.sector_octets();
  for (const auto& entry : *entries) {
    if (entry.type == 0) continue;
    add(out, disk.size_octets(), {entry.first_lba * sector, entry.lbas * sector});
    if (!entry.is_extended()) continue;
    const auto good = add_logical(disk, entry.first_lba, out);
    if (!good) return std::unexpected(good.error());
  }
  return out;
}

// Its entries are where every tool puts them. Their CRC is not asked: what makes no sense costs a
// MiB of zeros, behind the image.
Partitions of_backup(BlockDevice& disk, ByteView end) {
  const auto sector = disk.sector_octets();
  constexpr std::size_t kArrayOctets = 16384;  // 128 entries of 128 octets
  const auto header = end.last(sector);
  if (as_text(header.first(8)) != "EFI PART") return {};
  const auto entries = end.last(sector + kArrayOctets).first(kArrayOctets);
  GptTable table;
  table.sector_octets = sector;
  table.entry_octets = 128;
  table.entries.assign(entries.begin(), entries.end());
  Partitions out;
  for (const auto& partition : table.partitions()) {
    add(out, disk.size_octets(), {partition.offset, partition.length});
  }
  return out;
}

void add_part(std::vector<Extent>& out, std::uint64_t start, std::uint64_t end,
              std::uint64_t image_end) {
  start = std::max(start, image_end);
  if (start < end) out.push_back({start, end - start});
}

}  // namespace

Fallible<Partitions> old_partitions(BlockDevice& disk) {
  const auto head = read(disk, 0, kHeadOctets);
  if (!head) return std::unexpected(head.error());
  const auto sector = disk.sector_octets();
  if (const auto table = parse_gpt(head->view(), sector, disk.size_octets())) {
    Partitions out;
    for (const auto& partition : table->partitions()) {
      add(out, disk.size_octets(), {partition.offset, partition.length});
    }
    return out;
  }
  const auto end = read(disk, disk.size_octets() - kHeadOctets, kHeadOctets);
  if (!end) return std::unexpected(end.error());
  auto out = of_backup(disk, end->view());
  if (!out.empty()) return out;
  return of_mbr(disk, head->view());
}

std::vector<Extent> signature_places(const Partitions& partitions, std::uint64_t image_end) {
  std::vector<Extent> out;
  for (const auto& [offset, length] : partitions) {
    const auto end = offset + length;
    if (length <= 2 * kMiB) {
      add_part(out, offset, end, image_end);
      continue;
    }
    add_part(out, offset, offset + kMiB, image_end);
    add_part(out, end - kMiB, end, image_end);
  }
  return out;
}

}  // namespace slipway::images
