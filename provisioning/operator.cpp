#include "provisioning/operator.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.hpp"
#include "provisioning/plan.hpp"
#include "provisioning/third_party.hpp"
#include "provisioning/token_expiry.hpp"

namespace slipway::provisioning {
namespace {

using enum HostState;

std::string armer_of(const Host& host) { return host.arming ? host.arming->who : "nobody"; }

// `first`, and then `second`, as one.
Move joined(Move first, Move second) {
  std::ranges::move(second.change, std::back_inserter(first.change));
  first.apply = [one = std::move(first.apply), two = std::move(second.apply)](HostTable& table,
                                                                              Host& changed) {
    one(table, changed);
    two(table, changed);
  };
  return first;
}

}  // namespace

std::expected<void, Refusal> refused(int status, std::string text) {
  return std::unexpected(Refusal{.status = status, .text = std::move(text)});
}

std::string state_of(const Host& host) {
  return "host " + host.shown_name() + " is " + std::string(name_of(host.state));
}

void Operator::move(Host& host, Move change, std::string_view event, std::string text, Done done) {
  ledger_.commit(host, std::move(change),
                 [this, &host, event, text = std::move(text),
                  done = std::move(done)](const Fallible<void>& result) mutable {
                   if (!result) return done(refused(503, result.error().text()));
                   ledger_.note(host, event, std::move(text));
                   done({});
                 });
}

std::expected<Operator::Prepared, Refusal> Operator::prepare(const Host& host) {
  const auto refuse = [](std::string text) {
    return std::unexpected(Refusal{.status = 422, .text = std::move(text)});
  };
  auto recipe = complete_recipe_of(host, ledger_.inventory());
  if (!recipe) return refuse(recipe.error().text());
  const auto& profile = *recipe->profile;
  const auto token = check_token_expiry(recipe->subject(), ledger_.now().unix_ms);
  if (token && !token->is_warning) return refuse(token->line());
  const bool is_ours = profile.installer == InstallerKind::flash;
  const auto image = is_ours ? flash_files(profile) : third_party_files(host, *recipe);
  if (!image) return refuse(image.error().text());
  if (const auto content = planned_content(profile, artifacts_); !content) {
    return refuse("profile " + profile.id() + ": " + content.error().text());
  }
  Prepared prepared{.recipe = std::move(*recipe), .image = *image, .digest = digest_of(profile)};
  if (token) prepared.warning = token->text;
  const auto published = ledger_.published(profile.id());
  if (published && *published != prepared.digest) {
    return refuse("profile " + profile.id() +
                  " was changed after a host had been armed with it; give it a new version");
  }
  prepared.is_new_profile = !published;
  return prepared;
}

Fallible<ImageFiles> Operator::flash_files(const Profile& profile) {
  auto image = artifacts_.find_image(profile.image);
  if (!image) return fail(image.error(), "profile " + profile.id());
  if (const auto installer = artifacts_.installer(); !installer) {
    return std::unexpected(installer.error());
  }
  return image;
}

Fallible<ImageFiles> Operator::third_party_files(const Host& host, const Recipe& recipe) {
  const auto& profile = *recipe.profile;
  if (profile.image.empty()) {
    return fail("profile " + profile.id() +
                " names no image to boot; add `image: NAME@VERSION` to "
                "its installer");
  }
  const auto set = artifacts_.find_installer(profile.image);
  if (!set) return fail(set.error(), "profile " + profile.id());
  for (const auto& mistake : check_third_party(recipe.subject(), *set)) {
    return fail("profile " + profile.id() + ": " + mistake.line());
  }
  if (auto refusal = memory_refusal(host, profile.installer, *set); !refusal.empty()) {
    return fail(std::move(refusal));
  }
  return ImageFiles{.name = set->name, .manifest = set->manifest, .data = {}};
}

void Operator::arm(Host& host, std::chrono::seconds lifetime, const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, lifetime, order, done = std::move(done)]() mutable {
    arm_free(host, lifetime, order, std::move(done));
  });
}

void Operator::arm_free(Host& host, std::chrono::seconds lifetime, const Order& order, Done done) {
  if (host.state == armed) {
    return done(refused(409, state_of(host) + " already, by " + armer_of(host)));
  }
  if (host.state == discovered) {
    const auto recipe = complete_recipe_of(host, ledger_.inventory());
    return done(refused(
        422, recipe ? state_of(host) + " and not assigned yet; try again" : recipe.error().text()));
  }
  if (!may_go(host.state, armed) || host.state == booting) {
    return done(refused(409, state_of(host) + "; only assigned, installed and failed hosts can "
                                              "be armed"));
  }
  auto prepared = prepare(host);
  if (!prepared) return done(std::unexpected(prepared.error()));
  auto change =
      arming_of(host, *prepared, {.id = ledger_.next_arming(), .lifetime = lifetime}, order);
  commit_arming(host, std::move(change), std::move(*prepared), order, std::move(done));
}

Move Operator::arming_of(const Host& host, const Prepared& prepared, const Term& term,
                         const Order& order) {
  const auto now = ledger_.now();
  const Arming arming{.id = term.id,
                      .who = order.who,
                      .why = order.why,
                      .expires = now.steady + term.lifetime,
                      .profile = prepared.recipe.profile->id(),
                      .profile_digest = prepared.digest};
  std::optional<Sha256> published;
  if (prepared.is_new_profile) published = prepared.digest;
  auto change =
      provisioning::arm(host, arming, published, ledger_.cause(order.who, order.why), now);
  change.change.emplace_back(
      KeepBox{.arming = arming.id, .box = box_of(prepared.recipe, host, prepared.image)});
  return change;
}

void Operator::commit_arming(Host& host, Move change, Prepared prepared, const Order& order,
                             Done done) {
  const auto id = prepared.recipe.profile->id();
  if (!prepared.warning.empty()) ledger_.alarm(host, "host.token_expires", prepared.warning);
  auto finished = [this, &host, id, prepared = std::move(prepared),
                   done = std::move(done)](const Outcome& outcome) mutable {
    if (outcome && prepared.is_new_profile) ledger_.publish(id, prepared.digest);
    if (outcome) host.snapshot = std::move(prepared.recipe.inventory);
    done(outcome);
  };
  move(host, std::move(change), "host.armed", "armed by " + order.who + " with " + id,
       std::move(finished));
}

void Operator::disarm(Host& host, const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, order, done = std::move(done)]() mutable {
    if (!host.arming) return done(refused(409, state_of(host) + " and not armed"));
    auto change = provisioning::disarm(host, ledger_.cause(order.who, order.why), ledger_.now());
    move(host, std::move(change), "host.disarmed", "disarmed by " + order.who, std::move(done));
  });
}

void Operator::ignore(Host& host, const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, order, done = std::move(done)]() mutable {
    if (host.state == ignored) return done({});
    if (host.state != discovered) {
      return done(refused(409, state_of(host) + "; only a discovered host can be ignored"));
    }
    const auto cause = ledger_.cause(order.who, order.why);
    auto change = go(host, ignored, cause, ledger_.now());
    const auto* session = host.session();
    if (session != nullptr && !session->ended) {
      change = joined(std::move(change), end_session(host, *session, cause));
    }
    move(host, std::move(change), "host.ignored", "ignored by " + order.who, std::move(done));
  });
}

void Operator::assign(Host& host, const Assignment& assignment, const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, assignment, order, done = std::move(done)]() mutable {
    const auto outcome = may_assign(host, assignment);
    if (!outcome) return done(outcome);
    assign_free(host, assignment, order, std::move(done));
  });
}

Operator::Outcome Operator::may_assign(const Host& host, const Assignment& assignment) {
  if (host.in_inventory) {
    return refused(409, "host " + host.shown_name() +
                            " is in the inventory: its profile and site are changed there");
  }
  if (host.state != discovered && host.state != assigned && host.state != ignored) {
    return refused(409, state_of(host) + "; disarm it first");
  }
  const auto* namesake = ledger_.hosts().by_name(assignment.name);
  if (namesake != nullptr && namesake != &host) {
    return refused(422, "the name " + assignment.name + " is another host's");
  }
  Host wanted;  // only what a recipe is looked up by
  wanted.id = host.id;
  wanted.name = assignment.name.empty() ? host.name : assignment.name;
  wanted.macs = host.macs;
  wanted.profile = assignment.profile;
  wanted.site = assignment.site;
  const auto recipe = complete_recipe_of(wanted, ledger_.inventory());
  if (!recipe) return refused(422, recipe.error().text());
  return {};
}

void Operator::assign_free(Host& host, const Assignment& assignment, const Order& order,
                           Done done) {
  if (!assignment.name.empty()) ledger_.hosts().rename(host, assignment.name);
  host.profile = assignment.profile;
  host.site = assignment.site;
  host.learnt = true;
  const auto cause = ledger_.cause(order.who, order.why);
  Move change{.change = {Note{.host = host.id, .what = "assigned again", .cause = cause}}};
  if (host.state != assigned) change = go(host, assigned, cause, ledger_.now());
  if (host.state == ignored) {
    change.change = {
        Transition{.host = host.id, .from = ignored, .to = discovered, .cause = cause},
        Transition{.host = host.id, .from = discovered, .to = assigned, .cause = cause}};
  }
  move(host, std::move(change), "host.assigned", order.who + " assigned " + assignment.profile,
       std::move(done));
}

std::vector<std::string> Operator::use_inventory(std::shared_ptr<const Inventory> inventory) {
  ledger_.set_inventory(inventory);
  share_macs(*inventory);
  std::vector<std::string> problems;
  for (const auto& entry : inventory->hosts) {
    follow_entry(record_of(entry), entry, problems);
  }
  std::vector<std::string> all;
  ledger_.hosts().each([&](Host& host) {
    all.push_back(host.id);
    if (!host.in_inventory || inventory->host(host.name) != nullptr) return;
    host.in_inventory = false;
    ledger_.hosts().declare(host, std::nullopt, {});
  });
  follow_states(std::move(all), ++inventories_used_);
  return problems;
}

void Operator::share_macs(const Inventory& inventory) {
  std::vector<Mac> shared;
  for (const auto& entry : inventory.hosts) {
    shared.insert(shared.end(), entry.shared_macs.begin(), entry.shared_macs.end());
  }
  for (auto* host : ledger_.hosts().share_macs(shared)) keep_facts(*host);
}

void Operator::keep_facts(Host& host) {
  host.learnt = true;
  ledger_.when_free(host, [this, &host] {
    ledger_.commit_facts(host, [](const Fallible<void>&) {
      // A failure was logged; the facts go with the next move.
    });
  });
}

// In slices, so that hosts that boot meanwhile are answered in between.
void Operator::follow_states(std::vector<std::string> ids, unsigned inventory) {
  constexpr std::size_t kSlice = 128;
  if (inventory != inventories_used_) return;  // a newer one began anew
  const auto first = ids.size() - std::min(ids.size(), kSlice);
  for (auto at = first; at < ids.size(); ++at) {
    auto* host = ledger_.hosts().by_id(ids[at]);
    if (host != nullptr) ledger_.when_free(*host, [this, host] { follow_state(*host); });
  }
  ids.resize(first);
  if (ids.empty()) return;
  ledger_.scheduler().post([this, ids = std::move(ids), inventory]() mutable {
    follow_states(std::move(ids), inventory);
  });
}

Host& Operator::record_of(const HostEntry& entry) {
  auto& hosts = ledger_.hosts();
  Host* found = hosts.by_name(entry.name);
  for (const auto& mac : entry.macs) {
    if (found == nullptr) found = hosts.by_mac(mac);
  }
  if (found == nullptr && entry.uuid) found = hosts.by_uuid(*entry.uuid);
  if (found == nullptr && !entry.serial.empty()) found = hosts.by_serial(entry.serial);
  // A host with another name in the inventory is another host, whatever it shares with this one.
  const bool is_other = found != nullptr && found->name != entry.name && !found->name.empty() &&
                        ledger_.inventory()->host(found->name) != nullptr;
  if (found != nullptr && !is_other) return *found;
  Host host;
  host.name = entry.name;
  return ledger_.add(std::move(host));
}

void Operator::follow_entry(Host& host, const HostEntry& entry,
                            std::vector<std::string>& problems) {
  auto& hosts = ledger_.hosts();
  const auto before = facts_of(host);
  host.in_inventory = true;
  hosts.rename(host, entry.name);
  take_macs(host, entry, problems);
  if (entry.uuid) host.uuid = entry.uuid;
  if (!entry.serial.empty()) host.serial = entry.serial;
  hosts.declare(host, entry.uuid, entry.serial);
  const auto after = facts_of(host);
  const bool same = host.stored && before.name == after.name && before.macs == after.macs &&
                    before.uuid == after.uuid && before.serial == after.serial;
  if (!same) keep_facts(host);
}

void Operator::take_macs(Host& host, const HostEntry& entry, std::vector<std::string>& problems) {
  for (const auto& mac : entry.macs) {
    if (ledger_.hosts().is_shared(mac) || ledger_.hosts().learn_mac(host, mac)) continue;
    auto* holder = ledger_.hosts().by_mac(mac);
    if (ledger_.merge(*holder, host)) continue;
    const auto* other = ledger_.inventory()->host(holder->name);
    const bool is_idle = !holder->arming && live_attempt(*holder) == 0;
    const bool still_wanted =
        other != nullptr && std::ranges::find(other->macs, mac) != other->macs.end();
    if (is_idle && !still_wanted) {
      ledger_.hosts().move_mac(*holder, host, mac);
      holder->learnt = true;
      continue;
    }
    problems.push_back(entry.mark.text() + ": " + mac.text() + " belongs to host " +
                       holder->shown_name() + " (" + std::string(name_of(holder->state)) + ")");
  }
}

void Operator::go_silently(Host& host, HostState to, std::string why) {
  auto change = go(host, to, ledger_.cause("inventory", std::move(why)), ledger_.now());
  ledger_.commit(host, std::move(change), [](const Fallible<void>&) {
    // A failure was logged; the next reload tries again.
  });
}

void Operator::follow_state(Host& host) {
  if (host.state != discovered && host.state != assigned) return;
  const auto recipe = complete_recipe_of(host, ledger_.inventory());
  if (recipe && host.state == discovered) return go_silently(host, assigned, "it is complete");
  if (recipe) return;
  host.detail = host.in_inventory || !host.profile.empty() ? recipe.error().text() : std::string();
  if (host.state == assigned) go_silently(host, discovered, recipe.error().text());
}

}  // namespace slipway::provisioning
