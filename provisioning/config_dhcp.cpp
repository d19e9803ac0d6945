#include "provisioning/config_dhcp.hpp"

#include <algorithm>

#include "provisioning/address_setting.hpp"
#include "provisioning/offer_setting.hpp"

namespace slipway::provisioning {
namespace {

using dhcp::AddressPool;
using dhcp::AddressRange;

constexpr std::string_view kDomainPattern = "^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$";
// Shorter ones keep the clients busy with renewing them.
constexpr std::chrono::seconds kShortestLease{60};
constexpr std::size_t kMostServers = 4;  // of gateways and of name servers

FieldReader address(Ipv4& target) {
  return shaped(address_shape(), [&target](const Value& value, Mistakes& mistakes) {
    if (const auto found = require_address(value, mistakes)) target = *found;
  });
}

FieldReader addresses(std::vector<Ipv4>& target) {
  return each_of(shaped(address_shape(), [&target](const Value& value, Mistakes& mistakes) {
    const auto found = require_address(value, mistakes);
    if (!found) return;
    if (target.size() == kMostServers) {
      mistakes.push_back(
          {value.mark, "at most " + std::to_string(kMostServers) + " addresses fit here"});
    } else {
      target.push_back(*found);
    }
  }));
}

FieldReader network(std::optional<Cidr>& target) {
  return shaped(text_like("^[0-9.]+/[0-9]+$"), [&target](const Value& value, Mistakes& mistakes) {
    const auto* text = value.string();
    target = text != nullptr ? Cidr::parse(*text) : std::nullopt;
    if (!target) {
      mistakes.push_back({value.mark, shown(value) + " is no network; write 10.0.0.0/24"});
    }
  });
}

std::vector<Field> pool_fields(AddressPool& pool) {
  return {{"from", address(pool.range.first)},
          {"to", address(pool.range.last)},
          {"network", network(pool.network)}};
}

std::string text_of(const AddressRange& range) {
  return range.first.text() + " to " + range.last.text();
}

void check_pool(const AddressPool& pool, const Value& value, Mistakes& mistakes) {
  const auto& range = pool.range;
  if (range.first.is_zero() || range.last.is_zero()) {
    mistakes.push_back({value.mark,
                        "a pool is {from: ADDRESS, to: ADDRESS}, the first and the "
                        "last address that is given"});
  } else if (range.last < range.first) {
    mistakes.push_back({value.mark, "a pool of " + text_of(range) + " ends before it begins"});
  } else if (pool.network &&
             !(pool.network->contains(range.first) && pool.network->contains(range.last))) {
    mistakes.push_back(
        {value.mark, "the pool " + text_of(range) + " is not within " + pool.network->text()});
  }
}

FieldReader pools(std::vector<AddressPool>& target) {
  AddressPool unused;
  auto shape = map_of(pool_fields(unused), {"from", "to"});
  return each_of(shaped(std::move(shape), [&target](const Value& value, Mistakes& mistakes) {
    const auto before = mistakes.size();
    AddressPool pool;
    read_fields(value, "a pool", pool_fields(pool), mistakes);
    if (mistakes.size() == before) check_pool(pool, value, mistakes);
    if (mistakes.size() == before) target.push_back(pool);
  }));
}

FieldReader lease_length(std::chrono::seconds& target) {
  std::chrono::seconds unused{};
  return shaped(duration(unused).shape(), [&target](const Value& value, Mistakes& mistakes) {
    std::chrono::seconds length{};
    duration(length)(value, mistakes);
    if (length.count() == 0) return;
    if (length < kShortestLease) {
      mistakes.push_back({value.mark, "a lease lives for 60s to 24h, not " + shown(value)});
    } else {
      target = length;
    }
  });
}

FieldReader domain(std::string& target) {
  return shaped(text_like(kDomainPattern), [&target](const Value& value, Mistakes& mistakes) {
    const auto name = require_text(value, mistakes);
    if (!name) return;
    const bool plain = std::ranges::all_of(*name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '-';
    });
    const bool ends =
        name->find_first_of(".-") == 0 || name->ends_with('.') || name->ends_with('-');
    if (!plain || ends || name->size() > 64) {
      mistakes.push_back({value.mark, shown(value) + " is no domain; write bench.example.com, at "
                                                     "most 64 characters"});
    } else {
      target = *name;
    }
  });
}

bool holds(const std::vector<AddressPool>& pools, Ipv4 address) {
  return std::ranges::any_of(pools,
                             [&](const AddressPool& pool) { return pool.range.contains(address); });
}

void check_pools(const Value& dhcp, const dhcp::LeasePlan& plan, Mistakes& mistakes) {
  const auto& mark = dhcp.find("pool")->key_mark();
  std::size_t count = 0;
  for (std::size_t i = 0; i < plan.pools.size(); ++i) {
    const auto& range = plan.pools[i].range;
    count += range.size();
    for (std::size_t j = 0; j < i; ++j) {
      const auto& other = plan.pools[j].range;
      if (other.contains(range.first) || range.contains(other.first)) {
        mistakes.push_back(
            {mark, "the pools " + text_of(other) + " and " + text_of(range) + " overlap"});
      }
    }
  }
  if (count > dhcp::kMaxPoolAddresses) {
    mistakes.push_back({mark, "the pools hold " + std::to_string(count) + " addresses; at most " +
                                  std::to_string(dhcp::kMaxPoolAddresses) + " are given"});
  }
  for (const auto* servers : {&plan.gateways, &plan.dns}) {
    for (const auto server : *servers) {
      if (holds(plan.pools, server)) {
        mistakes.push_back(
            {mark, "the pool holds " + server.text() + ", a gateway or name server"});
      }
    }
  }
}

Value address_list(const std::vector<Ipv4>& addresses) {
  List list;
  for (const auto address : addresses) list.push_back(make_text(address.text()));
  return make_list(std::move(list));
}

void add_leases(Value& value, const dhcp::LeasePlan& plan) {
  List pools;
  for (const auto& pool : plan.pools) {
    auto entry = make_map(
        {{"from", make_text(pool.range.first.text())}, {"to", make_text(pool.range.last.text())}});
    if (pool.network) entry.set("network", make_text(pool.network->text()));
    pools.push_back(std::move(entry));
  }
  value.set("pool", make_list(std::move(pools)));
  value.set("lease", make_text(std::to_string(plan.length.count()) + "s"));
  if (!plan.gateways.empty()) value.set("gateway", address_list(plan.gateways));
  if (!plan.dns.empty()) value.set("dns", address_list(plan.dns));
  if (!plan.domain.empty()) value.set("domain", make_text(plan.domain));
}

}  // namespace

FieldReader dhcp_service(Config& config) {
  return nested("dhcp",
                {{"mode", one_of<DhcpMode>(config.dhcp_mode, {{"proxy", DhcpMode::proxy},
                                                              {"server", DhcpMode::server}})},
                 {"port", port(config.dhcp_port)},
                 {"binl_port", port(config.binl_port)},
                 {"offer", offer_style(config.offer)},
                 {"pool", pools(config.leases.pools)},
                 {"lease", lease_length(config.leases.length)},
                 {"gateway", addresses(config.leases.gateways)},
                 {"dns", addresses(config.leases.dns)},
                 {"domain", domain(config.leases.domain)}});
}

void check_dhcp(const Value& settings, const Config& config, Mistakes& mistakes) {
  const auto* dhcp = settings.find("dhcp");
  if (dhcp == nullptr || dhcp->map() == nullptr) return;
  const auto* pool = dhcp->find("pool");
  if (config.dhcp_mode == DhcpMode::server) {
    if (pool == nullptr) {
      mistakes.push_back({dhcp->find("mode")->key_mark(),
                          "mode: server needs `pool: {from: ADDRESS, to: ADDRESS}`, the addresses "
                          "that it gives"});
    } else {
      check_pools(*dhcp, config.leases, mistakes);
    }
    return;
  }
  for (const std::string_view key : {"pool", "lease", "gateway", "dns", "domain"}) {
    if (const auto* entry = dhcp->find(key)) {
      mistakes.push_back({entry->key_mark(), "`" + std::string(key) +
                                                 "` needs mode: server: a proxy gives no leases"});
    }
  }
  if (config.offer == dhcp::OfferStyle::leased) {
    mistakes.push_back({dhcp->find("offer")->mark,
                        "`leased` needs mode: server: a proxy has no lease to put the file into"});
  }
}

std::vector<Mistake> check_bench(const Config& config, const Inventory& inventory) {
  std::vector<Mistake> mistakes;
  const bool server = config.dhcp_mode == DhcpMode::server;
  for (const auto& host : inventory.hosts) {
    if (!server && host.offer == dhcp::OfferStyle::leased) {
      mistakes.push_back({host.offer_mark,
                          "`leased` needs `dhcp: {mode: server}` in slipway.yaml: a proxy has no "
                          "lease to put the file into"});
    }
    if (!host.bench_address) continue;
    const auto is_it = [&](Ipv4 each) { return each == *host.bench_address; };
    const auto& plan = config.leases;
    if (!server) {
      mistakes.push_back({host.bench_address_mark,
                          "bench_address has no effect: slipway.yaml has no `dhcp: {mode: server}`",
                          true});
    } else if (std::ranges::any_of(plan.gateways, is_it) || std::ranges::any_of(plan.dns, is_it)) {
      mistakes.push_back(
          {host.bench_address_mark,
           host.bench_address->text() + " is a gateway or name server of slipway.yaml"});
    }
  }
  return mistakes;
}

Value dhcp_value(const Config& config) {
  const bool server = config.dhcp_mode == DhcpMode::server;
  auto value = make_map({{"mode", make_text(server ? "server" : "proxy")},
                         {"port", make_number(config.dhcp_port)},
                         {"binl_port", make_number(config.binl_port)},
                         {"offer", make_text(std::string(dhcp::name_of(config.offer)))}});
  if (server) add_leases(value, config.leases);
  return value;
}

}  // namespace slipway::provisioning
