// agent/backoff.hpp -- how long to wait before the next try.
#pragma once

#include <chrono>
#include <functional>

namespace slipway::agent {

// 0.5 s before the first retry (`tries` = 1), doubling up to 15 s; of that, by `dice` (0..1),
// between the half and the whole, so that a rack that lost its server does not return as one.
[[nodiscard]] std::chrono::milliseconds retry_delay(unsigned tries, double dice);

// How the agent waits. Tests replace `sleep` and make `dice` constant.
struct Waiting {
  std::function<void(std::chrono::milliseconds)> sleep;
  std::function<double()> dice;  // 0..1

  [[nodiscard]] static Waiting real();
};

}  // namespace slipway::agent
