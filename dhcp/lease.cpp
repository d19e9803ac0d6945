#include "dhcp/lease.hpp"

#include <algorithm>

namespace slipway::dhcp {
namespace {

constexpr std::uint8_t kEthernetId = 1;

std::uint32_t mask_of(const Cidr& cidr) {
  return cidr.prefix_bits == 0 ? 0 : ~std::uint32_t{0} << (32U - cidr.prefix_bits);
}

Cidr network_of(const Cidr& any) {
  return {Ipv4::from_number(any.address.number() & mask_of(any)), any.prefix_bits};
}

std::string text_of(const AddressRange& range) {
  return "the pool " + range.first.text() + " to " + range.last.text();
}

// What may not be given although it lies in the network; empty when there is nothing.
std::string forbidden_in(const AddressRange& range, const Cidr& network,
                         const std::vector<Ipv4>& own) {
  const auto broadcast = Ipv4::from_number(network.address.number() | ~mask_of(network));
  if (range.contains(network.address)) return "the address of the network itself";
  if (range.contains(broadcast)) return "the network's broadcast address " + broadcast.text();
  const auto found = std::ranges::find_if(own, [&](Ipv4 each) { return range.contains(each); });
  return found == own.end() ? std::string() : "our own address " + found->text();
}

LeaseNetwork& place_of(std::vector<LeaseNetwork>& networks, const Cidr& network) {
  const auto found = std::ranges::find(networks, network, &LeaseNetwork::network);
  return found != networks.end() ? *found : networks.emplace_back(LeaseNetwork{network, {}, {}});
}

}  // namespace

ClientId ClientId::of(const Mac& mac) {
  ClientId id;
  id.octets[0] = kEthernetId;
  std::ranges::copy(mac.octets, id.octets.begin() + 1);
  id.size = static_cast<std::uint8_t>(mac.octets.size() + 1);
  return id;
}

ClientId ClientId::of(const Mac& mac, ByteView option61) {
  if (option61.empty() || option61.size() > kMaxOctets) return of(mac);
  ClientId id;
  std::ranges::copy(option61, id.octets.begin());
  id.size = static_cast<std::uint8_t>(option61.size());
  return id;
}

std::optional<ClientId> ClientId::parse(std::string_view text) {
  ClientId id;
  const auto octets = text.size() / 2;
  if (octets == 0 || octets > kMaxOctets) return std::nullopt;
  if (!from_hex(text, std::span(id.octets).first(octets))) return std::nullopt;
  id.size = static_cast<std::uint8_t>(octets);
  return id;
}

std::string ClientId::text() const { return to_hex(view()); }

Fallible<LeaseSettings> settle(const LeasePlan& plan, std::span<const Cidr> served) {
  LeaseSettings settings{
      .networks = {}, .length = plan.length, .dns = plan.dns, .domain = plan.domain, .own = {}};
  for (const auto& each : served) settings.own.push_back(each.address);
  for (const auto& pool : plan.pools) {
    auto network = pool.network;
    const auto on = std::ranges::find_if(
        served, [&](const Cidr& each) { return each.contains(pool.range.first); });
    if (!network && on != served.end()) network = *on;
    if (!network || !network->contains(pool.range.last)) {
      return fail(text_of(pool.range) +
                  " lies in the network of no served interface; for hosts behind a relay give it "
                  "`network: ADDRESS/PREFIX`");
    }
    const auto whole = network_of(*network);
    if (const auto why = forbidden_in(pool.range, whole, settings.own); !why.empty()) {
      return fail(text_of(pool.range) + " holds " + why);
    }
    place_of(settings.networks, whole).ranges.push_back(pool.range);
  }
  for (const auto& each : served) {
    if (std::ranges::find(settings.networks, network_of(each), &LeaseNetwork::network) ==
        settings.networks.end()) {
      return fail("no pool of dhcp.pool lies in " + network_of(each).text() +
                  ", the network of a served interface");
    }
  }
  for (auto& each : settings.networks) {
    std::ranges::copy_if(plan.gateways, std::back_inserter(each.gateways),
                         [&](Ipv4 gateway) { return each.network.contains(gateway); });
  }
  return settings;
}

}  // namespace slipway::dhcp
