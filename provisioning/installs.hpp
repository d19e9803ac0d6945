// provisioning/installs.hpp -- an attempt from its plan to its result, and its time-outs.
//
// Deciding thread only. All functions take a session that Sessions has authorised.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "provisioning/artifacts.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/overdue.hpp"
#include "provisioning/plan.hpp"
#include "provisioning/sessions.hpp"

namespace slipway::provisioning {

struct PlanAnswer {
  enum class Kind : std::uint8_t {
    plan,
    hold,      // nothing to write: what to show meanwhile
    nothing,   // new: ask again
    finished,  // the session is dead
    not_now    // our failure
  };
  Kind kind = Kind::nothing;
  std::string json{};
};

struct AttemptReport {
  std::int64_t attempt = 0;
  bool installed = false;
  std::string reason{}, detail{};  // of a failure
  std::string json{};              // the whole report, kept with the attempt
};

enum class ReportVerdict : std::uint8_t { durable, revoked, not_now };

class Installs {
 public:
  using PlanReply = std::move_only_function<void(const PlanAnswer&)>;
  using ReportReply = std::move_only_function<void(ReportVerdict)>;

  Installs(Ledger& ledger, Artifacts& artifacts) : ledger_(ledger), artifacts_(artifacts) {}

  // The plan of this session's host, now or within `wait`. With the plan the host becomes
  // `installing`, durably so before `reply` runs. A host that waits gets its plan as soon as it
  // is armed. Asked again, the same plan. `seen`, which agents give that show it, is the tag of the
  // hold that is on the host's screen: when another one is due, that comes at once.
  struct PlanWish {
    std::chrono::seconds wait{};
    std::optional<std::string> seen{};
  };
  void want_plan(const SessionRef& ref, PlanWish wish, PlanReply reply);

  // The running attempt's plan, whose seed or document is about to be given; null when this session
  // has none.
  [[nodiscard]] const Plan* config(const SessionRef& ref);

  // False: `attempt` is not (or no more) what this session may work on; it must stop.
  [[nodiscard]] bool progress(const SessionRef& ref, std::int64_t attempt, Progress progress);

  // An installer of others takes its config: its host becomes `installing`, durably so before
  // `done` runs with `good`. Hosts that are further, or that our own installer works on, stay as
  // they are.
  using Taken = std::move_only_function<void(Verdict, SessionRef)>;
  void take_config(const SessionRef& ref, Taken done);

  // A report that came with the token and not with a bearer: only from an installer of others.
  void call_back(const SessionRef& ref, AttemptReport report, ReportReply reply);

  // The end of an attempt. The same report again gets the same verdict.
  void report(const SessionRef& ref, AttemptReport report, ReportReply reply);

  // `waits` is called with each host whose agent waits and finds nothing to do; it may arm it.
  void on_waiting(std::function<void(Host&)> waits) { on_waiting_ = std::move(waits); }

  // Begins to look for what is overdue, every kSweepEvery.
  void start();
  // One such look: expired armings, attempts whose next step is overdue.
  void sweep();

  static constexpr std::chrono::seconds kSweepEvery{5};

 private:
  struct Poll {
    Sha256 token_hash;  // finds the session again, also when its host was merged into another
    TimePoint deadline;
    std::optional<std::string> seen;
    PlanReply reply;
  };
  using PollPointer = std::shared_ptr<Poll>;
  void ask(const PollPointer& poll);
  void ask_free(Host& host, const PollPointer& poll);
  void park(Host& host, const PollPointer& poll);
  void give_plan(Host& host, Move move, Plan plan, const PollPointer& poll);
  void give_plan_of_attempt(Host& host, const PollPointer& poll);
  void give_plan_of_arming(Host& host, const PollPointer& poll);
  [[nodiscard]] Fallible<Plan> plan_of(const Host& host, std::int64_t attempt);
  void take_config_free(Host& host, const Sha256& token_hash, Taken done);
  void end_report(Host& host, AttemptReport report, ReportReply reply);
  void sweep_host(Host& host, const Now& now);
  void time_out(Host& host, const Overdue& overdue, const Now& now);
  void end_silently(Host& host, const Now& now);

  Ledger& ledger_;
  Artifacts& artifacts_;
  std::function<void(Host&)> on_waiting_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace slipway::provisioning
