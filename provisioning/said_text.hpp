// provisioning/said_text.hpp -- what machines say of themselves, as we keep and show it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::provisioning {

inline constexpr std::size_t kSaidOctets = 128;

// `text` as one line of well-formed UTF-8, at most `longest` octets: SMBIOS fields and query
// parameters may hold anything, and a control character or a broken sequence would make the
// operator's JSON unreadable or move the cursor of a terminal. Control characters become blanks;
// where the rest is not UTF-8, its octets beyond ASCII become `?`.
[[nodiscard]] std::string said_text(std::string_view text, std::size_t longest = kSaidOctets);

}  // namespace slipway::provisioning
