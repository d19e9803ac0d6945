// service/neighbours.hpp -- the kernel's neighbour table: which MAC is behind an on-link address.
#pragma once

#include <optional>

#include "base/net.hpp"

namespace slipway::service {

// Asks the kernel for the one entry of `address` on the interface (RTM_GETNEIGH, microseconds).
// None when the address is not on-link there, not resolved, or not Ethernet.
[[nodiscard]] std::optional<Mac> neighbour_mac(Ipv4 address, unsigned interface_index);

}  // namespace slipway::service
