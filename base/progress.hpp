// base/progress.hpp -- how far, how fast, how much longer. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/scheduler.hpp"

namespace slipway {

// "20.0 GiB": sizes as people read them, in binary units.
[[nodiscard]] std::string human_octets(std::uint64_t octets);

struct Progress {
  std::string step =
      "inventory";  // inventory, checks, wipe, write, verify, commit, bootentry, done
  std::uint64_t done_octets = 0;
  std::uint64_t total_octets = 0;
  std::uint64_t rate_octets = 0;  // a second, smoothed
};

// Turns the writer's counts into a rate that neither jumps with every chunk nor lies for a minute
// about a network that stopped: an average whose weight falls by half in 2 s.
class RateMeter {
 public:
  // `done_octets` of `step` at `now`; a new step starts afresh.
  [[nodiscard]] std::uint64_t update(std::string_view step, std::uint64_t done_octets,
                                     TimePoint now);

 private:
  std::string step_;
  std::uint64_t done_octets_ = 0;
  TimePoint at_{};
  std::optional<double> rate_;
};

// Seconds to the step's end at the present rate; nullopt when nothing moves.
[[nodiscard]] std::optional<std::uint64_t> seconds_left(const Progress& progress);

// "write    [#######-------]  52 %  1.2 GiB of 2.3 GiB  118.0 MiB/s  0:09 left", or "checks ..."
// for a step without a measure. At most `width` characters, no line end.
[[nodiscard]] std::string progress_line(const Progress& progress, std::size_t width);

}  // namespace slipway
