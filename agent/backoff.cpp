#include "agent/backoff.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <thread>

#include "base/crypto.hpp"

namespace slipway::agent {
namespace {

double random_share() {
  std::array<std::uint8_t, 2> octets{};
  random_octets(octets);
  return (octets[0] * 256.0 + octets[1]) / 65535.0;
}

}  // namespace

std::chrono::milliseconds retry_delay(unsigned tries, double dice) {
  constexpr double kFirstMs = 500, kLongestMs = 15'000;
  const unsigned doublings = tries == 0 ? 0 : std::min(tries - 1, 10U);
  const double whole = std::min(kLongestMs, std::ldexp(kFirstMs, static_cast<int>(doublings)));
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(whole * (0.5 + 0.5 * std::clamp(dice, 0.0, 1.0))));
}

Waiting Waiting::real() {
  return {[](std::chrono::milliseconds pause) { std::this_thread::sleep_for(pause); },
          random_share};
}

}  // namespace slipway::agent
