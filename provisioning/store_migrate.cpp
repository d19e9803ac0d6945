// The tables of the store, made or brought forward.
#include "provisioning/store_database.hpp"
#include "provisioning/store_schema.hpp"

namespace slipway::provisioning::store_detail {
namespace {

// 0: there are no tables yet.
std::int64_t version_of(soci::session& sql) {
  std::tuple<long long> number{0};
  one_row(sql, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'", number);
  if (std::get<0>(number) != 0) one_row(sql, "SELECT version FROM schema_version", number);
  return std::get<0>(number);
}

void take_step(soci::session& sql, const SchemaStep& step) {
  for (const auto* statement : step.statements) run(sql, statement);
  for (const auto* statement : step.sqlite_only) run(sql, statement);
  run(sql, "UPDATE schema_version SET version = :1", step.to);
}

}  // namespace

Fallible<void> migrate(soci::session& sql) {
  run(sql, "BEGIN IMMEDIATE");  // of two that start at once, one waits and finds all done
  const auto version = version_of(sql);
  if (version > kSchemaVersion) {
    run(sql, "ROLLBACK");
    return fail("it has version " + std::to_string(version) + ", this Slipway knows up to " +
                std::to_string(kSchemaVersion) + ": start the newer Slipway that wrote it");
  }
  for (const auto& step : kSchemaSteps) {
    if (step.to > version) take_step(sql, step);
  }
  run(sql, "COMMIT");
  return {};
}

}  // namespace slipway::provisioning::store_detail
