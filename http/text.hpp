// http/text.hpp -- the few operations on text that HTTP's grammar needs. RFC 9110 s.5.6.
//
// All of them know ASCII only, whatever the locale: a header name has no other letters.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::http {

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

// Without the spaces and tabs at both ends (OWS).
[[nodiscard]] std::string_view trimmed(std::string_view text);

// Cuts the next member off a comma-separated list, trimmed. Empty members are given as they are.
[[nodiscard]] std::string_view take_member(std::string_view& list);

// Whether the comma-separated `list` has `member`, in any case.
[[nodiscard]] bool has_member(std::string_view list, std::string_view member);

// A decimal number without sign or spaces, below 10^18 so that sums of two cannot overflow.
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(std::string_view text);

// The characters of a token: header names and methods.
[[nodiscard]] bool is_token(std::string_view text);

}  // namespace slipway::http
