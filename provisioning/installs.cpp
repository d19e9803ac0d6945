#include "provisioning/installs.hpp"

#include <algorithm>
#include <utility>

#include "provisioning/hold.hpp"
#include "provisioning/third_party.hpp"

namespace slipway::provisioning {
namespace {

using enum HostState;

bool is_live(const Host& host, const BootSession& session) {
  return session.attempt != 0 && session.attempt == live_attempt(host);
}

// What a report says that comes after its attempt has ended.
ReportVerdict repeated(const Host& host, const AttemptReport& report) {
  const auto* const state = report.installed ? "installed" : "failed";
  const bool same = host.attempt == report.attempt && host.attempt_state == state;
  return same ? ReportVerdict::durable : ReportVerdict::revoked;
}

}  // namespace

void Installs::want_plan(const SessionRef& ref, PlanWish wish, PlanReply reply) {
  auto poll = std::make_shared<Poll>();
  poll->token_hash = ref.session->token_hash;
  poll->deadline = ledger_.now().steady + wish.wait;
  poll->seen = std::move(wish.seen);
  poll->reply = std::move(reply);
  ask(poll);
}

void Installs::ask(const PollPointer& poll) {
  const auto ref = ledger_.hosts().by_token(poll->token_hash);
  if (ref.host == nullptr) return poll->reply({.kind = PlanAnswer::Kind::finished});
  ledger_.when_free(*ref.host, [this, host = ref.host, poll] { ask_free(*host, poll); });
}

void Installs::ask_free(Host& host, const PollPointer& poll) {
  const auto* session = ledger_.hosts().by_token(poll->token_hash).session;
  if (session == nullptr || session->ended) {
    return poll->reply({.kind = PlanAnswer::Kind::finished});
  }
  if (is_live(host, *session)) return give_plan_of_attempt(host, poll);
  const auto now = ledger_.now().steady;
  const bool is_armed = host.state == armed && host.attempts_left(now) > 0;
  if (is_armed && session == host.session()) {
    // An installer of others begins at the network card: the agent starts the host again.
    const bool boots_other = third_party_profile(host, *ledger_.inventory()) != nullptr;
    if (boots_other) return poll->reply({.kind = PlanAnswer::Kind::finished});
    return give_plan_of_arming(host, poll);
  }
  park(host, poll);
}

void Installs::park(Host& host, const PollPointer& poll) {
  if (poll->seen) {
    auto hold = hold_of(host);
    if (hold.tag != *poll->seen) {
      return poll->reply({.kind = PlanAnswer::Kind::hold, .json = std::move(hold.json)});
    }
  }
  const auto now = ledger_.now().steady;
  if (now >= poll->deadline) return poll->reply({.kind = PlanAnswer::Kind::nothing});
  if (auto former = std::exchange(host.parked, std::nullopt)) former->give_up();
  const auto ticket = ++last_ticket_;
  host.parked = ParkedPoll{.ticket = ticket,
                           .wake = [this, poll] { ask(poll); },
                           .give_up = [poll] { poll->reply({.kind = PlanAnswer::Kind::nothing}); }};
  if (on_waiting_) on_waiting_(host);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(poll->deadline - now);
  ledger_.scheduler().after(left, [this, ticket, poll] {
    auto* waiting = ledger_.hosts().by_token(poll->token_hash).host;
    if (waiting == nullptr || !waiting->parked || waiting->parked->ticket != ticket) return;
    auto parked = std::exchange(waiting->parked, std::nullopt);
    parked->give_up();
  });
}

Fallible<Plan> Installs::plan_of(const Host& host, std::int64_t attempt) {
  if (host.plan && host.plan->attempt == attempt) return *host.plan;
  const auto recipe = armed_recipe_of(host, ledger_.inventory());
  if (!recipe) return std::unexpected(recipe.error());
  return make_plan(*recipe, host, attempt, artifacts_);
}

void Installs::give_plan(Host& host, Move move, Plan plan, const PollPointer& poll) {
  // By now the machine has said its serial number, which the arming may have had to do without.
  if (host.arming) {
    move.change.emplace_back(KeepBox{.arming = host.arming->id, .box = plan.box});
  }
  ledger_.commit(host, std::move(move),
                 [this, &host, poll, plan = std::move(plan)](const Fallible<void>& result) mutable {
                   if (!result) return poll->reply({.kind = PlanAnswer::Kind::not_now});
                   ledger_.reach(host, Milestone::plan);
                   ledger_.note(host, "host.plan_given",
                                "has its plan, attempt " + std::to_string(plan.attempt));
                   host.plan = std::move(plan);
                   poll->reply({.kind = PlanAnswer::Kind::plan, .json = host.plan->json});
                 });
}

void Installs::give_plan_of_attempt(Host& host, const PollPointer& poll) {
  auto plan = plan_of(host, host.attempt);
  if (!plan) {
    AttemptEnd end{.to = failed, .reason = "plan-impossible", .detail = plan.error().text()};
    end.end_arming = true;  // trying again would not help, a person must
    auto move = end_attempt(host, end, ledger_.cause("server", end.detail), ledger_.now());
    ledger_.alarm(host, "host.plan_impossible", end.detail);
    return ledger_.commit(host, std::move(move), [this, poll](const Fallible<void>&) {
      ask(poll);  // and finds no attempt, so it waits
    });
  }
  if (host.state == installing) {
    host.plan = std::move(*plan);
    return poll->reply({.kind = PlanAnswer::Kind::plan, .json = host.plan->json});
  }
  const auto cause = ledger_.cause("host", "the agent took its plan");
  give_plan(host, go(host, installing, cause, ledger_.now()), std::move(*plan), poll);
}

void Installs::give_plan_of_arming(Host& host, const PollPointer& poll) {
  const auto attempt = ledger_.next_attempt();
  auto plan = plan_of(host, attempt);
  if (!plan) {
    if (host.detail != plan.error().text()) {
      host.detail = plan.error().text();
      ledger_.alarm(host, "host.plan_impossible", host.detail);
    }
    return park(host, poll);
  }
  const auto cause = ledger_.cause("host", "the waiting agent took its plan");
  give_plan(host, begin_attempt_here(host, attempt, cause, ledger_.now()), std::move(*plan), poll);
}

const Plan* Installs::config(const SessionRef& ref) {
  auto& host = *ref.host;
  if (host.state != installing || !is_live(host, *ref.session)) return nullptr;
  if (!host.plan || host.plan->attempt != host.attempt) {
    auto plan = plan_of(host, host.attempt);
    if (!plan) {
      ledger_.alarm(host, "host.plan_impossible", plan.error().text());
      return nullptr;
    }
    host.plan = std::move(*plan);
  }
  host.config_given = true;
  return &*host.plan;
}

void Installs::take_config(const SessionRef& ref, Taken done) {
  auto& host = *ref.host;
  const auto hash = ref.session->token_hash;
  ledger_.when_free(host, [this, &host, hash, done = std::move(done)]() mutable {
    take_config_free(host, hash, std::move(done));
  });
}

void Installs::take_config_free(Host& host, const Sha256& token_hash, Taken done) {
  const auto ref = ledger_.hosts().by_token(token_hash);
  if (ref.host != &host || ref.session->ended) return done(Verdict::finished, {});
  if (!is_live(host, *ref.session)) return done(Verdict::not_armed, {});
  const bool is_first =
      host.state == booting && third_party_profile(host, *ledger_.inventory()) != nullptr;
  if (!is_first) return done(Verdict::good, ref);
  const auto cause = ledger_.cause("host", "its installer took its config");
  ledger_.commit(
      host, go(host, installing, cause, ledger_.now()),
      [this, &host, token_hash, done = std::move(done)](const Fallible<void>& result) mutable {
        if (!result) return done(Verdict::not_now, {});
        ledger_.reach(host, Milestone::config);
        ledger_.note(host, "host.config_taken",
                     "its installer has its config, attempt " + std::to_string(host.attempt));
        done(Verdict::good, ledger_.hosts().by_token(token_hash));
      });
}

bool Installs::progress(const SessionRef& ref, std::int64_t attempt, Progress progress) {
  auto& host = *ref.host;
  if (attempt == 0) return true;  // it waits, and may learn of its attempt while it says so
  if (attempt != host.attempt || !is_live(host, *ref.session)) return false;
  progress.began_ms = host.progress.began_ms;
  if (progress.step != host.progress.step) {
    progress.began_ms = ledger_.now().unix_ms;
    ledger_.note(host, "host.step_begun", "step " + progress.step);
    // Both come before the config is asked for, and may take hours: it is at work.
    if (progress.step == "burn-in" || progress.step == "erase") host.config_given = true;
  }
  host.progress = std::move(progress);
  return true;
}

void Installs::report(const SessionRef& ref, AttemptReport report, ReportReply reply) {
  auto& host = *ref.host;
  if (report.attempt == 0 || report.attempt != ref.session->attempt) {
    return reply(ReportVerdict::revoked);
  }
  ledger_.when_free(host,
                    [this, &host, report = std::move(report), reply = std::move(reply)]() mutable {
                      end_report(host, std::move(report), std::move(reply));
                    });
}

void Installs::call_back(const SessionRef& ref, AttemptReport report, ReportReply reply) {
  report.attempt = ref.session->attempt;
  const bool is_live_attempt = is_live(*ref.host, *ref.session);
  if (is_live_attempt && third_party_profile(*ref.host, *ledger_.inventory()) == nullptr) {
    return reply(ReportVerdict::revoked);  // our agent has a session for it
  }
  this->report(ref, std::move(report), std::move(reply));
}

void Installs::end_report(Host& host, AttemptReport report, ReportReply reply) {
  if (live_attempt(host) != report.attempt) return reply(repeated(host, report));
  if (report.installed && host.state != installing) return reply(ReportVerdict::revoked);
  AttemptEnd end{.to = report.installed ? installed : failed};
  end.report_json = std::move(report.json);
  end.end_session = report.installed;
  if (!report.installed) {
    end.reason = std::move(report.reason);
    end.detail = std::move(report.detail);
  }
  const auto cause = ledger_.cause("host", report.installed ? "reported success" : end.reason);
  const bool by_agent = third_party_profile(host, *ledger_.inventory()) == nullptr;
  const std::string done_text = by_agent ? "installed and verified" : "its installer is through";
  auto text = report.installed ? done_text : "failed: " + end.reason + ": " + end.detail;
  ledger_.commit(host, end_attempt(host, end, cause, ledger_.now()),
                 [this, &host, done = report.installed, text = std::move(text),
                  reply = std::move(reply)](const Fallible<void>& result) mutable {
                   if (!result) return reply(ReportVerdict::not_now);
                   if (done) ledger_.reach(host, Milestone::installed);
                   ledger_.note(host, done ? "host.installed" : "host.failed", std::move(text));
                   reply(ReportVerdict::durable);
                 });
}

void Installs::start() {
  ledger_.scheduler().after(kSweepEvery, [this] {
    sweep();
    start();
  });
}

void Installs::sweep() {
  const auto now = ledger_.now();
  ledger_.keep_time();
  ledger_.hosts().each([&](Host& host) {
    // Whoever is busy is not overdue; the next sweep looks again.
    if (!host.busy && host.waiting.empty()) sweep_host(host, now);
  });
}

void Installs::sweep_host(Host& host, const Now& now) {
  const auto log_only = [](const Fallible<void>&) {
    // A failure was logged; the next sweep tries again.
  };
  const bool over = host.arming && host.attempts_left(now.steady) == 0;
  if (host.state == armed && over) {
    ledger_.note(host, "host.arming_expired", "the arming has expired");
    auto move = disarm(host, ledger_.cause("server", "the arming has expired"), now);
    return ledger_.commit(host, std::move(move), log_only);
  }
  if (host.state == failed && over) {
    const auto cause = ledger_.cause("server", "no attempt left");
    return ledger_.commit(host, end_arming(host, cause), log_only);
  }
  if (ledger_.is_elsewhere(host)) return;  // who is at work talks to that server
  const auto* other = third_party_profile(host, *ledger_.inventory());
  const auto late = other == nullptr ? overdue(host, now.steady)
                                     : third_party_overdue(host, now.steady, report_within(*other));
  if (!late) return;
  if (other != nullptr && host.state == installing &&
      ending_of(other->installer) == Ending::silent) {
    return end_silently(host, now);
  }
  time_out(host, *late, now);
}

// Nobody says when Talos is through; that it did not come back is the best sign there is.
void Installs::end_silently(Host& host, const Now& now) {
  const std::string text = "its installer does not report; its time is over";
  auto move = end_attempt(host, ended_silently(), ledger_.cause("server", text), now);
  ledger_.commit(host, std::move(move), [this, &host, text](const Fallible<void>& result) {
    if (!result) return;  // it was logged; the next sweep tries again
    ledger_.reach(host, Milestone::installed);
    ledger_.note(host, "host.installed", "taken as installed: " + text);
  });
}

void Installs::time_out(Host& host, const Overdue& overdue, const Now& now) {
  AttemptEnd end{.reason = std::string(overdue.reason), .detail = overdue.detail};
  // A host that did not come to its plan may still do so, or boot again: nothing was written.
  if (host.state == booting && host.attempts_left(now.steady) > 0) end.to = armed;
  ledger_.alarm(host, "host.timed_out", end.detail);
  auto move = end_attempt(host, end, ledger_.cause("server", end.reason), now);
  ledger_.commit(host, std::move(move), [](const Fallible<void>&) {
    // A failure was logged; the next sweep tries again.
  });
}

}  // namespace slipway::provisioning
