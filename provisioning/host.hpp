// provisioning/host.hpp -- a machine and its life: states, allowed transitions, what is known.
//
// Plain records without rules about the wire: who may boot into what is decision.hpp, who changes
// a record is ledger.hpp. Times that end something are monotonic; wall-clock times, in
// milliseconds since 1970, are only shown and recorded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/net.hpp"
#include "base/scheduler.hpp"
#include "base/secret.hpp"
#include "provisioning/box.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

enum class HostState : std::uint8_t {
  discovered,
  assigned,
  armed,
  booting,
  installing,
  installed,
  failed,
  ignored
};

[[nodiscard]] std::string_view name_of(HostState state);
[[nodiscard]] std::optional<HostState> parse_state(std::string_view name);

// Whether a host may go from `from` to `to`: the picture of
// docs/architecture.md. The store refuses everything else.
[[nodiscard]] bool may_go(HostState from, HostState to);

inline constexpr unsigned kAttemptsPerArming = 3;

// Both clocks, read at once by whoever owns the event loop.
struct Now {
  TimePoint steady;
  std::int64_t unix_ms = 0;
};

// Permission to write the host's disk once.
struct Arming {
  std::int64_t id = 0;
  std::string who{}, why{};
  TimePoint expires{};
  unsigned attempts_used = 0;
  std::string profile{};    // NAME@VERSION
  Sha256 profile_digest{};  // of the profile as it was when the host was armed
};

// One boot of our agent: a token that the boot script carried and, once traded, a bearer. The
// texts themselves are not kept, but for a token that may still have to be repeated.
struct BootSession {
  std::int64_t id = 0;
  Sha256 token_hash{};
  std::optional<Sha256> bearer_hash{};  // set when the token was traded
  Mac mac{};                            // to whom it was issued
  Ipv4 address{};                       // of the first use; zero until then
  Ipv4 script_peer{};                   // who asked for the script; zero after a restart
  std::int64_t attempt = 0;             // 0: the host only waits
  bool ended = false;
  bool used = false;  // somebody fetched something with it: it is never handed out again
  Secret token{};     // empty once used, and after a restart
  TimePoint issued{};
  unsigned reads[6] = {};  // by TokenFile
};

// What the agent says while it works. Kept in memory only.
struct Progress {
  std::string step{};
  std::uint64_t done_octets = 0, total_octets = 0, rate_octets = 0;
  std::int64_t began_ms = 0;  // wall clock: when the step was first heard of
};

// What an attempt installs; the same octets for plan, seed and document, also after a restart.
struct Plan {
  std::int64_t attempt = 0;
  std::string json{};
  Bytes seed{};
  std::string oem{};  // what Kairos reads from its own file system; empty: not for this format
  Box box{};          // what the report will say
};

// A long poll for a plan that has no answer yet.
struct ParkedPoll {
  std::uint64_t ticket = 0;
  Scheduler::Task wake;     // asks again
  Scheduler::Task give_up;  // answers that there is nothing yet
};

struct Rescue {
  std::string who{};
  std::int64_t since_ms = 0;  // wall clock; asked for again, it is another one
};

struct Host {
  std::string id;    // 8 characters of Crockford base32
  std::string name;  // from the inventory or an operator; may be empty
  std::vector<Mac> macs;
  std::optional<Uuid> uuid;
  std::string serial, manufacturer, product;
  HostState state = HostState::discovered;
  std::string reason, detail;   // of the last failure
  std::string profile, site;    // as an operator assigned them; an inventory entry goes before
  std::string inventory_json;   // as the agent posted it
  std::int64_t changed_ms = 0;  // when `state` last changed
  std::int64_t seen_ms = 0;     // when anything was heard of it
  std::int64_t attempt = 0;     // the one in progress, or the last one
  std::string attempt_state;    // running, installed, failed; empty without an attempt
  std::string report_json;      // what its agent said at the end of the last attempt that ended

  std::int64_t server = 0;  // another server that changed it last; 0: this one

  bool in_inventory = false;
  bool stored = false;  // the store knows it
  bool learnt = false;  // something that its next move stores, too
  std::optional<Arming> arming;
  std::vector<BootSession> sessions;          // at most kSessionsKept, the last is the current one
  std::shared_ptr<const Inventory> snapshot;  // what it was armed with; null unless armed here
  std::optional<Plan> plan;
  std::optional<ParkedPoll> parked;
  // A person asked for a shell on its consoles. In memory only, and over with the next transition:
  // no restart of the server and no arming leaves one open.
  std::optional<Rescue> rescue;
  Progress progress;
  TimePoint changed;  // steady counterpart of changed_ms
  TimePoint contact;  // last word of its loader or agent, or the start of the attempt
  // How far the attempt has come. Not stored: a server that has just started takes both as done,
  // for it cannot know.
  bool kernel_asked = false;  // a loader took the installer's kernel, initramfs or token
  bool config_given = false;  // its seed or one of the files of its token
  bool rootfs_asked = false;  // what a live system of others runs from
  std::optional<TimePoint> dhcp_seen, dhcp_noted;  // last request answered; last one noted
  bool busy = false;                               // a change is on its way to the store
  std::deque<Scheduler::Task> waiting;             // what wants to change it after that

  [[nodiscard]] BootSession* session() { return sessions.empty() ? nullptr : &sessions.back(); }
  [[nodiscard]] const BootSession* session() const {
    return sessions.empty() ? nullptr : &sessions.back();
  }
  [[nodiscard]] const std::string& shown_name() const { return name.empty() ? id : name; }
  // Attempts that the arming still allows; 0 without an arming or after its end.
  [[nodiscard]] unsigned attempts_left(TimePoint now) const;
};

// An ended token is told from an unknown one (410, not 404) while its session is among these.
inline constexpr std::size_t kSessionsKept = 4;

// 40 random bits as 8 characters of Crockford's base32, lower case.
[[nodiscard]] std::string random_host_id();

// A serial number as boards report it, or nothing where it only says that nobody filled it in.
[[nodiscard]] std::string usable_serial(std::string_view serial);

}  // namespace slipway::provisioning
