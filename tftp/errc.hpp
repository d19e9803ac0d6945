// tftp/errc.hpp -- why a datagram to port 69 starts no transfer.
#pragma once

#include <cstdint>
#include <system_error>

namespace slipway::tftp {

enum class Errc : std::uint8_t {
  truncated = 1,  // shorter than its form, or a string without its NUL
  bad_opcode,     // not a datagram that belongs on port 69
  bad_name,       // empty, too long, with control characters or with a ".." in it
};

[[nodiscard]] std::error_code make_error_code(Errc code);

}  // namespace slipway::tftp

template <>
struct std::is_error_code_enum<slipway::tftp::Errc> : std::true_type {};
