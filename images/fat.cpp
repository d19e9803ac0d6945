#include "images/fat.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>

namespace slipway::images {
namespace {

constexpr std::size_t kSector = 4096;  // a cluster is one sector
constexpr std::size_t kRootEntries = kSector / 32;
constexpr std::size_t kTables = 2;
constexpr std::size_t kTableSectors = 2;                             // 1.5 octets a cluster
constexpr std::size_t kFirstData = 1 + kTables * kTableSectors + 1;  // behind the root folder
constexpr std::size_t kSectorsPerMiB = (std::size_t{1} << 20) / kSector;
constexpr std::size_t kMaxSectors = 15 * kSectorsPerMiB;  // FAT12 ends at 4084 clusters
constexpr std::size_t kShortName = 11, kLongNamePart = 13;
constexpr std::uint16_t kDate1980 = 1U << 5 | 1U;  // month 1, day 1
constexpr std::uint16_t kEndOfChain = 0xFFF;
constexpr std::uint8_t kHardDisk = 0xF8;

bool is_one_of(std::string_view text, std::string_view further) {
  return std::ranges::all_of(text, [&](char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || further.find(c) != std::string_view::npos;
  });
}

std::size_t sectors_of(std::size_t octets) { return (octets + kSector - 1) / kSector; }

std::size_t long_parts(std::string_view name) {
  return (name.size() + kLongNamePart - 1) / kLongNamePart;
}

Fallible<void> check(std::string_view label, const std::vector<IsoFile>& files) {
  if (label.empty() || label.size() > kShortName || !is_one_of(label, "_-")) {
    return fail("bad volume label \"" + std::string(label) + "\"");
  }
  std::size_t entries = 1;
  std::size_t sectors = kFirstData;
  for (const auto& file : files) {
    if (file.name.empty() || file.name.size() > 64 || !is_one_of(file.name, "._-")) {
      return fail("bad file name \"" + file.name + "\"");
    }
    entries += 1 + long_parts(file.name);
    sectors += sectors_of(file.content.size());
  }
  const auto twice = std::ranges::adjacent_find(files, {}, &IsoFile::name);
  if (twice != files.end()) return fail("two files are named " + twice->name);
  if (entries > kRootEntries || sectors > kMaxSectors) return fail("too much for a FAT volume");
  return {};
}

// Names that no file may have by accident, so that the long ones are what counts: "F0000001   ".
std::string short_name(std::size_t number) {
  auto digits = std::to_string(number);
  return "F" + std::string(7 - digits.size(), '0') + digits + "   ";
}

std::uint8_t checksum(std::string_view short_name) {
  return std::accumulate(short_name.begin(), short_name.end(), std::uint8_t{0},
                         [](std::uint8_t sum, char c) {
                           const auto rotated = (sum & 1U) << 7 | static_cast<unsigned>(sum) >> 1;
                           return static_cast<std::uint8_t>(rotated + static_cast<std::uint8_t>(c));
                         });
}

void put_boot_sector(std::span<std::uint8_t> out, std::size_t sectors, std::string_view label) {
  Writer writer(out);
  writer.bytes(std::array<std::uint8_t, 3>{0xEB, 0x3C, 0x90});
  writer.text("SLIPWAY ");
  writer.le16(kSector);
  writer.u8(1);    // sectors in a cluster
  writer.le16(1);  // reserved sectors: this one
  writer.u8(kTables);
  writer.le16(kRootEntries);
  writer.le16(static_cast<std::uint16_t>(sectors));
  writer.u8(kHardDisk);
  writer.le16(kTableSectors);
  writer.le16(32);  // sectors a track and heads: as mkfs.fat has them, nobody asks
  writer.le16(8);
  writer.le32(0);  // hidden sectors
  writer.le32(0);
  writer.bytes(std::array<std::uint8_t, 3>{0x80, 0, 0x29});
  writer.le32(0x51197A1E);  // serial number of the volume
  writer.text(label);
  writer.text("FAT12   ");
  Writer signature(out.subspan(510));
  signature.bytes(std::array<std::uint8_t, 2>{0x55, 0xAA});
}

// One entry of a part of a long name: 13 characters of UCS-2 around fields that say so.
void put_long_part(Writer& out, std::string_view name, std::size_t part, std::uint8_t sum) {
  const bool is_last = part == long_parts(name);
  out.u8(static_cast<std::uint8_t>(part | (is_last ? 0x40U : 0U)));
  for (std::size_t i = 0; i < kLongNamePart; ++i) {
    const auto at = (part - 1) * kLongNamePart + i;
    if (i == 5) {
      out.u8(0x0F);  // attributes of a part of a name
      out.u8(0);
      out.u8(sum);
    }
    if (i == 11) out.le16(0);
    out.le16(at < name.size()    ? static_cast<std::uint8_t>(name[at])
             : at == name.size() ? std::uint16_t{0}
                                 : std::uint16_t{0xFFFF});
  }
}

void put_entry(Writer& out, std::string_view name, std::uint8_t attributes, std::size_t cluster,
               std::size_t octets) {
  out.text(name);
  out.u8(attributes);
  out.fill(4);
  out.le16(kDate1980);
  out.le16(kDate1980);
  out.fill(4);
  out.le16(kDate1980);
  out.le16(static_cast<std::uint16_t>(cluster));
  out.le32(static_cast<std::uint32_t>(octets));
}

// 12 bits, low ones first.
void put_link(std::span<std::uint8_t> table, std::size_t cluster, std::uint16_t next) {
  const auto at = cluster * 3 / 2;
  const unsigned shift = cluster % 2 == 0 ? 0 : 4;
  table[at] = static_cast<std::uint8_t>(table[at] | next << shift);
  table[at + 1] = static_cast<std::uint8_t>(table[at + 1] | next << shift >> 8);
}

void put_files(std::span<std::uint8_t> out, const std::vector<IsoFile>& files,
               std::string_view label) {
  const auto table = out.subspan(kSector, kTableSectors * kSector);
  put_link(table, 0, 0xF00 | kHardDisk);
  put_link(table, 1, kEndOfChain);
  Writer root(out.subspan((kFirstData - 1) * kSector, kSector));
  put_entry(root, label, 0x08, 0, 0);
  std::size_t cluster = 2;
  std::size_t number = 0;
  for (const auto& file : files) {
    const auto name = short_name(++number);
    for (auto part = long_parts(file.name); part > 0; --part) {
      put_long_part(root, file.name, part, checksum(name));
    }
    const auto count = sectors_of(file.content.size());
    put_entry(root, name, 0x20, count > 0 ? cluster : 0, file.content.size());
    std::ranges::copy(as_bytes(file.content),
                      out.subspan((kFirstData + cluster - 2) * kSector).begin());
    for (std::size_t i = 1; i <= count; ++i, ++cluster) {
      put_link(table, cluster, i < count ? static_cast<std::uint16_t>(cluster + 1) : kEndOfChain);
    }
  }
  std::ranges::copy(table, out.subspan((1 + kTableSectors) * kSector).begin());
}

}  // namespace

Fallible<Bytes> make_fat(std::string_view label, std::vector<IsoFile> files) {
  std::ranges::sort(files, {}, &IsoFile::name);
  if (auto good = check(label, files); !good) return std::unexpected(good.error());
  auto sectors = kFirstData;
  for (const auto& file : files) sectors += sectors_of(file.content.size());
  sectors = (sectors + kSectorsPerMiB - 1) / kSectorsPerMiB * kSectorsPerMiB;
  Bytes out(sectors * kSector);
  std::string padded(label);
  padded.resize(kShortName, ' ');
  std::ranges::transform(padded, padded.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  put_boot_sector(std::span(out).first(kSector), sectors, padded);
  put_files(out, files, padded);
  return out;
}

}  // namespace slipway::images
