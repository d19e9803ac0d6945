// dhcp/seed.hpp -- a number that nobody outside can know, for tables whose places must not be aimed
// at.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/crypto.hpp"

namespace slipway::dhcp {

[[nodiscard]] inline std::uint64_t random_seed() {
  std::array<std::uint8_t, 8> octets{};
  random_octets(octets);
  return Reader(octets).le64();
}

}  // namespace slipway::dhcp
