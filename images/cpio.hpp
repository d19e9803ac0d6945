// images/cpio.hpp -- initramfs archives: cpio "newc" (Linux, initramfs buffer format), by
// libarchive.
//
// Same input, same octets: entries sorted by path, times 0, owner root. Not compressed; the kernel
// takes several such archives one after the other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

struct CpioEntry {
  enum class Kind : std::uint8_t { file, directory, symlink, character_device };

  Kind kind = Kind::file;
  std::string path;                    // relative, without "." and ".." parts: "etc/slipway/token"
  std::uint32_t mode = 0644;           // permission bits
  Bytes content = {};                  // of a file, when `source` is empty
  std::filesystem::path source = {};   // of a file: read from here
  std::string target = {};             // of a symlink
  std::uint32_t major = 0, minor = 0;  // of a device
};

// The archive. Missing parent directories are added, mode 0755. The length is padded with zeros to
// a multiple of `pad_octets` (> 0), so that a further archive may follow (512: what loaders
// expect). Fails for a bad path, the same path twice, or a source that cannot be read.
[[nodiscard]] Fallible<Bytes> make_cpio(std::vector<CpioEntry> entries,
                                        std::size_t pad_octets = 512);

}  // namespace slipway::images
