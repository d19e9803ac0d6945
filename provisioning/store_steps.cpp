#include "provisioning/store_steps.hpp"

#include <algorithm>

namespace slipway::provisioning::store_detail {

void must_change(long long rows, const std::string& what) {
  if (rows != 1) throw Conflict(what + " was changed meanwhile");
}

void StepContext::record(AuditRow row, const Cause& cause) {
  row.seq = head.seq + 1;
  row.at_ms = cause.at_ms;
  row.who = storable(cause.who);  // the hash is of what is stored
  row.why = storable(cause.why);
  row.previous = head.hash;
  row.hash = audit_hash(row);
  run(sql, "INSERT INTO audit VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10)", row.seq, row.at_ms,
      row.who, row.what, row.host, row.from, row.to, row.why, row.previous, row.hash);
  head.seq = row.seq;
  head.hash = row.hash;
}

void StepContext::tell_time(TimePoint steady) {
  if (shared) return;  // the database's own clock counts
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(steady - clock.steady);
  head.clock_ms = std::max(head.clock_ms, clock.clock_ms + std::int64_t{passed.count()});
}

void apply_step(StepContext& context, const AsOf& step) {
  if (!context.shared) return;
  context.known_revision = step.revision;
  const auto rows =
      run(context.sql,
          "UPDATE hosts SET revision = :1, server = :2 "
          "WHERE id = :3 AND (revision <= :4 OR server = :5)",
          context.head.revision, context.server, step.host, step.revision, context.server);
  if (rows != 1) throw Conflict("host " + step.host + " " + std::string(kOutrun));
}

void apply_step(StepContext& context, const AddHost& step) {
  run(context.sql, "INSERT INTO hosts (id, state, changed_ms) VALUES (:1, :2, :3)", step.host,
      step.state, step.cause.at_ms);
  context.record({.what = "host added", .host = step.host, .to = std::string(name_of(step.state))},
                 step.cause);
}

void apply_step(StepContext& context, const DeleteHost& step) {
  must_change(
      // One that was armed is in reports.
      run(context.sql,
          "DELETE FROM hosts WHERE id = :1 AND state IN ('discovered', 'ignored') "
          "AND NOT EXISTS (SELECT 1 FROM armings WHERE host = :2)",
          step.host, step.host),
      "host " + step.host);
  context.head.removed_revision = context.head.revision;
  context.record({.what = "host removed", .host = step.host}, step.cause);
}

void apply_step(StepContext& context, const MoveSessions& step) {
  for (const std::string table : {"sessions", "armings", "attempts", "batch_slots"}) {
    run(context.sql, "UPDATE " + table + " SET host = :1 WHERE host = :2", step.to, step.from);
  }
}

namespace {

// A MAC goes over from another host only when this server knew that host as it is.
void put_mac(StepContext& context, const std::string& host, const Mac& mac, std::int64_t position) {
  constexpr auto* kKnown = "(hosts.revision <= :2 OR hosts.server = :3)";
  run(context.sql,
      std::string("UPDATE hosts SET revision = :1 WHERE ") + kKnown +
          " AND id <> :4 AND id IN (SELECT host FROM host_macs WHERE mac = :5)",
      context.head.revision, context.known_revision, context.server, host, mac);
  const auto rows =
      run(context.sql,
          "INSERT INTO host_macs (mac, host, position) VALUES (:1, :2, :3) "
          "ON CONFLICT (mac) DO UPDATE SET host = excluded.host, position = excluded.position "
          "WHERE EXISTS (SELECT 1 FROM hosts WHERE hosts.id = host_macs.host AND (hosts.id = :4 OR "
          "hosts.revision <= :5 OR hosts.server = :6))",
          mac, host, position, host, context.known_revision, context.server);
  if (rows != 1) throw Conflict("the owner of " + mac.text() + " " + std::string(kOutrun));
}

// Of a host that another server stored and this one has not heard of.
void refuse_unknown_namesake(StepContext& context, const PutFacts& step) {
  if (step.name.empty()) return;
  std::tuple<long long> count{0};
  one_row(context.sql,
          "SELECT count(*) FROM hosts WHERE name = :1 AND id <> :2 AND revision > :3 AND "
          "server <> :4",
          count, step.name, step.host, context.known_revision, context.server);
  if (std::get<0>(count) != 0) throw Conflict("host " + step.name + " " + std::string(kOutrun));
}

}  // namespace

void apply_step(StepContext& context, const PutFacts& step) {
  refuse_unknown_namesake(context, step);
  must_change(run(context.sql,
                  "UPDATE hosts SET name = :1, uuid = :2, serial = :3, manufacturer = :4, "
                  "product = :5, profile = :6, site = :7, inventory = :8 WHERE id = :9",
                  step.name, step.uuid, step.serial, step.manufacturer, step.product, step.profile,
                  step.site, step.inventory_json, step.host),
              "host " + step.host);
  run(context.sql, "DELETE FROM host_macs WHERE host = :1", step.host);
  std::int64_t position = 0;
  for (const auto& mac : step.macs) put_mac(context, step.host, mac, ++position);
}

void apply_step(StepContext& context, const Transition& step) {
  if (!may_go(step.from, step.to)) {
    throw Conflict("a host cannot go from " + std::string(name_of(step.from)) + " to " +
                   std::string(name_of(step.to)));
  }
  must_change(run(context.sql,
                  "UPDATE hosts SET state = :1, reason = :2, detail = :3, changed_ms = :4 "
                  "WHERE id = :5 AND state = :6",
                  step.to, step.reason, step.detail, step.cause.at_ms, step.host, step.from),
              "the state of host " + step.host);
  context.record({.what = "transition",
                  .host = step.host,
                  .from = std::string(name_of(step.from)),
                  .to = std::string(name_of(step.to))},
                 step.cause);
}

void apply_step(StepContext& context, const Note& step) {
  context.record({.what = step.what, .host = step.host}, step.cause);
}

void apply_step(StepContext& context, const AddArming& step) {
  context.tell_time(step.steady);
  run(context.sql,
      "INSERT INTO armings (id, host, who, why, profile, profile_digest, remaining_seconds, "
      "counted_from_ms, armed_ms, revision) VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10)",
      step.id, step.host, step.cause.who, step.cause.why, step.profile, step.profile_digest,
      step.remaining_seconds, context.head.clock_ms, step.cause.at_ms, context.head.revision);
}

void apply_step(StepContext& context, const EndArming& step) {
  must_change(run(context.sql,
                  "UPDATE armings SET ended_ms = :1, ended_why = :2 WHERE id = :3 AND ended_ms = 0",
                  step.cause.at_ms, step.cause.why, step.id),
              "arming " + std::to_string(step.id));
}

void apply_step(StepContext& context, const KeepTime& step) { context.tell_time(step.steady); }

void apply_step(StepContext& context, const AddSession& step) {
  run(context.sql,
      "INSERT INTO sessions (id, host, token_hash, mac, attempt, issued_ms, revision) "
      "VALUES (:1, :2, :3, :4, :5, :6, :7)",
      step.id, step.host, step.token_hash, step.mac, step.attempt, step.at_ms,
      context.head.revision);
  run(context.sql,
      "DELETE FROM sessions WHERE host = :1 AND id NOT IN "
      "(SELECT id FROM sessions WHERE host = :2 ORDER BY revision DESC, id DESC LIMIT :3)",
      step.host, step.host, static_cast<std::int64_t>(kSessionsKept));
}

void apply_step(StepContext& context, const OpenSession& step) {
  must_change(run(context.sql,
                  "UPDATE sessions SET bearer_hash = :1, address = :2 WHERE id = :3 AND ended = 0",
                  step.bearer_hash, step.address, step.id),
              "session " + std::to_string(step.id));
}

void apply_step(StepContext& context, const BindSession& step) {
  must_change(
      run(context.sql, "UPDATE sessions SET attempt = :1, address = :2 WHERE id = :3 AND ended = 0",
          step.attempt, step.address, step.id),
      "session " + std::to_string(step.id));
}

void apply_step(StepContext& context, const EndSession& step) {
  run(context.sql, "UPDATE sessions SET ended = 1 WHERE id = :1", step.id);
}

void apply_step(StepContext& context, const AddAttempt& step) {
  must_change(run(context.sql,
                  "UPDATE armings SET attempts_used = attempts_used + 1 "
                  "WHERE id = :1 AND ended_ms = 0 AND attempts_used < :2",
                  step.arming, static_cast<std::int64_t>(kAttemptsPerArming)),
              "arming " + std::to_string(step.arming));
  run(context.sql,
      "INSERT INTO attempts (id, host, arming, started_ms, revision) VALUES (:1, :2, :3, :4, :5)",
      step.id, step.host, step.arming, step.at_ms, context.head.revision);
}

void apply_step(StepContext& context, const EndAttempt& step) {
  must_change(run(context.sql,
                  "UPDATE attempts SET state = :1, reason = :2, detail = :3, report = :4, "
                  "ended_ms = :5 WHERE id = :6 AND ended_ms = 0",
                  step.state, step.reason, step.detail, step.report_json, step.at_ms, step.id),
              "attempt " + std::to_string(step.id));
}

void apply_step(StepContext& context, const PublishProfile& step) {
  // Two armings that are the first with it may be on their way at once; both mean the same.
  run(context.sql,
      "INSERT INTO published_profiles (id, digest, first_armed_ms, revision) "
      "VALUES (:1, :2, :3, :4) ON CONFLICT (id) DO NOTHING",
      step.id, step.digest, step.at_ms, context.head.revision);
  must_change(
      run(context.sql, "UPDATE published_profiles SET digest = :1 WHERE id = :2 AND digest = :3",
          step.digest, step.id, step.digest),
      "profile " + step.id);
}

}  // namespace slipway::provisioning::store_detail
