#include "provisioning/passage.hpp"

#include <algorithm>

namespace slipway::provisioning {

std::string_view name_of(Milestone milestone) {
  constexpr std::array<std::string_view, kMilestones> kNames{
      "asked",  "boot_server", "loader_asked", "loader_sent", "script",
      "kernel", "agent",       "plan",         "config",      "installed"};
  return kNames[static_cast<std::size_t>(milestone)];
}

std::optional<std::chrono::nanoseconds> Passage::reach(Milestone milestone, TimePoint now) {
  const bool has_run = has(Milestone::agent) || has(Milestone::config) || has(Milestone::installed);
  if (milestone == Milestone::script && has_run) *this = {};
  sent_home = false;
  last = std::max(last, now);
  auto& mine = first[static_cast<std::size_t>(milestone)];
  if (mine) return std::nullopt;
  std::optional<TimePoint> before;
  for (const auto& other : first) {
    if (other) before = before ? std::max(*before, *other) : *other;
  }
  mine = now;
  if (!before) return std::nullopt;
  return now - *before;
}

void Passage::hear(Heard what, const Sight& server) {
  if (what == Heard::proxy) {
    rival = server;
    return;
  }
  if (!lease || server.mac != Mac{}) lease = server;
  if (what == Heard::pxe_lease) pxe_lease = server;
}

// An iPXE that we sent asks by DHCP again and is the same boot; one in the card's ROM asks once,
// and so does firmware as long as it gets no further.
bool Passage::is_over(bool loaded, TimePoint now) const {
  if (!has(Milestone::asked) || now - last > kNewBootAfter) return true;
  if (has(Milestone::script) || sent_home) return true;
  return has(Milestone::loader_sent) && !loaded;
}

}  // namespace slipway::provisioning
