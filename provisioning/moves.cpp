#include "provisioning/moves.hpp"

#include <algorithm>

namespace slipway::provisioning {
namespace {

using enum HostState;

void set_state(Host& host, HostState to, const Now& now) {
  host.state = to;
  host.changed = now.steady;
  host.changed_ms = now.unix_ms;
  host.reason.clear();
  host.detail.clear();
  host.progress = {};
  host.rescue.reset();
  if (to != installing) host.plan.reset();
}

// 0, which no arming has, makes the store refuse a change that needs one.
std::int64_t arming_of(const Host& host) { return host.arming ? host.arming->id : 0; }

void end_arming_of(Host& host) {
  host.arming.reset();
  host.snapshot.reset();
}

BootSession* session_by_id(Host& host, std::int64_t id) {
  const auto found = std::ranges::find(host.sessions, id, &BootSession::id);
  return found == host.sessions.end() ? nullptr : &*found;
}

void end_session_of(Host& host, std::int64_t id) {
  if (auto* session = session_by_id(host, id)) {
    session->ended = true;
    session->token = Secret();
  }
}

Transition transition(const Host& host, HostState to, const Cause& cause) {
  return {.host = host.id, .from = host.state, .to = to, .cause = cause};
}

AddSession stored(const Host& host, const BootSession& session, const Now& now) {
  return {.id = session.id,
          .host = host.id,
          .token_hash = session.token_hash,
          .mac = session.mac,
          .attempt = session.attempt,
          .at_ms = now.unix_ms};
}

// The session that a new one replaces, if it still lives.
void add_end_of_session(const Host& host, Change& change) {
  if (const auto* old = host.session(); old != nullptr && !old->ended) {
    change.emplace_back(EndSession{.id = old->id});
  }
}

void replace_session(HostTable& table, Host& host, const BootSession& session) {
  if (const auto* old = host.session()) end_session_of(host, old->id);
  table.add_session(host, session);
}

}  // namespace

std::int64_t live_attempt(const Host& host) {
  return host.state == booting || host.state == installing ? host.attempt : 0;
}

PutFacts facts_of(const Host& host) {
  return {.host = host.id,
          .name = host.name,
          .macs = host.macs,
          .uuid = host.uuid ? host.uuid->text() : std::string(),
          .serial = host.serial,
          .manufacturer = host.manufacturer,
          .product = host.product,
          .profile = host.profile,
          .site = host.site,
          .inventory_json = host.inventory_json};
}

Move go(const Host& host, HostState to, const Cause& cause, const Now& now) {
  return {.change = {transition(host, to, cause)},
          .apply = [to, now](HostTable&, Host& changed) { set_state(changed, to, now); }};
}

Move begin_wait(const Host& host, BootSession session, const Now& now) {
  Change change;
  add_end_of_session(host, change);
  change.emplace_back(stored(host, session, now));
  return {.change = std::move(change),
          .apply = [session = std::move(session)](HostTable& table, Host& changed) {
            replace_session(table, changed, session);
          }};
}

Move begin_attempt(const Host& host, BootSession session, const Cause& cause, const Now& now) {
  Change change;
  if (const auto live = live_attempt(host)) {
    change.emplace_back(
        EndAttempt{.id = live, .state = "failed", .reason = "restarted", .at_ms = now.unix_ms});
  }
  add_end_of_session(host, change);
  change.emplace_back(AddAttempt{
      .id = session.attempt, .arming = arming_of(host), .host = host.id, .at_ms = now.unix_ms});
  change.emplace_back(stored(host, session, now));
  change.emplace_back(transition(host, booting, cause));
  return {.change = std::move(change),
          .apply = [session = std::move(session), now](HostTable& table, Host& changed) {
            set_state(changed, booting, now);
            changed.attempt = session.attempt;
            changed.attempt_state = "running";
            changed.contact = now.steady;
            changed.kernel_asked = changed.config_given = changed.rootfs_asked = false;
            if (changed.arming) ++changed.arming->attempts_used;
            replace_session(table, changed, session);
          }};
}

Move begin_attempt_here(const Host& host, std::int64_t attempt, const Cause& cause,
                        const Now& now) {
  const auto& session = *host.session();
  Change change;
  change.emplace_back(
      AddAttempt{.id = attempt, .arming = arming_of(host), .host = host.id, .at_ms = now.unix_ms});
  change.emplace_back(
      BindSession{.id = session.id, .attempt = attempt, .address = session.address});
  change.emplace_back(transition(host, booting, cause));
  change.emplace_back(
      Transition{.host = host.id, .from = booting, .to = installing, .cause = cause});
  return {.change = std::move(change), .apply = [attempt, now](HostTable&, Host& changed) {
            set_state(changed, installing, now);
            changed.attempt = attempt;
            changed.attempt_state = "running";
            changed.contact = now.steady;
            changed.config_given = false;
            if (changed.arming) ++changed.arming->attempts_used;
            changed.session()->attempt = attempt;
          }};
}

AttemptEnd ended_silently() {
  return {.to = installed,
          .report_json = R"({"state":"installed","assumed":true})",
          .end_session = true};
}

Move end_attempt(const Host& host, const AttemptEnd& end, const Cause& cause, const Now& now) {
  const bool used_up = end.to == failed && host.attempts_left(now.steady) == 0;
  const bool ends_arming = host.arming && (end.end_arming || end.to == installed || used_up);
  Change change;
  change.emplace_back(EndAttempt{.id = host.attempt,
                                 .state = end.to == installed ? "installed" : "failed",
                                 .reason = end.reason,
                                 .detail = end.detail,
                                 .report_json = end.report_json,
                                 .at_ms = now.unix_ms});
  auto step = transition(host, end.to, cause);
  step.reason = end.reason;
  step.detail = end.detail;
  change.emplace_back(std::move(step));
  if (end.end_session) add_end_of_session(host, change);
  if (ends_arming) change.emplace_back(EndArming{.id = arming_of(host), .cause = cause});
  return {.change = std::move(change), .apply = [end, ends_arming, now](HostTable&, Host& changed) {
            set_state(changed, end.to, now);
            changed.attempt_state = end.to == installed ? "installed" : "failed";
            changed.reason = end.reason;
            changed.detail = end.detail;
            changed.report_json = end.report_json;
            if (end.end_session) end_session_of(changed, changed.session()->id);
            if (ends_arming) end_arming_of(changed);
          }};
}

Move arm(const Host& host, const Arming& arming, const std::optional<Sha256>& published,
         const Cause& cause, const Now& now) {
  Change change;
  if (host.arming) change.emplace_back(EndArming{.id = arming_of(host), .cause = cause});
  if (published) {
    change.emplace_back(
        PublishProfile{.id = arming.profile, .digest = *published, .at_ms = now.unix_ms});
  }
  const auto remaining =
      std::chrono::duration_cast<std::chrono::seconds>(arming.expires - now.steady);
  change.emplace_back(AddArming{.id = arming.id,
                                .host = host.id,
                                .profile = arming.profile,
                                .profile_digest = arming.profile_digest,
                                .remaining_seconds = remaining.count(),
                                .steady = now.steady,
                                .cause = cause});
  change.emplace_back(transition(host, armed, cause));
  return {.change = std::move(change), .apply = [arming, now](HostTable&, Host& changed) {
            set_state(changed, armed, now);
            changed.arming = arming;
          }};
}

Move disarm(const Host& host, const Cause& cause, const Now& now) {
  if (live_attempt(host) != 0) {
    AttemptEnd end{.to = failed, .reason = "disarmed", .detail = cause.why};
    end.end_arming = true;
    return end_attempt(host, end, cause, now);
  }
  auto move = go(host, assigned, cause, now);
  if (host.arming) move.change.emplace_back(EndArming{.id = arming_of(host), .cause = cause});
  move.apply = [now](HostTable&, Host& changed) {
    set_state(changed, assigned, now);
    end_arming_of(changed);
  };
  return move;
}

Move end_arming(const Host& host, const Cause& cause) {
  return {.change = {EndArming{.id = arming_of(host), .cause = cause}},
          .apply = [](HostTable&, Host& changed) { end_arming_of(changed); }};
}

Move rescue(const Host& host, std::optional<Rescue> wanted, const Cause& cause) {
  const auto* what = wanted ? "rescue shell opened" : "rescue shell closed";
  return {.change = {Note{.host = host.id, .what = what, .cause = cause}},
          .apply = [wanted = std::move(wanted)](HostTable&, Host& changed) {
            changed.rescue = wanted;
          }};
}

Move open_session(const BootSession& session, const Sha256& bearer_hash, Ipv4 address) {
  return {.change = {OpenSession{.id = session.id, .bearer_hash = bearer_hash, .address = address}},
          .apply = [id = session.id, bearer_hash, address](HostTable& table, Host& changed) {
            auto* opened = session_by_id(changed, id);
            if (opened == nullptr) return;  // a newer boot replaced it meanwhile
            table.set_bearer(changed, *opened, bearer_hash);
            opened->address = address;
          }};
}

Move end_session(const Host& host, const BootSession& session, const Cause& cause) {
  return {.change = {EndSession{.id = session.id},
                     Note{.host = host.id, .what = "session ended", .cause = cause}},
          .apply = [id = session.id](HostTable&, Host& changed) { end_session_of(changed, id); }};
}

}  // namespace slipway::provisioning
