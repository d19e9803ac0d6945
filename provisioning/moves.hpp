// provisioning/moves.hpp -- which steps of the store belong together, and what they do in memory.
//
// A Move is one thing that happens to a host: the change for the store, and how the record in
// memory follows once that is on the disk. Functions here build moves and change nothing; the
// ledger carries them out.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "provisioning/host_table.hpp"
#include "provisioning/store.hpp"

namespace slipway::provisioning {

struct Move {
  Change change{};
  std::function<void(HostTable&, Host&)> apply{};
};

// The attempt that runs on `host` now, or 0.
[[nodiscard]] std::int64_t live_attempt(const Host& host);

// All that is known of `host`, to be stored.
[[nodiscard]] PutFacts facts_of(const Host& host);

// Every function below takes who and why from `cause`, and `now` of the same moment.

[[nodiscard]] Move go(const Host& host, HostState to, const Cause& cause, const Now& now);

// A boot that only waits: `session` replaces the current one.
[[nodiscard]] Move begin_wait(const Host& host, BootSession session, const Now& now);

// A boot script with a token was asked for: `session.attempt` begins in `booting`; an attempt and
// a session before it are dead (SG2).
[[nodiscard]] Move begin_attempt(const Host& host, BootSession session, const Cause& cause,
                                 const Now& now);

// A waiting host was armed: `attempt` begins in its present session, in `installing` at once.
[[nodiscard]] Move begin_attempt_here(const Host& host, std::int64_t attempt, const Cause& cause,
                                      const Now& now);

struct AttemptEnd {
  HostState to = HostState::failed;  // armed, failed or installed
  std::string reason{}, detail{};    // of a failure
  std::string report_json{};         // what the agent said
  bool end_session = false;
  bool end_arming = false;  // also without it: success and the last failure end the arming
};
// The attempt of an installer that tells nobody: taken as a success.
[[nodiscard]] AttemptEnd ended_silently();
// The live attempt is over.
[[nodiscard]] Move end_attempt(const Host& host, const AttemptEnd& end, const Cause& cause,
                               const Now& now);

// `arming` replaces one that is left; `published` is the profile's digest if this arming is the
// first with it.
[[nodiscard]] Move arm(const Host& host, const Arming& arming,
                       const std::optional<Sha256>& published, const Cause& cause, const Now& now);

// Takes the arming back: armed and failed become assigned, booting and installing become failed.
[[nodiscard]] Move disarm(const Host& host, const Cause& cause, const Now& now);

// The arming of a failed host is over.
[[nodiscard]] Move end_arming(const Host& host, const Cause& cause);

// A shell on the host's consoles, or no more; it stands in the audit log and nowhere else.
[[nodiscard]] Move rescue(const Host& host, std::optional<Rescue> wanted, const Cause& cause);

// The token was traded; the bearer's digest and the taker's address are kept.
[[nodiscard]] Move open_session(const BootSession& session, const Sha256& bearer_hash,
                                Ipv4 address);

// The session is dead, without an attempt in it.
[[nodiscard]] Move end_session(const Host& host, const BootSession& session, const Cause& cause);

}  // namespace slipway::provisioning
