// images/fat32.hpp -- FAT32 file systems with folders, for the EFI system partition of a stick.
// ECMA-107 and Microsoft's "FAT: General Overview of On-Disk Format" 1.03.
//
// Names are short ones (8.3, upper case), which every firmware reads without a rule for letters.
// Same input, same octets: every date in it is 1980-01-01.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

struct Fat32File {
  std::string path;  // "EFI/BOOT/BOOTX64.EFI"
  ByteView content;  // less than 4 GiB; outlives the call
};

// The file system's octets, a multiple of 1 MiB and at least 34 MiB: fewer clusters would make it
// FAT16 (p.14). Folders are made as paths need them; files lie in one piece, in the given order.
// Fails for a path that is not of names of 1..8 and 0..3 of [A-Z0-9_-], a path twice, a file where
// a folder must be, more than 60 names in a folder, a label that is not 1..11 of [A-Z0-9_-], or
// more than 1 GiB.
[[nodiscard]] Fallible<Bytes> make_fat32(std::string_view label, std::uint32_t volume_id,
                                         const std::vector<Fat32File>& files);

}  // namespace slipway::images
