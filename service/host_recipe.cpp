#include "service/host_recipe.hpp"

#include <algorithm>
#include <iostream>
#include <memory>

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

Fallible<const prov::HostEntry*> find_host(const prov::Inventory& inventory,
                                           const HostChoice& choice) {
  if (!choice.name.empty()) {
    const auto found = std::ranges::find(inventory.hosts, choice.name, &prov::HostEntry::name);
    if (found == inventory.hosts.end()) return fail("the inventory has no host " + choice.name);
    return &*found;
  }
  const auto mac = Mac::parse(choice.mac);
  if (!mac) return fail("--mac: \"" + choice.mac + "\" is not a MAC such as 52:54:00:aa:00:01");
  const auto* host = inventory.host_by_mac(*mac);
  if (host == nullptr) return fail("no host of the inventory has the MAC " + mac->text());
  return host;
}

}  // namespace

Fallible<prov::Recipe> recipe_from_files(const prov::Config& config, const HostChoice& choice) {
  const auto loaded = prov::load_inventory(config.inventory);
  for (const auto& mistake : loaded.mistakes) std::cerr << mistake.line() << "\n";
  if (!loaded.good()) return fail("the inventory has mistakes; nothing is rendered");
  const auto inventory = std::make_shared<const prov::Inventory>(loaded.inventory);
  const auto host = find_host(*inventory, choice);
  if (!host) return std::unexpected(host.error());
  const auto* profile = inventory->profile((*host)->profile);
  if (profile == nullptr) return fail("host " + (*host)->name + " has no profile yet");
  return prov::Recipe{inventory, **host, profile, inventory->site((*host)->site)};
}

}  // namespace slipway::service
