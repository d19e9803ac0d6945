// provisioning/ledger.hpp -- the hosts in memory and in the store, kept equal.
//
// Deciding thread only. Memory follows the store: a move becomes visible when it is on the disk,
// and a host has at most one move on its way; who wants to move it meanwhile waits and then
// decides anew. On a database that several servers share, memory also follows what the others did
// (ledger_follow.cpp).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/log_limiter.hpp"
#include "base/scheduler.hpp"
#include "provisioning/config.hpp"
#include "provisioning/host_table.hpp"
#include "provisioning/journey.hpp"
#include "provisioning/moves.hpp"
#include "provisioning/store_worker.hpp"

namespace slipway::provisioning {

// What the process around us knows. Everything outlives the ledger.
struct Surroundings {
  const Config& config;
  Scheduler& scheduler;
  std::function<Now()> now;
  // The MAC of an on-link peer from the kernel's neighbour table; nothing for a peer behind a
  // router or one that the kernel has not talked to.
  std::function<std::optional<Mac>(Ipv4)> neighbour;
};

class Ledger {
 public:
  using Finished = std::move_only_function<void(const Fallible<void>&)>;

  // `state` is what Store::load gave, and loses its hosts; the worker outlives the ledger.
  Ledger(Surroundings surroundings, StoreWorker& worker, StoredState& state);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  [[nodiscard]] HostTable& hosts() { return hosts_; }
  [[nodiscard]] Journey& journey() { return journey_; }
  [[nodiscard]] const Journey& journey() const { return journey_; }
  [[nodiscard]] const Config& config() const { return around_.config; }
  [[nodiscard]] const std::shared_ptr<const Inventory>& inventory() const { return inventory_; }
  void set_inventory(std::shared_ptr<const Inventory> inventory) {
    inventory_ = std::move(inventory);
  }
  [[nodiscard]] Scheduler& scheduler() { return around_.scheduler; }
  [[nodiscard]] Now now() const { return around_.now(); }
  [[nodiscard]] std::optional<Mac> neighbour(Ipv4 peer) const { return around_.neighbour(peer); }
  [[nodiscard]] Cause cause(std::string who, std::string why) const;

  // Runs `task` when no move of `host` is on its way: at once, or after those that wait already.
  void when_free(Host& host, Scheduler::Task task);

  // Carries `move` out; `host` must be free. `finished` runs after memory has followed.
  void commit(Host& host, Move move, Finished finished);
  // Stores what memory already shows of `host` (names, MACs, inventory). A commit does so, too,
  // when `host.learnt` is set.
  void commit_facts(Host& host, Finished finished);

  // A change that moves no host. `finished` runs when it is on the disk or has failed.
  void commit_change(Change change, Finished finished);
  // Reads the store without keeping the deciding thread; see StoreWorker::Question.
  void ask(StoreWorker::Question question) { worker_.ask(std::move(question)); }

  // A host that nobody knew. In memory at once, in the store soon. Null when there is no room:
  // at most kMaxDiscovered of them, kMaxNewPerSecond a second, and no long queue at the store.
  [[nodiscard]] Host* discover(const Mac& mac, const std::optional<Uuid>& uuid);
  // A host of the inventory, without these limits.
  [[nodiscard]] Host& add(Host host);
  // All that is known of `from`, which waits or was only seen, goes to `into`. False while `from`
  // is in the middle of something.
  bool merge(Host& from, Host& into);

  [[nodiscard]] std::int64_t next_arming() { return ++last_arming_; }
  [[nodiscard]] std::int64_t next_attempt() { return ++last_attempt_; }
  [[nodiscard]] std::int64_t next_session() { return ++last_session_; }
  [[nodiscard]] std::optional<Sha256> published(std::string_view profile) const;
  void publish(std::string profile, const Sha256& digest);

  // For /metrics.
  [[nodiscard]] const StoreCounters& store_counters() const { return worker_.counters(); }
  [[nodiscard]] std::size_t store_backlog() { return worker_.backlog(); }

  // Whether other servers write the same database.
  [[nodiscard]] bool shared() const { return worker_.shared(); }
  // Something that is no arming expires by the kept time, too.
  void set_expiring(bool expiring) { expiring_ = expiring; }
  // Writes down that time has passed, if anything expires by it; a restart counts from there.
  void keep_time();

  // Another server that runs now changed `host` last: its agent talks to that one.
  [[nodiscard]] bool is_elsewhere(const Host& host) const {
    return host.server != 0 && servers_.contains(host.server);
  }

  // An event of `host` for its timeline and, at info, for the log. Of hosts that were only seen on
  // the wire the log gets kStrangerLinesASecond lines of an event: their MACs may be forged.
  void note(const Host& host, std::string_view event, std::string text);
  // How far the boot of `host` has come.
  void reach(const Host& host, Milestone milestone) {
    journey_.reach(host.id, milestone, now().steady);
  }
  // The same for what a person must see: at warn, and never dropped.
  void alarm(const Host& host, std::string_view event, std::string text);

  static constexpr std::size_t kMaxDiscovered = 4096;
  static constexpr unsigned kMaxNewPerSecond = 64;
  static constexpr unsigned kStrangerLinesASecond = 20;

 private:
  void submit(Host& host, Change change, Finished finished);
  void submit_removal(const std::string& id, Change change);
  void release(const std::string& id);

  void follow(StoreNews& news);
  void follow_servers(std::set<std::int64_t> servers);
  void follow_host(Host record);
  void take_record(Host& host, Host record);
  void take_macs(Host& host, const std::vector<Mac>& macs);
  void drop_removed(const std::set<std::string, std::less<>>& all);
  // What came for `host` while its own change was on the way, which went well or not.
  void take_late_news(Host& host, bool changed);
  [[nodiscard]] bool may_discover();
  [[nodiscard]] bool make_room();

  Surroundings around_;
  StoreWorker& worker_;
  std::shared_ptr<const Inventory> inventory_ = std::make_shared<const Inventory>();
  HostTable hosts_;
  Journey journey_;
  std::map<std::string, Sha256, std::less<>> published_;
  std::int64_t last_arming_ = 0, last_attempt_ = 0, last_session_ = 0;
  std::int64_t known_revision_ = 0;  // of the store, as far as memory follows it
  std::set<std::int64_t> servers_;   // the others
  std::map<std::string, Host, std::less<>> late_records_;
  std::set<std::string, std::less<>> late_removals_;
  bool expiring_ = false;
  TimePoint second_began_;
  unsigned new_in_second_ = 0;
  LogQuota stranger_lines_{kStrangerLinesASecond};
};

}  // namespace slipway::provisioning
