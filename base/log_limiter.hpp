// base/log_limiter.hpp -- lets the first of many equal events through to the log.
//
// A client that repeats itself, or a flood with forged addresses, must not fill the log. The
// table is fixed: two subjects that share a slot push each other out, which costs a line at most.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/second_quota.hpp"

namespace slipway {

class LogLimiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit LogLimiter(std::chrono::milliseconds interval) : interval_(interval) {}

  // True when nothing was let through for this event of this subject (a MAC, an address) within
  // the interval. `event` is any small number that the caller gives to a kind of line.
  [[nodiscard]] bool allow(ByteView subject, std::uint8_t event, TimePoint now) {
    std::uint64_t key = 14695981039346656037U;  // FNV-1a
    for (const auto octet : subject) key = (key ^ octet) * 1099511628211U;
    key = (key ^ event) * 1099511628211U;
    // FNV leaves the last octets in the lowest bits: without this, neighbours share a slot.
    key = (key ^ key >> 32U) * 0x9e3779b97f4a7c15U;
    auto& slot = slots_[(key >> 32U) % slots_.size()];
    if (slot.key == key && now - slot.last < interval_) return false;
    slot = {key, now};
    return true;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    TimePoint last;
  };
  std::chrono::milliseconds interval_;
  std::array<Slot, 1024> slots_{};
};

// Lets some lines of each kind through in a second, whoever they are about: of forged addresses
// each one is new.
class LogQuota {
 public:
  using TimePoint = LogLimiter::TimePoint;

  explicit LogQuota(std::uint32_t lines_a_second) : most_(lines_a_second) {}

  // True for the first lines of `event` in the second that its first one began.
  [[nodiscard]] bool allow(std::uint8_t event, TimePoint now) {
    return kinds_[event].allow(most_, now);
  }

 private:
  std::uint32_t most_;
  std::array<SecondQuota, 256> kinds_{};
};

}  // namespace slipway
