// service/interfaces.hpp -- the machine's network interfaces, as far as serving needs them.
#pragma once

#include <cstdint>
#include <string>

#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::service {

struct Interface {
  std::string name;
  unsigned index = 0;
  Ipv4 address;                   // the first IPv4 address; zero while it has none
  std::uint8_t prefix_bits = 32;  // of the network of that address
};

// Fails when there is no such interface; the message lists those there are.
[[nodiscard]] Fallible<Interface> find_interface(const std::string& name);

// The interface of the IPv4 default route with the lowest metric, or empty.
[[nodiscard]] Fallible<std::string> default_route_interface();

}  // namespace slipway::service
