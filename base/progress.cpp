#include "base/progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace slipway {
namespace {

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string padded_left(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string two_digits(std::uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

std::string human_octets(std::uint64_t octets) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(octets);
  std::size_t unit = 0;
  // From 1000 on the next unit, so that at most three digits stand before the point.
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value,
                      kUnits[unit].data());  // at most 9 characters
  return text.data();
}

std::uint64_t RateMeter::update(std::string_view step, std::uint64_t done_octets, TimePoint now) {
  constexpr double kHalfLifeSeconds = 2.0;
  if (step != step_ || done_octets < done_octets_) {
    step_ = step;
    rate_.reset();
    done_octets_ = done_octets;
    at_ = now;
    return 0;
  }
  const double elapsed = std::chrono::duration<double>(now - at_).count();
  // Shorter spans measure the scheduler, not the disk.
  if (elapsed >= 0.1) {
    const double latest = static_cast<double>(done_octets - done_octets_) / elapsed;
    const double kept = std::exp2(-elapsed / kHalfLifeSeconds);
    rate_ = rate_ ? *rate_ * kept + latest * (1 - kept) : latest;
    done_octets_ = done_octets;
    at_ = now;
  }
  return static_cast<std::uint64_t>(rate_.value_or(0));
}

std::optional<std::uint64_t> seconds_left(const Progress& progress) {
  if (progress.rate_octets == 0 || progress.done_octets > progress.total_octets) {
    return std::nullopt;
  }
  const auto left = progress.total_octets - progress.done_octets;
  return left / progress.rate_octets + (left % progress.rate_octets != 0 ? 1 : 0);
}

std::string progress_line(const Progress& progress, std::size_t width) {
  constexpr std::size_t kBarCells = 14;  // so that sizes of six figures fit 79 columns
  if (progress.total_octets == 0) return (progress.step + " ...").substr(0, width);
  const double share = std::min(
      1.0, static_cast<double>(progress.done_octets) / static_cast<double>(progress.total_octets));
  const auto full = static_cast<std::size_t>(share * kBarCells);
  std::string line = padded(progress.step, 8) + " [" + std::string(full, '#') +
                     std::string(kBarCells - full, '-') + "] ";
  line += padded_left(std::to_string(static_cast<int>(share * 100)), 3) + " %  ";
  line += human_octets(progress.done_octets) + " of " + human_octets(progress.total_octets);
  line += "  " + human_octets(progress.rate_octets) + "/s";
  if (const auto left = seconds_left(progress)) {
    line += "  " + std::to_string(*left / 60) + ":" + two_digits(*left % 60) + " left";
  }
  return line.substr(0, width);
}

}  // namespace slipway
