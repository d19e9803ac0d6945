#include "base/progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace slipway {
namespace {

constexpr std::chrono::seconds kRateWindow{10};
constexpr std::size_t kBarWidth = 24;

std::string bar(std::uint64_t done, std::uint64_t total) {
  const auto filled = static_cast<std::size_t>(static_cast<double>(std::min(done, total)) /
                                               static_cast<double>(total) * kBarWidth);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

}  // namespace

std::string human_octets(std::uint64_t octets) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  if (octets < 1024) return std::to_string(octets) + " B";
  auto value = static_cast<double>(octets);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  (void)std::snprintf(text.data(), text.size(), "%.*f ", decimals, value);  // cut, never overrun
  return std::string(text.data()) + std::string(kUnits[unit]);
}

std::string human_duration(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) {
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  }
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

void RateMeter::add(std::uint64_t done_octets, TimePoint now) {
  samples_.emplace_back(now, done_octets);
  while (samples_.size() > 2 && now - samples_.front().first > kRateWindow) samples_.pop_front();
}

std::uint64_t RateMeter::octets_per_second() const {
  if (samples_.size() < 2) return 0;
  const auto& [first_time, first_octets] = samples_.front();
  const auto& [last_time, last_octets] = samples_.back();
  const std::chrono::duration<double> span = last_time - first_time;
  if (span.count() <= 0 || last_octets <= first_octets) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(last_octets - first_octets) / span.count());
}

std::string progress_line(std::string_view step, std::uint64_t done_octets,
                          std::uint64_t total_octets, std::uint64_t octets_per_second) {
  std::string line(step);
  if (line.size() < 8) line.resize(8, ' ');
  if (total_octets == 0) return line + " " + human_octets(done_octets);
  const auto percent =
      static_cast<unsigned>(static_cast<double>(std::min(done_octets, total_octets)) * 100.0 /
                            static_cast<double>(total_octets));
  std::array<char, 16> share{};
  (void)std::snprintf(share.data(), share.size(), " %3u %%  ", percent);  // at most 9 characters
  line += " " + bar(done_octets, total_octets) + share.data();
  line += human_octets(done_octets) + " of " + human_octets(total_octets);
  if (octets_per_second == 0) return line;
  const auto left = total_octets - std::min(done_octets, total_octets);
  line += "  " + human_octets(octets_per_second) + "/s";
  line += "  " + human_duration(std::chrono::seconds(left / octets_per_second)) + " left";
  return line;
}

}  // namespace slipway
