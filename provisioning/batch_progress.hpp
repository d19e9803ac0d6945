// provisioning/batch_progress.hpp -- how far a batch is: counts, pace, who lags behind. Pure.
//
// All times are wall clock, milliseconds since 1970; 0 means "not yet".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::provisioning {

enum class MemberState : std::uint8_t {
  waiting,   // for a host to take the place
  armed,     // has not begun, or failed and may try again at its next boot
  running,   // boots or is being written
  done,      // installed
  failed,    // for good: nothing permits another attempt
  withdrawn  // the permission ended before anything was begun
};

[[nodiscard]] std::string_view name_of(MemberState state);

struct Member {
  MemberState state = MemberState::waiting;
  std::int64_t armed_ms = 0;
  std::int64_t started_ms = 0, ended_ms = 0;  // of the attempt that counts, the last one
  std::string step{};                         // of a running one, as its agent names it
  std::int64_t step_began_ms = 0;
  std::map<std::string, double, std::less<>> step_seconds{};  // of a done one
};

struct Straggler {
  std::size_t member = 0;  // index into the members
  std::string why{};
};

struct BatchProgress {
  std::size_t total = 0, done = 0, failed = 0, running = 0, armed = 0, waiting = 0, withdrawn = 0;
  // Finished within the last hour, or since the first one began when that is less; boxes an hour.
  double boxes_per_hour = 0;
  // When the last one will be done at this pace; none while there is no pace, or nothing is left.
  std::optional<std::int64_t> eta_ms{};
  std::vector<Straggler> stragglers{};
};

// A straggler is a running member whose step takes more than twice the median of that step among
// the done ones (and kLeastLagMs more than it), one whose whole attempt does so while its step has
// no such median, or an armed one that has not begun in that time (and in kLeastUnseenMs).
[[nodiscard]] BatchProgress progress_of(std::span<const Member> members, std::int64_t now_ms);

inline constexpr std::int64_t kLeastLagMs = 30'000;
inline constexpr std::int64_t kLeastUnseenMs = 600'000;

}  // namespace slipway::provisioning
