#include "provisioning/decision.hpp"

namespace slipway::provisioning {
namespace {

// Long enough for a firmware that insists on the network to be told to start its disk.
constexpr std::chrono::hours kAnsweredAfterSuccess{1};

constexpr Decision kNothing{.answer_dhcp = false, .script = Script::local_disk};
constexpr Decision kWait{.answer_dhcp = true, .script = Script::wait};
constexpr Decision kInstall{.answer_dhcp = true, .script = Script::install};

}  // namespace

Decision decide(const std::optional<HostView>& host, UnknownHosts unknown_hosts) {
  const auto waits = unknown_hosts == UnknownHosts::discover ? kWait : kNothing;
  if (!host) return waits;
  switch (host->state) {
    case HostState::discovered:
    case HostState::assigned: return waits;
    case HostState::armed:
    case HostState::booting:
    case HostState::installing:
    case HostState::failed: return host->attempts_left > 0 ? kInstall : kNothing;
    case HostState::installed:
      return {.answer_dhcp = host->just_installed, .script = Script::local_disk};
    case HostState::ignored: return kNothing;
  }
  return kNothing;
}

HostView view_of(const Host& host, TimePoint now) {
  HostView view{.state = host.state, .attempts_left = host.attempts_left(now)};
  if (host.state == HostState::armed && view.attempts_left == 0) view.state = HostState::assigned;
  view.just_installed =
      host.state == HostState::installed && now - host.changed < kAnsweredAfterSuccess;
  return view;
}

}  // namespace slipway::provisioning
