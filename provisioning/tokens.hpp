// provisioning/tokens.hpp -- texts that open doors.
#pragma once

#include <string>
#include <string_view>

#include "base/crypto.hpp"

namespace slipway::provisioning {

// 128 random bits as 32 hexadecimal digits, for boot tokens and bearers.
[[nodiscard]] inline std::string new_token() { return random_hex(16); }

// What a log may show of a token.
[[nodiscard]] inline std::string_view shown(std::string_view token) { return token.substr(0, 6); }

}  // namespace slipway::provisioning
