#include "provisioning/network.hpp"

#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

std::optional<std::string_view> text_of(const Value& map, std::string_view key) {
  const auto* value = map.find(key);
  if (value == nullptr || value->string() == nullptr) return std::nullopt;
  return *value->string();
}

void say(const Value& map, std::string_view key, std::string text, Mistakes& mistakes) {
  const auto* value = map.find(key);
  mistakes.push_back({value != nullptr ? value->mark : map.key_mark(), std::move(text)});
}

// The prefix length, from ipAddress in CIDR form or from mask; both must agree.
std::optional<unsigned> prefix_of(const Value& map, std::string_view address, const Cidr& cidr,
                                  Mistakes& mistakes) {
  const auto* mask_value = map.find("mask");
  const auto mask = mask_value != nullptr ? parse_mask(*mask_value) : std::nullopt;
  if (address.find('/') == std::string_view::npos) {
    if (mask_value == nullptr) {
      say(map, "ipAddress",
          "a static address needs `mask`, or its prefix length: " + std::string(address) + "/24",
          mistakes);
    }
    return mask;
  }
  const unsigned prefix = cidr.prefix_bits;
  if (mask && *mask != prefix) {
    say(map, "mask",
        "`mask` says /" + std::to_string(*mask) + ", `ipAddress` /" + std::to_string(prefix),
        mistakes);
  }
  return prefix;
}

void check_address(const Value& map, const Cidr& cidr, Mistakes& mistakes) {
  if (cidr.prefix_bits == 0) {
    return say(map, "mask", "a prefix length of 0 leaves no subnet", mistakes);
  }
  if (cidr.prefix_bits >= 31) return;  // point to point (RFC 3021): no network or broadcast
  const auto hosts = (std::uint32_t{1} << (32U - cidr.prefix_bits)) - 1;
  const auto low = cidr.address.number() & hosts;
  if (low != 0 && low != hosts) return;
  say(map, "ipAddress",
      cidr.address.text() + " is the " + (low == 0 ? "network" : "broadcast") + " address of " +
          cidr.text(),
      mistakes);
}

void check_gateway(const Value& map, const Cidr& cidr, const std::optional<Ipv4>& gateway,
                   Mistakes& mistakes) {
  if (!gateway) {
    if (map.find("gateway") == nullptr) {
      say(map, "ipAddress", "a static address needs `gateway`", mistakes);
    }
  } else if (*gateway == cidr.address) {
    say(map, "gateway", "the gateway is the host's own address", mistakes);
  } else if (!cidr.contains(*gateway)) {
    say(map, "gateway", "the gateway " + gateway->text() + " is not inside " + cidr.text(),
        mistakes);
  }
}

void read_static(const Value& map, NetworkInterface& nic, Mistakes& mistakes) {
  const auto address = text_of(map, "ipAddress");
  if (map.find("ipAddress") == nullptr) {
    return say(map, "type", "a static network needs `ipAddress`, `mask` and `gateway`", mistakes);
  }
  const auto cidr = address ? Cidr::parse(*address) : std::nullopt;
  if (!address || !cidr) return;
  const auto prefix = prefix_of(map, *address, *cidr, mistakes);
  if (!prefix) return;
  const Cidr own{cidr->address, static_cast<std::uint8_t>(*prefix)};
  nic.address = own;
  check_address(map, own, mistakes);
  check_gateway(map, own, nic.gateway, mistakes);
}

std::vector<std::string> nameservers_of(const Value& map) {
  const auto* value = map.find("nameserver");
  return value != nullptr ? parse_nameservers(*value) : std::vector<std::string>{};
}

NetworkInterface read_interface(const Value& map, std::string name, Mistakes& mistakes) {
  NetworkInterface nic;
  nic.name = std::move(name);
  nic.nameservers = nameservers_of(map);
  nic.mark = map.key_mark();
  if (const auto gateway = text_of(map, "gateway")) nic.gateway = Ipv4::parse(*gateway);
  if (map.find("type") == nullptr) {
    mistakes.push_back({map.key_mark(), "`type` is missing: write dhcp or static"});
  } else if (text_of(map, "type") == "static") {
    read_static(map, nic, mistakes);
  } else if (map.find("ipAddress") != nullptr) {
    say(map, "ipAddress", "an address has no meaning with `type: dhcp`", mistakes);
  }
  return nic;
}

std::vector<NetworkInterface> read_interfaces(const Value& network, Mistakes& mistakes) {
  std::vector<NetworkInterface> nics;
  const auto common = nameservers_of(network);
  for (const auto& [name, map] : *network.find("interfaces")->map()) {
    if (map.map() == nullptr) continue;
    nics.push_back(read_interface(map, name, mistakes));
    if (nics.back().nameservers.empty()) nics.back().nameservers = common;
  }
  return nics;
}

Value proxy(const Value& network, std::string_view key) {
  const auto* value = network.find(key);
  return value != nullptr && value->revealed() != nullptr ? *value : Value{};
}

}  // namespace

bool Proxies::any() const { return !http.is_null() || !https.is_null(); }

Network read_network(const Value& user_data, Mistakes& mistakes) {
  Network out;
  const auto* network = user_data.find("network");
  if (network == nullptr || network->map() == nullptr) return out;
  out.proxies = {proxy(*network, "httpProxy"), proxy(*network, "httpsProxy"),
                 proxy(*network, "noProxy")};
  if (out.proxies.https.is_null()) out.proxies.https = out.proxies.http;
  const auto* interfaces = network->find("interfaces");
  if (interfaces == nullptr || interfaces->map() == nullptr) {
    const auto name = text_of(*network, "interface").value_or("");
    out.interfaces.push_back(read_interface(*network, std::string(name), mistakes));
  } else if (network->find("type") != nullptr || network->find("ipAddress") != nullptr) {
    say(*network, "interfaces", "the flat form and `interfaces` exclude each other", mistakes);
  } else {
    out.interfaces = read_interfaces(*network, mistakes);
  }
  return out;
}

}  // namespace slipway::provisioning
