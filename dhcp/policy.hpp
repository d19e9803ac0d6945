// dhcp/policy.hpp -- what the DHCP code asks the rest of the service.
#pragma once

#include <string_view>

#include "base/net.hpp"
#include "dhcp/client.hpp"

namespace slipway::dhcp {

// Decides who is answered and with which boot file. Called on the deciding thread for every
// request that is well-formed and ours, on port 67 and on 4011 alike; must not block. A repeated
// request must get the same answer as long as nothing changed.
class BootPolicy {
 public:
  virtual ~BootPolicy() = default;

  // The boot file of `client`: a TFTP name or an absolute URL on `server`, 1..127 octets. Empty:
  // this client gets silence. The view is valid until the next call.
  [[nodiscard]] virtual std::string_view boot_file(const Client& client, Ipv4 server) = 0;
};

}  // namespace slipway::dhcp
