// provisioning/store_steps.hpp -- how the steps of a change are carried out.
//
// One overload of apply_step for each kind of step. Those of hosts are in store_steps.cpp; another
// subject declares its overloads here and defines them in a file of its own. A step that finds
// something else than it expects throws Conflict (must_change() does), and its whole change is
// rolled back.
#pragma once

#include <limits>
#include <stdexcept>
#include <string>

#include "provisioning/store.hpp"
#include "provisioning/store_database.hpp"

namespace slipway::provisioning::store_detail {

// Thrown inside a change, so that its savepoint is rolled back; never leaves the store.
struct Conflict : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `what` was as the step expected it if exactly one row was changed.
void must_change(long long rows, const std::string& what);

// What a step works with, inside the transaction that its owner opened.
struct StepContext {
  soci::session& sql;
  Head& head;
  const ClockBase& clock;
  bool shared;          // other servers may write, too
  std::int64_t server;  // our number among them
  // What the change was decided on; AsOf sets it.
  std::int64_t known_revision = std::numeric_limits<std::int64_t>::max();

  // Appends `row` to the audit log; who, why, when and the chain are filled in here.
  void record(AuditRow row, const Cause& cause);
  // The kept clock goes on to what it is at `steady`.
  void tell_time(TimePoint steady);
};

void apply_step(StepContext& context, const AsOf& step);
void apply_step(StepContext& context, const AddHost& step);
void apply_step(StepContext& context, const DeleteHost& step);
void apply_step(StepContext& context, const MoveSessions& step);
void apply_step(StepContext& context, const PutFacts& step);
void apply_step(StepContext& context, const Transition& step);
void apply_step(StepContext& context, const Note& step);
void apply_step(StepContext& context, const AddArming& step);
void apply_step(StepContext& context, const EndArming& step);
void apply_step(StepContext& context, const KeepTime& step);
void apply_step(StepContext& context, const AddSession& step);
void apply_step(StepContext& context, const OpenSession& step);
void apply_step(StepContext& context, const BindSession& step);
void apply_step(StepContext& context, const EndSession& step);
void apply_step(StepContext& context, const AddAttempt& step);
void apply_step(StepContext& context, const EndAttempt& step);
void apply_step(StepContext& context, const PublishProfile& step);

// In store_batches.cpp.
void apply_step(StepContext& context, const AddBatch& step);
void apply_step(StepContext& context, const ClaimSlot& step);
void apply_step(StepContext& context, const CloseBatch& step);
void apply_step(StepContext& context, const KeepBox& step);

// In store_leases.cpp.
void apply_step(StepContext& context, const KeepLease& step);

}  // namespace slipway::provisioning::store_detail
