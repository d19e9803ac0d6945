// base/progress.hpp -- how far a long work is, for a person: sizes, times, a bar, rate and ETA.
//
// Pure: the caller reads the clock and owns the terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "base/scheduler.hpp"

namespace slipway {

// "512 B", "1.5 GiB": binary units, three significant digits.
[[nodiscard]] std::string human_octets(std::uint64_t octets);

// "8 s", "3 min 20 s", "2 h 5 min".
[[nodiscard]] std::string human_duration(std::chrono::seconds duration);

// The rate over the last ten seconds, so that an ETA follows what the medium does now.
class RateMeter {
 public:
  void add(std::uint64_t done_octets, TimePoint now);
  [[nodiscard]] std::uint64_t octets_per_second() const;  // 0 until there are two samples

 private:
  std::deque<std::pair<TimePoint, std::uint64_t>> samples_;
};

// "write   [#######.........]  43 %  1.2 GiB of 2.8 GiB  310 MiB/s  5 s left", ASCII, no line end.
// An unknown total (0) leaves out what depends on it.
[[nodiscard]] std::string progress_line(std::string_view step, std::uint64_t done_octets,
                                        std::uint64_t total_octets,
                                        std::uint64_t octets_per_second);

}  // namespace slipway
