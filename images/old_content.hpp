// images/old_content.hpp -- what was on the disk before, so that none of it is found again.
//
// RAID, LVM, bcache, ZFS and file systems put their signatures at the start or at the end of the
// partition they are in. An old partition that begins or ends behind the image keeps them, and a
// later grown partition would have them inside. Linux' md even assembles such an array by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "images/block_device.hpp"
#include "images/disk_plan.hpp"

namespace slipway::images {

// The partitions of the GPT (primary, else backup) or of the MBR with its logical ones (all types,
// at most 1024), as far as they lie on the disk. A table that cannot be read or makes no sense
// gives those that do; only reading fails.
[[nodiscard]] Fallible<std::vector<Extent>> old_partitions(BlockDevice& disk);

// The first and last MiB of each, as far as they lie behind `image_end` (octets).
[[nodiscard]] std::vector<Extent> signature_places(const std::vector<Extent>& partitions,
                                                   std::uint64_t image_end);

}  // namespace slipway::images
