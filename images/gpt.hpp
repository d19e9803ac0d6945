// images/gpt.hpp -- GUID partition tables: reading an image's, making the disk's. UEFI 2.10 s.5.3.
//
// Pure functions over octets. An image's table ends where the image ends; the disk is larger. So
// the final table is computed before anything is written: backup at the disk's real end, one more
// partition there for the host's seed, the image's last one grown, CRCs anew. Only the primary
// table of an image is read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "images/guid.hpp"

namespace slipway::images {

inline constexpr std::size_t kHeadOctets = std::size_t{1} << 20;  // the part of a disk written last

struct Partition {
  unsigned number = 0;  // 1-based, as in /dev/sda1
  Guid type, unique;
  std::uint64_t offset = 0, length = 0;  // octets
  std::string name;                      // ASCII; other characters become '?'
};

// A checked primary table.
struct GptTable {
  std::uint32_t sector_octets = 0;  // 512 or 4096
  std::uint64_t first_usable_lba = 0, last_usable_lba = 0, backup_lba = 0, entries_lba = 0;
  std::uint32_t entry_octets = 0;  // 128 x 2^n
  Guid disk;
  Bytes entries;  // the whole array, as on the disk
  [[nodiscard]] std::vector<Partition> partitions() const;
  // Where the image's own backup table begins, in octets: between the last usable block and the
  // backup header. What is from here on is not to be copied to a disk.
  [[nodiscard]] std::uint64_t backup_offset() const;
};

// 512 or 4096 when `head`, the start of an image, has a GPT header signature at that offset.
[[nodiscard]] std::optional<std::uint32_t> detect_gpt(ByteView head);

// Reads the table for `sector_octets` from the first MiB of an image of `image_octets`. Fails when
// a CRC is wrong, or a field or a partition leaves its bounds, or partitions overlap.
[[nodiscard]] Fallible<GptTable> parse_gpt(ByteView head, std::uint32_t sector_octets,
                                           std::uint64_t image_octets);

// The sector size that an image of `image_octets` is made for: its GPT's, or 512 when it has none.
// Fails when there is one, and it is damaged: better here than at the first host.
[[nodiscard]] Fallible<std::uint32_t> sector_size_of(ByteView head, std::uint64_t image_octets);

struct SeedPartition {
  std::uint64_t octets = 0;  // wanted; rounded up to whole MiB
  Guid unique;
};

// How the disk's table differs from the image's, its size aside.
struct TableChanges {
  std::optional<SeedPartition> seed = {};
  // Gives the disk and each of the image's partitions their new unique GUID, in this order; empty:
  // they keep those of the image, which all disks written from it then share.
  std::function<Guid()> new_guid = {};
  // The image's last partition (the one that ends last) goes on up to the seed's partition, or
  // without one up to the last whole MiB before the backup table. It never shrinks.
  bool grow_last = false;
};

// What is written to the disk besides the image's own octets, each with its place.
struct DiskTable {
  Bytes lba0, lba1;                   // one sector each
  Bytes entries;                      // whole sectors
  std::uint64_t entries_offset = 0;   // octets
  Bytes backup;                       // entries, then the header: up to the disk's last octet
  std::uint64_t backup_offset = 0;    // octets
  std::uint64_t seed_offset = 0;      // octets, a multiple of 1 MiB; 0 without a seed
  std::vector<Partition> partitions;  // with the seed's, which is the last one on the disk
};

enum class TableFault { image_too_large, bad_table };
struct TableError {
  TableFault fault;
  std::string text;
};

// `head` is the image's first MiB (boot code of LBA 0 is kept). The seed's partition is named
// `cidata`, of type Linux filesystem data, and lies at the end of the disk.
// Fails with image_too_large when partitions, seed and tables do not fit `disk_octets`; bad_table
// when there is no protective MBR or no free entry.
[[nodiscard]] std::expected<DiskTable, TableError> make_disk_table(const GptTable& image,
                                                                   ByteView head,
                                                                   std::uint64_t disk_octets,
                                                                   const TableChanges& changes);

}  // namespace slipway::images
