// base/second_quota.hpp -- lets the first few of each second through.
#pragma once

#include <chrono>
#include <cstdint>

namespace slipway {

class SecondQuota {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // True for the first `most` in the second that the first of them began.
  [[nodiscard]] bool allow(std::uint32_t most, TimePoint now) {
    if (now - since_ >= std::chrono::seconds(1)) *this = {now, 0};
    if (count_ >= most) return false;
    ++count_;
    return true;
  }

  SecondQuota() = default;

 private:
  SecondQuota(TimePoint since, std::uint32_t count) : since_(since), count_(count) {}

  TimePoint since_{};
  std::uint32_t count_ = 0;
};

}  // namespace slipway
