#include "provisioning/batches.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace slipway::provisioning {
namespace {

using enum HostState;

// Runs `done` when it was called as often as it was handed out, and closed.
class Gather {
 public:
  explicit Gather(Scheduler::Task done) : done_(std::move(done)) {}
  void expect() { ++open_; }
  void arrive() {
    if (--open_ == 0) done_();
  }

 private:
  std::size_t open_ = 1;  // whoever hands out holds one, too
  Scheduler::Task done_;
};

std::chrono::seconds left_of(const Batch& batch, TimePoint now) {
  return std::chrono::duration_cast<std::chrono::seconds>(batch.expires - now);
}

Order order_of(const Batch& batch) { return {.who = batch.signature(), .why = batch.why}; }

}  // namespace

Batches::Batches(Ledger& ledger, Operator& operations, std::vector<Batch> stored)
    : ledger_(ledger), operator_(operations) {
  merge(std::move(stored));
}

const Batch* Batches::find(std::string_view id) const {
  const auto found = std::ranges::find(
      batches_, id, [](const auto& each) -> std::string_view { return each->batch.id; });
  return found == batches_.end() ? nullptr : &(*found)->batch;
}

Batches::Live* Batches::live(std::string_view id) {
  const auto found = std::ranges::find(
      batches_, id, [](const auto& each) -> std::string_view { return each->batch.id; });
  return found == batches_.end() ? nullptr : found->get();
}

std::string Batches::refusal_of(const Batch& batch, std::string_view host) const {
  for (const auto& each : batches_) {
    if (&each->batch != &batch) continue;
    const auto found = each->refused.find(host);
    return found == each->refused.end() ? std::string() : found->second;
  }
  return {};
}

std::vector<const Batch*> Batches::all() const {
  std::vector<const Batch*> all;
  for (const auto& each : batches_) all.push_back(&each->batch);
  return all;
}

void Batches::open(const BatchRequest& request, const Order& order, Opened opened) {
  auto batch = planned(request, order);
  if (!batch) return opened(std::unexpected(std::move(batch.error())));
  const auto now = ledger_.now();
  AddBatch added{.batch = *batch,
                 .remaining_seconds = left_of(*batch, now.steady).count(),
                 .steady = now.steady};
  ledger_.commit_change({std::move(added)}, [this, batch = std::move(*batch),
                                             opened = std::move(opened)](
                                                const Fallible<void>& result) mutable {
    if (!result) {
      return opened(std::unexpected(BatchRefusal{.status = 503, .text = result.error().text()}));
    }
    log::info("batch.opened", {{"batch", batch.id},
                               {"by", batch.who},
                               {"profile", batch.profile},
                               {"places", batch.slots.size()}});
    const auto id = batch.id;
    std::vector<Batch> one;
    one.push_back(std::move(batch));
    merge(std::move(one));
    consider_waiting();
    arm_named(id, [id, opened = std::move(opened)]() mutable { opened(id); });
  });
}

void Batches::arm_named(const std::string& id, Scheduler::Task done) {
  auto gather = std::make_shared<Gather>(std::move(done));
  auto* batch = live(id);
  if (batch != nullptr && batch->batch.is_open() && batch->batch.kind == BatchKind::hosts) {
    for (const auto& slot : batch->batch.slots) {
      auto* host = ledger_.hosts().by_id(slot.host);
      if (slot.arming != 0 || host == nullptr || batch->pending.contains(slot.number)) continue;
      gather->expect();
      take(*batch, slot, *host, [gather] { gather->arrive(); });
    }
  }
  gather->arrive();
}

void Batches::take(Live& batch, const BatchSlot& slot, Host& host, Scheduler::Task done) {
  batch.pending.insert(slot.number);
  const BatchPlace place{.batch = batch.batch.id,
                         .number = slot.number,
                         .profile = batch.batch.profile,
                         .site = slot.site};
  operator_.arm_in_batch(host, place, left_of(batch.batch, ledger_.now().steady),
                         order_of(batch.batch),
                         [this, id = place.batch, number = place.number, &host,
                          done = std::move(done)](const Operator::Outcome& outcome) mutable {
                           taken(id, number, host, outcome);
                           done();
                         });
}

void Batches::taken(const std::string& id, std::int64_t number, Host& host,
                    const Operator::Outcome& outcome) {
  auto* batch = live(id);
  batch->pending.erase(number);
  if (!outcome) {
    // Another server may have been faster: look what is true.
    if (outcome.error().status == 503) return reload();
    auto& said = batch->refused[host.id];
    if (said == outcome.error().text) return;
    said = outcome.error().text;
    return ledger_.alarm(host, "host.batch_refused", "batch " + id + ": " + said);
  }
  batch->refused.erase(host.id);
  auto& slot = *std::ranges::find(batch->batch.slots, number, &BatchSlot::number);
  slot.host = host.id;
  slot.arming = host.arming->id;
  slot.taken_ms = ledger_.now().unix_ms;
}

const BatchSlot* Batches::free_place(const Live& batch) const {
  for (const auto& slot : batch.batch.slots) {
    const bool free = slot.host.empty() && !batch.pending.contains(slot.number);
    // A site that left the inventory keeps its place, and holds nobody up.
    if (free && ledger_.inventory()->site(slot.site) != nullptr) return &slot;
  }
  return nullptr;
}

void Batches::consider(Host& host) {
  if (host.in_inventory || host.state != discovered) return;
  const Candidate candidate{
      .macs = host.macs, .manufacturer = host.manufacturer, .product = host.product};
  for (const auto& each : batches_) {
    const auto& batch = each->batch;
    const bool takes = batch.is_open() && batch.kind == BatchKind::sites &&
                       left_of(batch, ledger_.now().steady).count() > 0 &&
                       allows(batch.rules, candidate);
    const auto* slot = takes ? free_place(*each) : nullptr;
    if (slot == nullptr) continue;
    return take(*each, *slot, host, [] {
      // What came of it is said in taken(); its agent asks again by itself.
    });
  }
}

void Batches::consider_waiting() {
  std::vector<Host*> waiting;
  ledger_.hosts().each([&](Host& host) {
    if (host.parked) waiting.push_back(&host);
  });
  std::ranges::sort(waiting, {}, &Host::changed_ms);  // who came first is served first
  for (auto* host : waiting) consider(*host);
}

void Batches::close(std::string_view id, const Order& order, Done done) {
  auto* batch = live(id);
  const auto refused = [](int status, std::string text) {
    return std::unexpected(Refusal{.status = status, .text = std::move(text)});
  };
  if (batch == nullptr) return done(refused(404, "there is no batch " + std::string(id)));
  if (!batch->batch.is_open()) {
    return done(
        refused(409, "batch " + batch->batch.id + " was closed by " + batch->batch.closed_by));
  }
  commit_close(*batch, order, std::move(done));
}

void Batches::commit_close(Live& batch, const Order& order, Done done) {
  const auto now_ms = ledger_.now().unix_ms;
  const auto by = order.why.empty() ? order.who : order.who + ": " + order.why;
  const auto& id = batch.batch.id;
  ledger_.commit_change(
      {CloseBatch{.batch = id, .who = by, .at_ms = now_ms}},
      [this, id, by, now_ms, order, done = std::move(done)](const Fallible<void>& result) mutable {
        if (!result) {
          reload();
          return done(std::unexpected(Refusal{.status = 503, .text = result.error().text()}));
        }
        log::info("batch.closed", {{"batch", id}, {"by", by}});
        auto* closed = live(id);
        closed->batch.closed_ms = now_ms;
        closed->batch.closed_by = by;
        withdraw_rest(*closed, {.who = order.who, .why = "batch " + id + " was closed"},
                      [done = std::move(done)]() mutable { done({}); });
      });
}

void Batches::withdraw_rest(Live& batch, const Order& order, Scheduler::Task done) {
  auto gather = std::make_shared<Gather>(std::move(done));
  batch.settled = batch.pending.empty();
  for (const auto& slot : batch.batch.slots) {
    auto* host = slot.arming == 0 ? nullptr : ledger_.hosts().by_id(slot.host);
    if (host == nullptr || !host->arming || host->arming->id != slot.arming) continue;
    batch.settled = false;
    gather->expect();
    operator_.withdraw(*host, slot.arming, order,
                       [gather](const Operator::Outcome&) { gather->arrive(); });
  }
  gather->arrive();
}

void Batches::start() {
  ledger_.scheduler().after(kSweepEvery, [this] {
    sweep();
    start();
  });
}

void Batches::sweep() {
  if (ledger_.shared()) reload();  // what the others opened, took and closed
  const auto now = ledger_.now().steady;
  const auto nothing = [] {
    // A failure was logged; the next sweep tries again.
  };
  bool any_open = false;
  for (const auto& each : batches_) {
    auto& batch = each->batch;
    any_open = any_open || batch.is_open();
    if (batch.is_open() && now >= batch.expires) {
      commit_close(*each, {.who = "server", .why = "the batch has expired"},
                   [](const Operator::Outcome&) {});
    } else if (batch.is_open()) {
      arm_named(batch.id, nothing);
    } else if (!each->settled) {
      withdraw_rest(*each, {.who = "server", .why = "batch " + batch.id + " was closed"}, nothing);
    }
  }
  ledger_.set_expiring(any_open);
}

void Batches::reload() {
  ledger_.ask([this, now = ledger_.now()](Store& store) -> Scheduler::Task {
    return [this, batches = store.batches(now)]() mutable {
      if (batches) return merge(std::move(*batches));
      log::error("store.failed", {{"why", batches.error().text()}});
    };
  });
}

void Batches::merge(std::vector<Batch> stored) {
  for (auto& batch : stored) {
    auto* known = live(batch.id);
    if (known == nullptr) {
      batches_.push_back(std::make_unique<Live>(std::move(batch)));
    } else if (known->pending.empty()) {  // else what is on its way is newer than what was read
      batch.expires = known->batch.expires;
      known->settled = known->settled && !batch.is_open();
      known->batch = std::move(batch);
    }
  }
  const bool any_open =
      std::ranges::any_of(batches_, [](const auto& each) { return each->batch.is_open(); });
  ledger_.set_expiring(any_open);
}

}  // namespace slipway::provisioning
