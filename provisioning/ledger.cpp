#include "provisioning/ledger.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/log.hpp"

namespace slipway::provisioning {
namespace {

// Nothing would be lost by throwing it away: it was seen on the wire and no more.
bool only_seen(const Host& host) {
  const auto* session = host.session();
  return host.state == HostState::discovered && !host.in_inventory && host.profile.empty() &&
         host.attempt == 0 && !host.busy && host.waiting.empty() && !host.parked &&
         (session == nullptr || !session->bearer_hash);
}

std::string mac_of(const Host& host) { return host.macs.empty() ? "" : host.macs.front().text(); }

constexpr std::size_t kLongBacklog = 256;

void log_failure(const std::string& id, const Error& error) {
  // That another server was first is how servers share a depot, and no fault.
  const bool outrun = error.text().ends_with(kOutrun);
  const std::initializer_list<log::Field> fields = {{"host", id}, {"why", error.text()}};
  if (outrun) return log::info("store.outrun", fields);
  log::error("store.failed", fields);
}

}  // namespace

Ledger::Ledger(Surroundings surroundings, StoreWorker& worker, StoredState& state)
    : around_(std::move(surroundings)),
      worker_(worker),
      published_(state.published.begin(), state.published.end()),
      last_arming_(state.last_arming),
      last_attempt_(state.last_attempt),
      last_session_(state.last_session),
      known_revision_(state.revision),
      servers_(std::move(state.servers)) {
  for (auto& host : state.hosts) hosts_.add(std::move(host));
  if (!worker_.shared()) return;
  worker_.watch(known_revision_, around_.now, [this](StoreNews& news) { follow(news); });
}

Cause Ledger::cause(std::string who, std::string why) const {
  return {.who = std::move(who), .why = std::move(why), .at_ms = now().unix_ms};
}

void Ledger::when_free(Host& host, Scheduler::Task task) {
  if (host.busy || !host.waiting.empty()) {
    host.waiting.push_back(std::move(task));
  } else {
    task();
  }
}

void Ledger::submit(Host& host, Change change, Finished finished) {
  const bool with_facts = host.learnt || !host.stored;
  if (with_facts) change.insert(change.begin(), facts_of(host));
  change.insert(change.begin(), AsOf{.host = host.id, .revision = known_revision_});
  if (!host.stored) {
    change.insert(change.begin(),
                  AddHost{.host = host.id, .cause = cause("server", "seen or listed")});
  }
  host.learnt = false;
  host.busy = true;
  worker_.submit(std::move(change),
                 [this, id = host.id, with_facts,
                  finished = std::move(finished)](const Fallible<void>& result) mutable {
                   auto* changed = hosts_.by_id(id);
                   changed->busy = false;
                   if (result) {
                     changed->stored = true;
                     changed->server = 0;
                   } else {
                     changed->learnt = changed->learnt || with_facts;
                     log_failure(id, result.error());
                   }
                   finished(result);
                   take_late_news(*changed, result.has_value());
                   release(changed->id);
                 });
}

void Ledger::submit_removal(const std::string& id, Change change) {
  change.insert(change.begin(), AsOf{.host = id, .revision = known_revision_});
  worker_.submit(std::move(change), [id](const Fallible<void>& result) {
    if (!result) log_failure(id, result.error());
  });
}

void Ledger::commit(Host& host, Move move, Finished finished) {
  submit(host, std::move(move.change),
         [this, &host, apply = std::move(move.apply),
          finished = std::move(finished)](const Fallible<void>& result) mutable {
           if (result && apply) apply(hosts_, host);
           finished(result);
           if (auto poll = std::exchange(host.parked, std::nullopt)) {
             scheduler().post(std::move(poll->wake));  // there may be a plan now
           }
         });
}

void Ledger::commit_facts(Host& host, Finished finished) {
  host.learnt = true;
  submit(host, {}, std::move(finished));
}

void Ledger::commit_change(Change change, Finished finished) {
  worker_.submit(std::move(change),
                 [finished = std::move(finished)](const Fallible<void>& result) mutable {
                   if (!result) log::error("store.failed", {{"why", result.error().text()}});
                   finished(result);
                 });
}

void Ledger::release(const std::string& id) {
  for (;;) {
    auto* host = hosts_.by_id(id);
    if (host == nullptr || host->busy || host->waiting.empty()) return;
    auto task = std::move(host->waiting.front());
    host->waiting.pop_front();
    task();
  }
}

bool Ledger::may_discover() {
  const auto time = now().steady;
  if (time - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = time;
    new_in_second_ = 0;
  }
  if (new_in_second_ >= kMaxNewPerSecond || worker_.backlog() > kLongBacklog) return false;
  ++new_in_second_;
  return true;
}

bool Ledger::make_room() {
  std::size_t discovered = 0;
  Host* oldest = nullptr;
  hosts_.each([&](Host& host) {
    if (host.state != HostState::discovered || host.in_inventory) return;
    ++discovered;
    if (only_seen(host) && (oldest == nullptr || host.seen_ms < oldest->seen_ms)) oldest = &host;
  });
  if (discovered < kMaxDiscovered) return true;
  if (oldest == nullptr) return false;
  const bool was_stored = oldest->stored;
  const auto id = oldest->id;
  journey_.forget(id);
  hosts_.remove(*oldest);
  if (!was_stored) return true;
  submit_removal(id, {DeleteHost{.host = id, .cause = cause("server", "room for newer hosts")}});
  return true;
}

Host* Ledger::discover(const Mac& mac, const std::optional<Uuid>& uuid) {
  if (!may_discover() || !make_room()) return nullptr;
  Host host;
  host.macs = {mac};
  host.uuid = uuid;
  auto& added = add(std::move(host));
  note(added, "host.discovered", "first seen, MAC " + mac.text());
  commit_facts(added, [](const Fallible<void>&) {
    // A failure was logged; the record is stored with its next move.
  });
  return &added;
}

Host& Ledger::add(Host host) {
  do host.id = random_host_id();
  while (hosts_.by_id(host.id) != nullptr);
  const auto time = now();
  host.changed = time.steady;
  host.changed_ms = host.seen_ms = time.unix_ms;
  return hosts_.add(std::move(host));
}

bool Ledger::merge(Host& from, Host& into) {
  const bool idle = from.state == HostState::discovered || from.state == HostState::ignored;
  if (!idle || from.in_inventory || from.busy || !from.waiting.empty()) return false;
  auto parked = std::move(from.parked);
  const auto id = from.id;
  const bool was_stored = from.stored;
  const auto why = "it is " + into.shown_name();
  journey_.move(id, into.id);
  hosts_.merge(from, into);
  when_free(into, [this, &into] {
    commit_facts(into, [](const Fallible<void>&) {
      // A failure was logged; the facts go with the next move.
    });
  });
  if (parked) scheduler().post(std::move(parked->wake));  // asks again, as the other host
  if (!was_stored) return true;
  submit_removal(id, {MoveSessions{.from = id, .to = into.id},
                      DeleteHost{.host = id, .cause = cause("server", why)}});
  return true;
}

std::optional<Sha256> Ledger::published(std::string_view profile) const {
  const auto found = published_.find(profile);
  if (found == published_.end()) return std::nullopt;
  return found->second;
}

void Ledger::publish(std::string profile, const Sha256& digest) {
  published_.emplace(std::move(profile), digest);
}

void Ledger::keep_time() {
  if (worker_.shared()) return;  // the database's own clock counts
  bool expiring = expiring_;
  hosts_.each([&](const Host& host) { expiring = expiring || host.arming; });
  if (!expiring) return;
  worker_.submit({KeepTime{.steady = now().steady}}, [](const Fallible<void>& result) {
    if (!result) log::error("store.failed", {{"why", result.error().text()}});
  });
}

void Ledger::note(const Host& host, std::string_view event, std::string text) {
  const bool is_stranger = host.state == HostState::discovered && !host.in_inventory;
  const auto kind = static_cast<std::uint8_t>(std::hash<std::string_view>{}(event));
  const auto time = now();
  const bool shown = !is_stranger || stranger_lines_.allow(kind, time.steady);
  const auto level = shown ? log::Level::info : log::Level::debug;
  if (log::enabled(level)) {
    log::write(level, event, {{"mac", mac_of(host)}, {"host", host.shown_name()}, {"text", text}});
  }
  journey_.add(host.id, time.unix_ms, event, std::move(text));
}

void Ledger::alarm(const Host& host, std::string_view event, std::string text) {
  log::warn(event, {{"mac", mac_of(host)}, {"host", host.shown_name()}, {"text", text}});
  journey_.add(host.id, now().unix_ms, event, std::move(text));
}

}  // namespace slipway::provisioning
