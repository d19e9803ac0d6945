// images/fat.hpp -- small FAT12 file systems with sectors of 4096 octets. ECMA-107, and Microsoft's
// "FAT: General Overview of On-Disk Format" 1.03 for long names.
//
// Linux mounts no ISO 9660 from a disk with sectors of 4096 octets; cloud-init's NoCloud takes its
// seed from FAT as well. Such a volume is good for disks of 512-octet sectors, too. Same input,
// same octets: every date in it is 1980-01-01.
#pragma once

#include <string_view>
#include <vector>

#include "images/iso.hpp"

namespace slipway::images {

// The file system's octets, a multiple of 1 MiB. Names and their rules are those of make_iso().
// Fails for a bad name, a name twice, a label that is not 1..11 of [A-Za-z0-9_-], or more than
// 15 MiB.
[[nodiscard]] Fallible<Bytes> make_fat(std::string_view label, std::vector<IsoFile> files);

}  // namespace slipway::images
