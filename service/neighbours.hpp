// service/neighbours.hpp -- the kernel's neighbour table: which MAC is behind an on-link address.
#pragma once

#include <cstdint>
#include <optional>

#include "base/descriptor.hpp"
#include "base/net.hpp"

namespace slipway::service {

// One socket for all questions: every request for a script asks, and to make a socket each time
// costs more than the answer. Not thread-safe.
class Neighbours {
 public:
  // Asks the kernel for the one entry of `address` on the interface (RTM_GETNEIGH, microseconds).
  // None when the address is not on-link there, not resolved, or not Ethernet.
  [[nodiscard]] std::optional<Mac> mac_of(Ipv4 address, unsigned interface_index);

 private:
  [[nodiscard]] std::optional<Mac> answer_to(std::uint32_t sequence);

  Descriptor socket_;  // made with the first question, and again after a failure
  std::uint32_t sequence_ = 0;
};

}  // namespace slipway::service
