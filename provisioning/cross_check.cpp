#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "provisioning/edge_id.hpp"
#include "provisioning/entries.hpp"
#include "provisioning/network.hpp"
#include "provisioning/userdata.hpp"

namespace slipway::provisioning {
namespace {

// Remembers where each value was first said, and says so at the second place.
template <class Key>
class Unique {
 public:
  // `what` as in "MAC 52:54:00:aa:00:01".
  void add(const Key& key, const std::string& what, const Mark& mark, Mistakes& mistakes) {
    const auto [first, is_new] = places_.emplace(key, mark);
    if (is_new) return;
    mistakes.push_back({mark, what + " stands twice, also at " + first->second.text()});
  }

  // Where `key` was said, or null.
  [[nodiscard]] const Mark* find(const Key& key) const {
    const auto found = places_.find(key);
    return found == places_.end() ? nullptr : &found->second;
  }

 private:
  std::map<Key, Mark> places_;
};

void check_names(const Drafts& drafts, Mistakes& mistakes) {
  Unique<std::string> profiles;
  Unique<std::string> sites;
  Unique<std::string> hosts;
  for (const auto& draft : drafts.profiles) {
    const auto id = draft.profile.id();
    profiles.add(id, "profile `" + id + "`", draft.name_mark, mistakes);
  }
  for (const auto& draft : drafts.sites) {
    sites.add(draft.site.name, "site `" + draft.site.name + "`", draft.name_mark, mistakes);
  }
  for (const auto& draft : drafts.hosts) {
    hosts.add(draft.host.name, "host `" + draft.host.name + "`", draft.name_mark, mistakes);
  }
}

// Either all its hosts share a MAC, or one has it.
void check_shared(const Drafts& drafts, const Unique<Mac>& owned, Mistakes& mistakes) {
  for (const auto& draft : drafts.hosts) {
    for (std::size_t i = 0; i < draft.host.shared_macs.size(); ++i) {
      const auto& mac = draft.host.shared_macs[i];
      const auto* owner = owned.find(mac);
      const auto& own = draft.host.macs;
      if (owner == nullptr || std::ranges::find(own, mac) != own.end()) continue;
      mistakes.push_back({draft.shared_mac_marks[i],
                          "MAC " + mac.text() + " is shared here, but one host's own at " +
                              owner->text() + "; every host with it must list it in shared_macs"});
    }
  }
}

void check_identities(const Drafts& drafts, Mistakes& mistakes) {
  Unique<Mac> macs;
  Unique<Uuid> uuids;
  Unique<std::string> serials;
  Unique<Ipv4> benches;
  for (const auto& draft : drafts.hosts) {
    const auto& host = draft.host;
    for (std::size_t i = 0; i < host.macs.size(); ++i) {
      // Twice in one host was said when the host was read.
      const auto first = std::ranges::find(host.macs, host.macs[i]) - host.macs.begin();
      if (static_cast<std::size_t>(first) != i) continue;
      macs.add(host.macs[i], "MAC " + host.macs[i].text(), draft.mac_marks[i], mistakes);
    }
    if (host.uuid) uuids.add(*host.uuid, "UUID " + host.uuid->text(), draft.uuid_mark, mistakes);
    if (!host.serial.empty()) {
      serials.add(host.serial, "serial number `" + host.serial + "`", draft.serial_mark, mistakes);
    }
    if (host.bench_address) {
      benches.add(*host.bench_address, "bench address " + host.bench_address->text(),
                  host.bench_address_mark, mistakes);
    }
  }
  check_shared(drafts, macs, mistakes);
}

void check_reference(const std::string& name, const Mark& mark, std::string_view kind,
                     const std::set<std::string_view>& known, Mistakes& mistakes) {
  if (name.empty() || known.contains(name)) return;
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  mistakes.push_back({mark, "no " + std::string(kind) + " is named `" + name + "`" +
                                suggestion(name, candidates)});
}

void check_references(const Drafts& drafts, const Inventory& inventory, Mistakes& mistakes) {
  std::vector<std::string> ids;
  ids.reserve(drafts.profiles.size());
  for (const auto& draft : drafts.profiles) ids.push_back(draft.profile.id());
  std::set<std::string_view> sites;
  std::set<std::string_view> profiles(ids.begin(), ids.end());
  for (const auto& draft : drafts.sites) sites.insert(draft.site.name);
  for (const auto& draft : drafts.profiles) profiles.insert(draft.profile.name);
  for (const auto& draft : drafts.hosts) {
    check_reference(draft.host.site, draft.site_mark, "site", sites, mistakes);
    check_reference(draft.host.profile, draft.profile_mark, "profile", profiles, mistakes);
    const auto* profile = inventory.profile(draft.host.profile);
    if (profile == nullptr || profile->type != "add-on") continue;
    mistakes.push_back({draft.profile_mark, "`" + profile->id() + "`, at " + profile->mark.text() +
                                                ", is an add-on; a host needs a full or an "
                                                "infrastructure profile"});
  }
}

bool has_address(const Value& network) {
  if (network.find("ipAddress") != nullptr) return true;
  const auto* interfaces = network.find("interfaces");
  if (interfaces == nullptr || interfaces->map() == nullptr) return false;
  return std::ranges::any_of(*interfaces->map(), [](const auto& entry) {
    return entry.value.find("ipAddress") != nullptr;
  });
}

void check_single_hosts(const Drafts& drafts, Mistakes& mistakes) {
  std::map<std::string_view, std::string_view> reasons;
  for (const auto& draft : drafts.sites) {
    const auto reason = single_host_reason(draft.site);
    if (!reason.empty()) reasons.emplace(draft.site.name, reason);
  }
  std::map<std::string_view, const HostDraft*> first_hosts;
  for (const auto& draft : drafts.hosts) {
    const auto reason = reasons.find(draft.host.site);
    if (reason == reasons.end()) continue;
    const auto [first, is_new] = first_hosts.emplace(draft.host.site, &draft);
    if (is_new) continue;
    mistakes.push_back(
        {draft.site_mark, "site `" + draft.host.site + "` has " + std::string(reason->second) +
                              ", so it holds one host, and `" + first->second->host.name + "` at " +
                              first->second->site_mark.text() + " is in it"});
  }
}

// What clashes only after the merge.
class MergedCheck {
 public:
  MergedCheck(const Inventory& inventory, Mistakes& mistakes)
      : inventory_(inventory), mistakes_(mistakes) {}

  void add(const HostDraft& draft) {
    const auto* profile = inventory_.profile(draft.host.profile);
    const auto* site = inventory_.site(draft.host.site);
    const Profile none;
    const auto merged =
        merge_user_data({inventory_, draft.host, profile != nullptr ? *profile : none, site});
    if (!merged) return;  // check_subject() says why
    add_edge_id(*merged, draft, site);
    add_addresses(*merged, draft, site);
  }

 private:
  // Only what registers somewhere can clash: hosts with a `stylus` section.
  void add_edge_id(const Value& merged, const HostDraft& draft, const Site* site) {
    const auto id = edge_id_of(draft.host, merged);
    if (id.empty() || merged.find("stylus") == nullptr) return;
    const auto* name = merged.at("stylus.site.name");
    const bool own = draft.host.user_data.at("stylus.site.name") != nullptr;
    const bool by_site = site != nullptr && name != nullptr && !own &&
                         site->user_data.at("stylus.site.name") != nullptr;
    // A second host of that site was refused already.
    if (by_site && !sites_seen_.emplace(site->name, true).second) return;
    auto mark = draft.host.uuid ? draft.uuid_mark : draft.serial_mark;
    if (name != nullptr) mark = own || by_site ? name->mark : draft.host.mark;
    edge_ids_.add(id, "edge-host ID `" + id + "`", mark, mistakes_);
  }

  void add_addresses(const Value& merged, const HostDraft& draft, const Site* site) {
    const auto* own = draft.host.user_data.find("network");
    if (site == nullptr || own == nullptr || !has_address(*own)) return;
    Mistakes said_elsewhere;
    for (const auto& nic : read_network(merged, said_elsewhere).interfaces) {
      if (!nic.address) continue;
      const auto address = nic.address->address;
      addresses_.add({site->name, address},
                     "address " + address.text() + " in site `" + site->name + "`",
                     address_mark(merged, nic), mistakes_);
    }
  }

  static Mark address_mark(const Value& merged, const NetworkInterface& nic) {
    const auto* network = merged.find("network");
    const auto* interfaces = network->find("interfaces");
    const auto* map = interfaces != nullptr ? interfaces->find(nic.name) : network;
    return map->find("ipAddress")->mark;
  }

  const Inventory& inventory_;
  Mistakes& mistakes_;
  Unique<std::string> edge_ids_;
  Unique<std::pair<std::string, Ipv4>> addresses_;
  std::map<std::string, bool> sites_seen_;
};

}  // namespace

std::string_view single_host_reason(const Site& site) {
  if (site.user_data.at("stylus.site.name") != nullptr) return "an edge-host ID (stylus.site.name)";
  const auto* network = site.user_data.find("network");
  return network != nullptr && has_address(*network) ? "a static address" : "";
}

void check_across(const Drafts& drafts, const Inventory& inventory, Mistakes& mistakes) {
  check_names(drafts, mistakes);
  check_identities(drafts, mistakes);
  check_references(drafts, inventory, mistakes);
  check_single_hosts(drafts, mistakes);
}

void check_merged(const Drafts& drafts, const Inventory& inventory, Mistakes& mistakes) {
  MergedCheck check(inventory, mistakes);
  for (const auto& draft : drafts.hosts) check.add(draft);
}

}  // namespace slipway::provisioning
