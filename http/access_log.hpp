// http/access_log.hpp -- one line of the log for an answer: `http.answered`.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/log.hpp"
#include "base/log_limiter.hpp"
#include "http/limits.hpp"

namespace slipway::http {

// Which level an answer is worth: warn from status 500 on, info for other refusals but 404, which
// firmware earns by probing. The rest is info when `everything` is wanted, else debug.
[[nodiscard]] log::Level level_of(const Access& access, bool everything);

// Above debug, at most kLinesASecond of refusals and as many of the rest are written, so that no
// client fills the log; how many were not is said with the next line (`http.unlogged`). The metrics
// count all of them.
class AccessLog {
 public:
  static constexpr std::uint32_t kLinesASecond = 100;

  explicit AccessLog(bool everything) : everything_(everything) {}
  void note(const Access& access, std::chrono::steady_clock::time_point now);

  [[nodiscard]] std::uint64_t unlogged() const { return unlogged_; }  // since it was last said

 private:
  bool everything_;
  LogQuota quota_{kLinesASecond};
  std::uint64_t unlogged_ = 0;
};

}  // namespace slipway::http
