// The tables of the store, made or brought forward.
#include "provisioning/store_database.hpp"
#include "provisioning/store_schema.hpp"

namespace slipway::provisioning::store_detail {
namespace {

// 0: there are no tables yet.
std::int64_t version_of(soci::session& sql, const Dialect& dialect) {
  std::tuple<long long> number{0};
  one_row(sql, dialect.schema_tables, number);
  if (std::get<0>(number) != 0) one_row(sql, "SELECT version FROM schema_version", number);
  return std::get<0>(number);
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

// SQLite's INTEGER has 64 bits, and its strict tables are what PostgreSQL's always are.
std::string for_postgresql(std::string text) {
  replace_all(text, " INTEGER", " BIGINT");
  replace_all(text, ") STRICT", ")");
  return text;
}

void take_step(soci::session& sql, const SchemaStep& step, const Dialect& dialect) {
  for (const auto* statement : step.statements) {
    run(sql, dialect.shared ? for_postgresql(statement) : statement);
  }
  if (!dialect.shared) {
    for (const auto* statement : step.sqlite_only) run(sql, statement);
  }
  run(sql, "UPDATE schema_version SET version = :1", step.to);
}

}  // namespace

Fallible<void> migrate(soci::session& sql, const Dialect& dialect) {
  run(sql, dialect.begin);
  if (*dialect.before_migrate != '\0') run(sql, dialect.before_migrate);
  const auto version = version_of(sql, dialect);
  if (version > kSchemaVersion) {
    run(sql, "ROLLBACK");
    return fail("it has version " + std::to_string(version) + ", this Slipway knows up to " +
                std::to_string(kSchemaVersion) + ": start the newer Slipway that wrote it");
  }
  for (const auto& step : kSchemaSteps) {
    if (step.to > version) take_step(sql, step, dialect);
  }
  run(sql, "COMMIT");
  return {};
}

}  // namespace slipway::provisioning::store_detail
