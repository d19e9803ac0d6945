// provisioning/decision.hpp -- may this host boot, and into what? Pure.
//
// The table of docs/boot-flow.md s.2 and nothing else.
#pragma once

#include <cstdint>
#include <optional>

#include "provisioning/config.hpp"
#include "provisioning/host.hpp"

namespace slipway::provisioning {

// What the boot script makes a client do.
enum class Script : std::uint8_t {
  local_disk,
  wait,    // our agent, which gets no plan and cannot write
  install  // our agent with a plan
};

struct Decision {
  bool answer_dhcp = false;  // on port 67 and on 4011
  Script script = Script::local_disk;
  bool operator==(const Decision&) const = default;
};

// As much of a host as the decision depends on.
struct HostView {
  HostState state = HostState::discovered;
  unsigned attempts_left = 0;
  bool just_installed = false;  // success was acknowledged less than an hour ago
};

// `host` is empty for an identity that no record matches.
[[nodiscard]] Decision decide(const std::optional<HostView>& host, UnknownHosts unknown_hosts);

// The view of `host` at `now`. An arming that has expired counts as none, even when nobody has
// written its end down yet.
[[nodiscard]] HostView view_of(const Host& host, TimePoint now);

}  // namespace slipway::provisioning
