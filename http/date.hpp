// http/date.hpp -- dates in headers. RFC 9110 s.5.6.7.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::http {

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate), whatever the locale. `now`: seconds since 1970.
[[nodiscard]] std::string http_date(std::time_t now);

// Reads exactly that form; nullopt for everything else. The two obsolete forms of RFC 9110 are not
// read: what comes here is a Last-Modified of ours, sent back.
[[nodiscard]] std::optional<std::time_t> parse_http_date(std::string_view text);

}  // namespace slipway::http
