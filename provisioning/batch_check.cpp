// What is asked of a batch, checked: every mistake at once, before anything is armed.
#include <algorithm>
#include <map>
#include <utility>

#include "provisioning/batches.hpp"
#include "provisioning/entries.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::size_t kMostEntries = 10'000;

std::string at(std::string_view list, std::size_t index) {
  return "/" + std::string(list) + "/" + std::to_string(index);
}

}  // namespace

class Batches::Check {
 public:
  Check(Batches& batches, const BatchRequest& request)
      : batches_(batches), ledger_(batches.ledger_), request_(request) {}

  std::expected<Batch, BatchRefusal> run(const Order& order) {
    const auto now = ledger_.now();
    Batch batch{.kind = request_.kind, .who = order.who, .why = order.why};
    batch.opened_ms = now.unix_ms;
    batch.expires = now.steady + request_.lifetime;
    check_profile(batch);
    check_rules(batch);
    if (request_.entries.empty()) object(list(), "expected at least one");
    if (request_.entries.size() > kMostEntries) {
      object(list(), "more than " + std::to_string(kMostEntries));
    } else if (request_.kind == BatchKind::sites) {
      check_sites(batch);
    } else {
      check_hosts(batch);
    }
    if (!mistakes_.empty()) {
      return std::unexpected(BatchRefusal{.status = 422,
                                          .text = "the batch has mistakes, nothing is armed",
                                          .mistakes = std::move(mistakes_)});
    }
    do batch.id = random_host_id();
    while (batches_.find(batch.id) != nullptr);
    register_new(batch);
    return batch;
  }

 private:
  void object(std::string pointer, std::string text) {
    mistakes_.push_back({.pointer = std::move(pointer), .text = std::move(text)});
  }
  [[nodiscard]] std::string list() const { return "/" + std::string(name_of(request_.kind)); }
  [[nodiscard]] std::string place_of(std::size_t index) const {
    return at(name_of(request_.kind), index);
  }

  void check_profile(Batch& batch) {
    const auto* profile = ledger_.inventory()->profile(request_.profile);
    if (profile != nullptr) {
      batch.profile = profile->id();
    } else {
      object("/profile", "there is no profile " + request_.profile + " in the inventory");
    }
  }

  void check_rules(Batch& batch) {
    for (std::size_t i = 0; i < request_.allow.size(); ++i) {
      auto rule = parse_allow_rule(request_.allow[i]);
      if (rule) {
        batch.rules.push_back(std::move(*rule));
      } else {
        object(at("allow", i), rule.error().text());
      }
    }
    const bool by_sites = request_.kind == BatchKind::sites;
    if (by_sites && request_.allow.empty()) {
      object("/allow",
             "a batch by sites takes no unknown host without a rule; expected mac=PREFIX, "
             "vendor=TEXT, product=TEXT, or any for whatever is plugged in");
    }
    if (!by_sites && !request_.allow.empty()) {
      object("/allow", "a batch by hosts names them, so it has no allow-rules");
    }
    if (!by_sites && request_.limit) object("/limit", "only a batch by sites has a limit");
    if (by_sites && request_.limit == 0U) object("/limit", "expected at least 1");
    if (by_sites && ledger_.config().unknown_hosts == UnknownHosts::ignore) {
      object("/sites", "no unknown host is answered while the settings say unknown_hosts: ignore");
    }
  }

  void check_sites(Batch& batch) {
    std::map<std::string_view, std::size_t> first;
    const auto limit = std::min<std::uint64_t>(request_.limit.value_or(kMostEntries), kMostEntries);
    for (std::size_t i = 0; i < request_.entries.size(); ++i) {
      const auto& site = request_.entries[i].site;
      const auto [entry, is_new] = first.emplace(site, i);
      if (!is_new) {
        object(place_of(i), "site " + site + " stands twice");
      } else if (auto wrong = wrong_site(site, batch.profile); !wrong.empty()) {
        object(place_of(i), std::move(wrong));
      }
      if (i < limit) {
        batch.slots.push_back({.number = static_cast<std::int64_t>(i) + 1, .site = site});
      }
    }
  }

  [[nodiscard]] std::string wrong_site(const std::string& name, const std::string& profile) {
    const auto* site = ledger_.inventory()->site(name);
    if (site == nullptr) return "there is no site " + name + " in the inventory";
    for (const auto* other : batches_.all()) {
      const bool has = other->is_open() && std::ranges::any_of(other->slots, [&](const auto& slot) {
                         return slot.site == name && slot.arming == 0;
                       });
      if (has) return "site " + name + " is in the open batch " + other->id;
    }
    const auto single = single_host_reason(*site);
    const auto holder = single.empty() ? std::string() : holder_of(name);
    if (!holder.empty()) {
      return "site " + name + " has " + std::string(single) + ", so it holds one host, and " +
             holder + " is in it";
    }
    if (profile.empty()) return {};
    Host stand_in;  // for whoever comes
    stand_in.id = "00000000";
    stand_in.macs = {Mac{.octets = {0x02, 0, 0, 0, 0, 0x01}}};
    return refusal(stand_in, {.profile = profile, .site = name});
  }

  [[nodiscard]] std::string holder_of(const std::string& site) {
    for (const auto& entry : ledger_.inventory()->hosts) {
      if (entry.site == site) return "host " + entry.name;
    }
    std::string holder;
    ledger_.hosts().each([&](const Host& host) {
      const bool elsewhere = host.in_inventory || host.state == HostState::discovered ||
                             host.state == HostState::ignored;
      if (!elsewhere && host.site == site) holder = "host " + host.shown_name();
    });
    return holder;
  }

  [[nodiscard]] std::string refusal(const Host& host, const BatchPlace& place) {
    auto outcome = batches_.operator_.may_arm_in_batch(host, place);
    return outcome ? std::string() : std::move(outcome.error().text);
  }

  void check_hosts(Batch& batch) {
    std::map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < request_.entries.size(); ++i) {
      const auto& [name, site] = request_.entries[i];
      BatchSlot slot{.number = static_cast<std::int64_t>(i) + 1, .site = site};
      auto* host = ledger_.hosts().by_reference(name);
      const auto mac = Mac::parse(name);
      if (host == nullptr && !mac) {
        object(place_of(i), "there is no host " + name + "; name it by its name, its ID or a MAC");
        continue;
      }
      Host unknown;
      unknown.id = mac ? mac->text() : "";
      if (mac) unknown.macs = {*mac};
      const auto& known = host != nullptr ? *host : unknown;
      if (!first.emplace(known.id, i).second) {
        object(place_of(i), "host " + name + " stands twice");
      } else if (auto wrong = wrong_host(known, batch.profile, site); !wrong.empty()) {
        object(place_of(i), std::move(wrong));
      }
      if (host != nullptr) slot.host = host->id;
      if (host == nullptr) new_[i] = *mac;
      batch.slots.push_back(std::move(slot));
    }
  }

  [[nodiscard]] std::string wrong_host(const Host& host, const std::string& profile,
                                       const std::string& site) {
    if (profile.empty()) return {};  // said already
    for (const auto* other : batches_.all()) {
      const bool has = other->is_open() && std::ranges::any_of(other->slots, [&](const auto& slot) {
                         return slot.host == host.id && slot.arming == 0;
                       });
      if (has) return "host " + host.shown_name() + " is in the open batch " + other->id;
    }
    return refusal(host, {.profile = profile, .site = site});
  }

  // MACs that nobody has: from now on they are hosts.
  void register_new(Batch& batch) {
    for (const auto& [index, mac] : new_) {
      Host host;
      host.macs = {mac};
      auto& added = ledger_.add(std::move(host));
      ledger_.note(added, "host.discovered", "named in a batch, MAC " + mac.text());
      ledger_.commit_facts(added, [](const Fallible<void>&) {
        // A failure was logged; the record is stored with its next move.
      });
      batch.slots[index].host = added.id;
    }
  }

  Batches& batches_;
  Ledger& ledger_;
  const BatchRequest& request_;
  std::vector<BatchMistake> mistakes_;
  std::map<std::size_t, Mac> new_;  // by the index of their entry
};

std::expected<Batch, BatchRefusal> Batches::planned(const BatchRequest& request,
                                                    const Order& order) {
  return Check(*this, request).run(order);
}

}  // namespace slipway::provisioning
