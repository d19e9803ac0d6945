#include "provisioning/sessions.hpp"

#include <algorithm>
#include <utility>

#include "provisioning/tokens.hpp"

namespace slipway::provisioning {
namespace {

BootSession* session_of(Host& host, std::int64_t id) {
  const auto found = std::ranges::find(host.sessions, id, &BootSession::id);
  return found == host.sessions.end() ? nullptr : &*found;
}

// The session's own attempt is the one that runs.
bool is_live(const Host& host, const BootSession& session) {
  return session.attempt != 0 && session.attempt == live_attempt(host);
}

}  // namespace

bool Sessions::is_taker(const BootSession& session, Ipv4 peer) const {
  // On the same LAN the kernel knows the peer's MAC, and that decides: a host may get another lease
  // while it writes. A peer behind a router is known by its address alone.
  if (const auto seen = ledger_.neighbour(peer)) return *seen == session.mac;
  return session.address.is_zero() || session.address == peer;
}

Sessions::Looked Sessions::look_at_token(std::string_view token, TokenFile file, Ipv4 peer) const {
  const auto ref = ledger_.hosts().by_token(Sha256::of(token));
  if (ref.host == nullptr) return {};
  const auto& session = *ref.session;
  if (session.ended) return {.verdict = Verdict::finished};
  if (!is_taker(session, peer)) return {.verdict = Verdict::wrong_taker};
  // The initrd carries nothing but the token itself, so also a host that only waits may have it.
  if (file != TokenFile::initrd && !is_live(*ref.host, session)) {
    return {.verdict = Verdict::not_armed};
  }
  if (session.reads[static_cast<std::size_t>(file)] >= kReadsPerFile) {
    return {.verdict = Verdict::finished};
  }
  return {.verdict = Verdict::good, .ref = ref};
}

void Sessions::use_token(std::string_view token, TokenFile file, Ipv4 peer, Checked checked) {
  const auto [verdict, ref] = look_at_token(token, file, peer);
  if (verdict == Verdict::wrong_taker) {
    return revoke(ledger_.hosts().by_token(Sha256::of(token)), peer,
                  [checked = std::move(checked)]() mutable { checked(Verdict::wrong_taker, {}); });
  }
  if (verdict != Verdict::good) return checked(verdict, {});
  auto& session = *ref.session;
  ++session.reads[static_cast<std::size_t>(file)];
  session.used = true;
  session.token = Secret();
  ref.host->contact = ledger_.now().steady;
  ref.host->kernel_asked = true;
  // Whoever has read a secret is bound; iPXE, which reads the initrd, may hold another lease than
  // the kernel after it.
  if (file != TokenFile::initrd) {
    session.address = peer;
    ref.host->config_given = true;
  }
  checked(Verdict::good, ref);
}

// False when `checked` has its answer already, or will have it when the attempt is revoked.
bool Sessions::admits(const SessionRef& ref, Ipv4 peer, Checked& checked) {
  if (ref.host == nullptr) {
    checked(Verdict::unknown, {});
  } else if (is_taker(*ref.session, peer)) {
    if (!ref.session->ended) return true;
    checked(Verdict::finished, ref);
  } else if (ref.session->ended) {
    checked(Verdict::wrong_taker, {});
  } else {
    revoke(ref, peer,
           [checked = std::move(checked)]() mutable { checked(Verdict::wrong_taker, {}); });
  }
  return false;
}

void Sessions::use_call_back(std::string_view token, Ipv4 peer, Checked checked) {
  const auto ref = ledger_.hosts().by_token(Sha256::of(token));
  if (!admits(ref, peer, checked)) return;
  const auto now = ledger_.now();
  ref.host->contact = now.steady;
  ref.host->seen_ms = now.unix_ms;
  checked(Verdict::good, ref);
}

void Sessions::learn(Host& host, const AgentHello& hello) {
  const auto fill = [&host](std::string& known, const std::string& said) {
    if (!known.empty() || said.empty()) return;
    known = said.substr(0, 128);
    host.learnt = true;
  };
  fill(host.serial, usable_serial(hello.serial));
  fill(host.manufacturer, hello.manufacturer);
  fill(host.product, hello.product);
  if (!host.uuid && hello.uuid && !hello.uuid->is_zero()) {
    host.uuid = hello.uuid;
    host.learnt = true;
  }
}

void Sessions::open(AgentHello hello, Ipv4 peer, Opened opened) {
  const auto ref = ledger_.hosts().by_token(Sha256::of(hello.token));
  if (ref.host == nullptr) return opened({.verdict = Verdict::unknown});
  if (ref.session->ended) return opened({.verdict = Verdict::finished});
  const bool names_the_mac =
      hello.macs.empty() || std::ranges::find(hello.macs, ref.session->mac) != hello.macs.end();
  if (!names_the_mac || !is_taker(*ref.session, peer)) {
    return revoke(ref, peer, [opened = std::move(opened)]() mutable {
      opened({.verdict = Verdict::wrong_taker});
    });
  }
  learn(*ref.host, hello);
  auto& host = *ref.host;
  ledger_.when_free(
      host, [this, &host, id = ref.session->id, peer, opened = std::move(opened)]() mutable {
        open_free(host, id, peer, std::move(opened));
      });
}

void Sessions::open_free(Host& host, std::int64_t id, Ipv4 peer, Opened opened) {
  auto* session = session_of(host, id);
  if (session == nullptr || session->ended) return opened({.verdict = Verdict::finished});
  // Two takers at once: the second one finds here what the first one bound.
  if (!is_taker(*session, peer)) {
    const auto why = "its token was traded from " + peer.text() + ", too";
    return revoke_free(host, id, why, [opened = std::move(opened)]() mutable {
      opened({.verdict = Verdict::wrong_taker});
    });
  }
  session->used = true;
  session->token = Secret();
  const auto bearer = new_token();
  auto finished = [this, &host, id, bearer,
                   opened = std::move(opened)](const Fallible<void>& result) mutable {
    if (!result) return opened({.verdict = Verdict::not_now});
    const auto* bound = session_of(host, id);
    host.contact = ledger_.now().steady;
    const auto attempt = bound != nullptr && is_live(host, *bound) ? bound->attempt : 0;
    ledger_.reach(host, Milestone::agent);
    ledger_.note(host, "host.agent_started", "the agent has started");
    opened({.verdict = Verdict::good,
            .bearer = bearer,
            .host = host.shown_name(),
            .id = host.id,
            .attempt = attempt});
  };
  ledger_.commit(host, open_session(*session, Sha256::of(bearer), peer), std::move(finished));
}

void Sessions::authorise(std::string_view bearer, Ipv4 peer, Checked checked) {
  const auto ref = ledger_.hosts().by_bearer(Sha256::of(bearer));
  if (!admits(ref, peer, checked)) return;
  follow_address(ref, peer);
  const auto now = ledger_.now();
  ref.host->contact = now.steady;
  ref.host->seen_ms = now.unix_ms;
  checked(Verdict::good, ref);
}

// The former address may soon be another machine's. In memory only: after a restart the MAC speaks
// for the host again.
void Sessions::follow_address(const SessionRef& ref, Ipv4 peer) {
  auto& session = *ref.session;
  if (session.address == peer) return;
  if (!session.address.is_zero()) {
    ledger_.note(*ref.host, "host.address_changed",
                 "goes on from " + peer.text() + ", it was " + session.address.text());
  }
  session.address = peer;
}

void Sessions::revoke(const SessionRef& ref, Ipv4 peer, Scheduler::Task done) {
  const auto seen = ledger_.neighbour(peer);
  const auto why = "its token or session came from " + peer.text() +
                   (seen ? " (" + seen->text() + ")" : std::string()) + ", it was issued to " +
                   ref.session->mac.text();
  // Dead in memory at once: nothing may be served while the store is being told.
  ref.session->ended = true;
  ref.session->token = Secret();
  auto& host = *ref.host;
  ledger_.when_free(host,
                    [this, &host, id = ref.session->id, why, done = std::move(done)]() mutable {
                      revoke_free(host, id, why, std::move(done));
                    });
}

void Sessions::revoke_free(Host& host, std::int64_t id, const std::string& why,
                           Scheduler::Task done) {
  ledger_.alarm(host, "host.second_taker_refused", why);
  auto* session = session_of(host, id);
  if (session == nullptr) return done();  // forgotten meanwhile, so dead already
  session->ended = true;
  const auto cause = ledger_.cause("server", "alarm: " + why);
  auto move = end_session(host, *session, cause);
  if (is_live(host, *session)) {
    AttemptEnd end{.to = HostState::failed, .reason = "second-taker"};
    end.detail = "Somebody else used this host's token: " + why + "; look for that machine";
    end.end_session = true;
    const auto dead = std::move(move.change);
    move = end_attempt(host, end, cause, ledger_.now());
    move.change.insert(move.change.end(), dead.begin(), dead.end());
  }
  ledger_.commit(host, std::move(move),
                 [done = std::move(done)](const Fallible<void>&) mutable { done(); });
}

}  // namespace slipway::provisioning
