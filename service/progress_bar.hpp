// service/progress_bar.hpp -- how far a command is, for the person who waits for it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/progress.hpp"

namespace slipway::service {

// On stderr: a bar on a terminal, ten times a second; a line every ten seconds elsewhere.
class ProgressBar {
 public:
  ProgressBar();
  void show(std::string_view step, std::uint64_t done_octets, std::uint64_t total_octets);
  void finish() const;  // takes the bar away

 private:
  bool is_terminal_;
  TimePoint shown_{};
  RateMeter rate_;
};

}  // namespace slipway::service
