// provisioning/network.hpp -- the network of a host, as its merged user-data describes it.
//
// Two forms come in: the flat one (network.type, ipAddress, mask, gateway, nameserver) for the NIC
// that booted, and network.interfaces.NAME.* for NICs by name. IPv4 only, as with the vendor.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/net.hpp"
#include "provisioning/fields.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

struct NetworkInterface {
  std::string name;             // empty: the NIC that booted, known by its MAC
  std::optional<Cidr> address;  // static; nullopt: DHCP
  std::optional<Ipv4> gateway;
  std::vector<std::string> nameservers;
  Mark mark;
};

// The proxy settings as written: text, secret or null.
struct Proxies {
  Value http, https, no_proxy;
  [[nodiscard]] bool any() const;
};

struct Network {
  std::vector<NetworkInterface> interfaces;  // empty: nothing was said
  Proxies proxies;                           // https is http's when only that is given
};

// Reads `network` of merged, normalised user-data. Mistakes: no type, a static address without
// address, mask or gateway, a gateway outside the subnet or equal to the address, the address of
// the network or of its broadcast. Values of the wrong kind were said by check_user_data() and
// count as absent.
[[nodiscard]] Network read_network(const Value& user_data, Mistakes& mistakes);

}  // namespace slipway::provisioning
