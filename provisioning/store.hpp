// provisioning/store.hpp -- what must survive a power cut. The home of SOCI.
//
// A Change is a list of steps that hold together or not at all. Each step is a compare-and-set:
// one that finds the store in another state than it names fails its whole change. A step that
// changes a host's state writes its audit row in the same transaction. Secrets have no way in:
// tokens and bearers come as SHA-256 only. Not thread-safe; see store_worker.hpp.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "dhcp/lease.hpp"
#include "provisioning/audit.hpp"
#include "provisioning/host.hpp"
#include "provisioning/store_batches.hpp"
#include "provisioning/store_url.hpp"

namespace slipway::provisioning {

// Who does something, why and when (wall clock, ms).
struct Cause {
  std::string who{}, why{};
  std::int64_t at_ms = 0;
};

struct AddHost {
  std::string host{};
  HostState state = HostState::discovered;
  Cause cause{};
};
struct DeleteHost {  // only while it is discovered; its sessions go with it
  std::string host{};
  Cause cause{};
};
struct MoveSessions {  // and what reports are made from
  std::string from, to;
};
struct PutFacts {
  std::string host{}, name{};
  std::vector<Mac> macs{};
  std::string uuid{}, serial{}, manufacturer{}, product{}, profile{}, site{}, inventory_json{};
};
struct Transition {
  std::string host{};
  HostState from = HostState::discovered, to = HostState::discovered;
  std::string reason{}, detail{};  // of a failure
  Cause cause{};
};
struct Note {  // an audit row that changes nothing
  std::string host{}, what{};
  Cause cause{};
};
struct AddArming {
  std::int64_t id = 0;
  std::string host{}, profile{};
  Sha256 profile_digest{};
  std::int64_t remaining_seconds = 0;  // from `steady` on
  TimePoint steady{};
  Cause cause{};
};
struct EndArming {
  std::int64_t id = 0;
  Cause cause{};
};
struct KeepTime {  // so much time has passed for everything that expires
  TimePoint steady{};
};
struct AddSession {
  std::int64_t id = 0;
  std::string host{};
  Sha256 token_hash{};
  Mac mac{};
  std::int64_t attempt = 0, at_ms = 0;
};
struct OpenSession {  // the token was traded for a bearer
  std::int64_t id = 0;
  Sha256 bearer_hash{};
  Ipv4 address{};
};
struct BindSession {
  std::int64_t id = 0, attempt = 0;
  Ipv4 address{};
};
struct EndSession {
  std::int64_t id = 0;
};
struct AddAttempt {  // uses one of the arming's attempts; fails when there is none left
  std::int64_t id = 0, arming = 0;
  std::string host;
  std::int64_t at_ms = 0;
};
struct EndAttempt {
  std::int64_t id = 0;
  std::string state{}, reason{}, detail{}, report_json{};
  std::int64_t at_ms = 0;
};
struct PublishProfile {
  std::string id{};
  Sha256 digest{};
  std::int64_t at_ms = 0;
};

struct KeepLease {  // in the place of what was kept of its address
  dhcp::LeaseRecord lease{};
};

// Stands before the other steps of a change of `host`: the change was decided on what the store
// had at `revision`. It fails when another server changed the host after that.
struct AsOf {
  std::string host{};
  std::int64_t revision = 0;
};

using Step =
    std::variant<AsOf, AddHost, DeleteHost, MoveSessions, PutFacts, Transition, Note, AddArming,
                 EndArming, KeepTime, AddSession, OpenSession, BindSession, EndSession, AddAttempt,
                 EndAttempt, PublishProfile, AddBatch, ClaimSlot, CloseBatch, KeepBox, KeepLease>;
using Change = std::vector<Step>;

// All that a starting server takes up again.
struct StoredState {
  std::vector<Host> hosts;                  // with live armings and kept sessions
  std::vector<dhcp::LeaseRecord> leases;    // also those that are over
  std::vector<Batch> batches;               // in the order in which they were opened
  std::map<std::string, Sha256> published;  // profile id -> digest at its first arming
  // New ids count on from these; several servers never give the same.
  std::int64_t last_arming = 0, last_attempt = 0, last_session = 0;
  std::int64_t revision = 0;       // of all this
  std::set<std::int64_t> servers;  // others that run on this database now
};

// What other servers did since a revision.
struct StoreNews {
  std::vector<Host> hosts;                                      // each complete
  std::optional<std::set<std::string, std::less<>>> all_hosts;  // when some were removed
  std::map<std::string, Sha256> published;
  std::int64_t revision = 0;
  std::set<std::int64_t> servers;
};

// The end of the text of a failure that only means that another server was first.
inline constexpr std::string_view kOutrun = "was changed by another server meanwhile";

// How far a commit goes before apply() returns.
enum class Durability : std::uint8_t {
  full,       // onto the disk: what everything is built on
  until_boot  // into the kernel, as if there were no power cuts: the control of the tests only
};

class Store {
 public:
  [[nodiscard]] static Fallible<std::unique_ptr<Store>> open(const StorePlace& place);
  // Opens or creates `file` (mode 0600), brings its tables forward to this version. Fails when it
  // cannot, or when a newer Slipway wrote it.
  [[nodiscard]] static Fallible<std::unique_ptr<Store>> open(
      const std::filesystem::path& file, Durability durability = Durability::full);
  // The same in a PostgreSQL database, which several servers may share. The URL's password stands
  // in no error. A connection that breaks later is made anew by whatever comes next, with pauses
  // of 0.5 to 15 s between the trials; until then everything fails at once.
  [[nodiscard]] static Fallible<std::unique_ptr<Store>> open_postgresql(const Secret& url);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  // Applies all changes in one transaction, each in a savepoint of its own; returns after they
  // are on the disk. One result a change; a failed one left nothing behind.
  [[nodiscard]] std::vector<Fallible<void>> apply(std::span<const Change> changes);
  [[nodiscard]] Fallible<void> apply(const Change& change);

  // Times that end something are counted from `now`: what was left of them when it was last
  // written how much time had passed (AddArming, KeepTime). Later steps count on from `now`.
  [[nodiscard]] Fallible<StoredState> load(Now now);

  // Whether other servers may write here, too: PostgreSQL.
  [[nodiscard]] bool shared() const;
  // What other servers wrote after `revision`; and says to them that this one runs.
  [[nodiscard]] Fallible<StoreNews> news(std::int64_t revision, Now now);
  // All batches, in the order in which they were opened.
  [[nodiscard]] Fallible<std::vector<Batch>> batches(const Now& now);
  // What became of the hosts of a batch, and of all that are in `state`: the stuff of reports.
  [[nodiscard]] Fallible<History> history_of_batch(const std::string& batch);
  [[nodiscard]] Fallible<History> history_of_hosts(HostState state);

  // Rows after `after_seq`, at most `limit`, oldest first.
  [[nodiscard]] Fallible<std::vector<AuditRow>> audit(std::int64_t after_seq, std::size_t limit);
  // The number of rows, or what is wrong with the chain.
  [[nodiscard]] Fallible<std::int64_t> verify_audit();

 private:
  struct Database;
  [[nodiscard]] Fallible<void> connect();
  [[nodiscard]] Error failed(const std::exception& error, std::string_view doing);
  explicit Store(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace slipway::provisioning
