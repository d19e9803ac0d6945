// service/doctor/lan.hpp -- who else answers boot clients on an interface's network.
//
// Asking and judging are apart: judge_lan is pure.
#pragma once

#include <chrono>
#include <span>

#include "base/result.hpp"
#include "dhcp/overhear.hpp"
#include "service/doctor/finding.hpp"
#include "service/interfaces.hpp"

namespace slipway::service {

// Sends a DISCOVER as UEFI firmware does, from a random locally administered MAC, on this interface
// and no other, twice within `listen`, and collects what is answered to it until then. The packet
// goes past this machine's own IP stack, so a service that runs here does not meet a host that is
// none; one that runs on another machine does. Fails without CAP_NET_RAW.
[[nodiscard]] Fallible<std::vector<dhcp::Overheard>> ask_lan(const Interface& interface,
                                                             std::chrono::milliseconds listen);

// What the answers mean for hosts that boot here. `leases`: we give them, so nobody else may.
[[nodiscard]] Findings judge_lan(const Interface& interface,
                                 std::span<const dhcp::Overheard> answers, bool leases = false);

}  // namespace slipway::service
