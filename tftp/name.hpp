// tftp/name.hpp -- from a file name on the wire to the name under which files are published.
#pragma once

#include <span>
#include <string_view>

#include "base/result.hpp"
#include "tftp/errc.hpp"

namespace slipway::tftp {

inline constexpr std::size_t kMaxNameOctets = 255;

// Writes the name into `out` (kMaxNameOctets) and returns a view of it: '\' becomes '/', runs of
// '/' and "." parts vanish, no '/' at the beginning or end, and octets 0xff at the end are cut
// off (old ROMs leave them there). Fails with bad_name for an empty or too long name, a control
// character or a ".." part. The result is only ever looked up in a map, never opened.
[[nodiscard]] Result<std::string_view> normalise_name(std::string_view wire, std::span<char> out);

}  // namespace slipway::tftp
