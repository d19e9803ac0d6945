// images/import/file_check.hpp -- whether a file is what its role says, by its first octets. Pure.
//
// A host that was given something else only shows a black screen; here it is a sentence at import.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

enum class FileForm {
  any,
  kernel,            // x86 bzImage: Documentation/arch/x86/boot.rst of Linux
  initrd,            // cpio, or cpio packed as Linux can unpack it
  root_file_system,  // squashfs 4 or EROFS
  live_root,         // the same, or a cpio of it (Fedora CoreOS)
};

// Octets from the start of a file that check_form() wants to see, fewer where it ends.
inline constexpr std::size_t kFormOctets = 65536;

// What the file is, for people ("Linux 6.1.0-28-amd64", "gzip", "squashfs 4.0"); empty for `any`.
// `octets` is the size of the whole file: a kernel or file system whose own header says more was
// cut. Fails with what it is instead.
[[nodiscard]] Fallible<std::string> check_form(FileForm form, ByteView head, std::uint64_t octets);

}  // namespace slipway::images
