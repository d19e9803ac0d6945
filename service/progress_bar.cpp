#include "service/progress_bar.hpp"

#include <unistd.h>

#include <iostream>

namespace slipway::service {

ProgressBar::ProgressBar() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressBar::show(std::string_view step, std::uint64_t done_octets,
                       std::uint64_t total_octets) {
  constexpr std::size_t kColumns = 79;
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < (is_terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10))) {
    return;
  }
  shown_ = now;
  const auto rate = rate_.update(step, done_octets, now);
  const auto line = progress_line({std::string(step), done_octets, total_octets, rate}, kColumns);
  std::cerr << (is_terminal_ ? "\r\x1b[K" + line : line + "\n") << std::flush;
}

void ProgressBar::finish() const {
  if (is_terminal_) std::cerr << "\r\x1b[K" << std::flush;
}

}  // namespace slipway::service
