// images/import/member_path.hpp -- names of the members of foreign archives. Pure.
//
// A name out of an archive never reaches open(): it is brought to one form, held against the
// limits, and looked up.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slipway::images {

struct PathLimits {
  std::size_t max_octets = 1024;
  std::size_t max_parts = 64;
};

// "boot/kernel" of "./boot//kernel/"; empty for the root itself. Fails for an absolute name, for
// one with "..", and beyond the limits.
[[nodiscard]] Fallible<std::string> member_path(std::string_view name,
                                                const PathLimits& limits = {});

// Where a symbolic link leads: `target` as it stands in the link at `link`. An absolute one counts
// from the archive's root, as it will on the system that the archive holds. Fails where it leads
// out.
[[nodiscard]] Fallible<std::string> link_target(std::string_view link, std::string_view target,
                                                const PathLimits& limits = {});

// For an error message: without control characters, cut at 200 octets.
[[nodiscard]] std::string shown(std::string_view name);

// Whether `path` is `pattern`, in which "*" stands for any octets but '/'.
[[nodiscard]] bool fits(std::string_view path, std::string_view pattern);

// Upper case, as far as ASCII goes.
[[nodiscard]] std::string upper(std::string_view text);

// The name that a medium of ISO 9660 level 1 without extensions has for it: "ROOTFS.SQU" of
// "rootfs.squashfs" (ECMA-119 s.7.5, s.10.1); '*' is kept.
[[nodiscard]] std::string level_1_path(std::string_view path);

}  // namespace slipway::images
