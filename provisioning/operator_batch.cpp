// What a batch does in the name of the person that opened it.
#include <algorithm>
#include <iterator>
#include <utility>

#include "provisioning/operator.hpp"

namespace slipway::provisioning {
namespace {

using enum HostState;

// Why a host in this state cannot be armed for a batch, or empty.
std::string wrong_state(const Host& host) {
  switch (host.state) {
    case armed: return state_of(host) + " already, by " + (host.arming ? host.arming->who : "");
    case booting:
    case installing: return state_of(host) + "; wait until it has ended";
    case ignored: return state_of(host) + "; assign it first";
    case discovered:
    case assigned:
    case installed:
    case failed: break;
  }
  return {};
}

// The profile and the site that `host` has already, and who says so; empty: nobody does.
struct Said {
  std::string profile{}, site{}, by{};
};

Said said_of(const Host& host, const Inventory& inventory) {
  if (host.in_inventory) {
    const auto* entry = inventory.host(host.name);
    if (entry != nullptr && !entry->profile.empty()) {
      return {.profile = entry->profile, .site = entry->site, .by = "the inventory"};
    }
    if (entry != nullptr) return {.site = entry->site, .by = "the inventory"};
  }
  if (host.state == discovered || host.profile.empty()) return {};
  return {.profile = host.profile, .site = host.site, .by = "an operator"};
}

// `arming`, after `host` was given what `wanted` has.
Move in_place(const Host& host, const Host& wanted, Move arming, const Cause& cause) {
  auto facts = facts_of(host);
  facts.profile = wanted.profile;
  facts.site = wanted.site;
  Change change{std::move(facts)};
  if (host.state == discovered) {
    change.emplace_back(
        Transition{.host = host.id, .from = discovered, .to = assigned, .cause = cause});
  }
  std::ranges::move(arming.change, std::back_inserter(change));
  return {.change = std::move(change),
          .apply = [profile = wanted.profile, site = wanted.site, apply = std::move(arming.apply)](
                       HostTable& table, Host& changed) {
            changed.profile = profile;
            changed.site = site;
            apply(table, changed);
          }};
}

}  // namespace

Operator::Outcome Operator::contradiction(const Host& host, const BatchPlace& place) const {
  const auto& inventory = *ledger_.inventory();
  const auto said = said_of(host, inventory);
  const auto name = "host " + host.shown_name();
  if (!said.profile.empty()) {
    const auto* own = inventory.profile(said.profile);
    if (own == nullptr || own->id() != place.profile) {
      return refused(409, name + " has the profile " + (own == nullptr ? said.profile : own->id()) +
                              " by " + said.by + ", not " + place.profile);
    }
  }
  const bool open = said.site.empty() && said.profile.empty();
  if (!place.site.empty() && place.site != said.site && !open) {
    const auto has = said.site.empty() ? "no site" : "the site " + said.site;
    return refused(409, name + " has " + has + " by " + said.by + ", not " + place.site);
  }
  return {};
}

Host Operator::wanted_in(const Host& host, const BatchPlace& place) const {
  const auto said = said_of(host, *ledger_.inventory());
  Host wanted;  // only what a recipe and a move look at
  wanted.id = host.id;
  wanted.name = host.name;
  wanted.macs = host.macs;
  wanted.uuid = host.uuid;
  wanted.serial = host.serial;
  wanted.in_inventory = host.in_inventory;
  wanted.state = host.state == discovered ? assigned : host.state;
  wanted.arming = host.arming;
  wanted.profile = said.profile.empty() ? place.profile : host.profile;
  wanted.site = said.profile.empty() ? place.site : host.site;
  return wanted;
}

std::expected<Operator::Prepared, Refusal> Operator::prepare_in(const Host& host,
                                                                const BatchPlace& place) {
  if (auto wrong = wrong_state(host); !wrong.empty()) {
    return std::unexpected(Refusal{.status = 409, .text = std::move(wrong)});
  }
  if (auto outcome = contradiction(host, place); !outcome) {
    return std::unexpected(std::move(outcome.error()));
  }
  return prepare(wanted_in(host, place));
}

Operator::Outcome Operator::may_arm_in_batch(const Host& host, const BatchPlace& place) {
  auto prepared = prepare_in(host, place);
  if (!prepared) return std::unexpected(std::move(prepared.error()));
  return {};
}

void Operator::arm_in_batch(Host& host, const BatchPlace& place, std::chrono::seconds lifetime,
                            const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, place, lifetime, order, done = std::move(done)]() mutable {
    auto prepared = prepare_in(host, place);
    if (!prepared) return done(std::unexpected(std::move(prepared.error())));
    const auto wanted = wanted_in(host, place);
    const auto id = ledger_.next_arming();
    auto change = arming_of(wanted, *prepared, {.id = id, .lifetime = lifetime}, order);
    change = in_place(host, wanted, std::move(change), ledger_.cause(order.who, order.why));
    change.change.emplace_back(ClaimSlot{.batch = place.batch,
                                         .number = place.number,
                                         .host = host.id,
                                         .arming = id,
                                         .at_ms = ledger_.now().unix_ms});
    commit_arming(host, std::move(change), std::move(*prepared), order, std::move(done));
  });
}

void Operator::withdraw(Host& host, std::int64_t arming, const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, arming, order, done = std::move(done)]() mutable {
    const bool idle = host.state == armed || host.state == failed;
    if (!host.arming || host.arming->id != arming || !idle) return done({});
    const auto cause = ledger_.cause(order.who, order.why);
    // A failed host stays so: its reason is what a person wants to see.
    auto change = host.state == failed ? end_arming(host, cause)
                                       : provisioning::disarm(host, cause, ledger_.now());
    move(host, std::move(change), "host.disarmed", "disarmed by " + order.who, std::move(done));
  });
}

}  // namespace slipway::provisioning
