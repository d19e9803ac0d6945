// agent/clock.hpp -- the host's clock, set from the server's.
//
// A host out of storage thinks that it is 1970, and so would the installed system at its first
// start: its certificates would not be valid yet.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace slipway::agent {

// Milliseconds since 1970, UTC.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  [[nodiscard]] virtual std::int64_t now_ms() = 0;
  [[nodiscard]] virtual Fallible<void> set_ms(std::int64_t unix_ms) = 0;
  // The battery's clock, from which the installed system starts. Whole seconds.
  [[nodiscard]] virtual Fallible<void> set_hardware_ms(std::int64_t unix_ms) = 0;
};

// The kernel's clock and /dev/rtc0.
class SystemClock : public Clock {
 public:
  std::int64_t now_ms() override;
  Fallible<void> set_ms(std::int64_t unix_ms) override;
  Fallible<void> set_hardware_ms(std::int64_t unix_ms) override;
};

// Sets both when they are more than 2 seconds off. Gives a line for the console: what was done, or
// why it could not be; empty when the clock was right. A clock that cannot be set stops nothing.
[[nodiscard]] std::string follow_server(Clock& clock, std::int64_t server_unix_ms);

}  // namespace slipway::agent
