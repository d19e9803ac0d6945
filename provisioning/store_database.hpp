// provisioning/store_database.hpp -- the insides of the store that its source files share.
//
// Statements are made by hand and not with `session << text`: that needs the type information of
// a class that Debian's SOCI does not export, which UBSan asks for.
#pragma once

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/secret.hpp"
#include "provisioning/store.hpp"

namespace slipway::provisioning {

namespace store_detail {

// The row that all writers stand in line for.
struct Head {
  std::int64_t seq = 0;  // of the last audit row
  Sha256 hash{};         // of that row
  std::int64_t revision = 0;
  std::int64_t clock_ms = 0;  // by which armings expire
  std::int64_t removed_revision = 0;
};

// How the monotonic clock of this process and the kept one are related, since load().
struct ClockBase {
  TimePoint steady{};
  std::int64_t clock_ms = 0;
};

// What SQLite and PostgreSQL say differently.
struct Dialect {
  const char* begin;           // a transaction that writes
  const char* begin_reading;   // one that sees a single state
  const char* clock;           // an expression: what the kept clock shows
  const char* lock;            // after the SELECT of the head
  const char* schema_tables;   // counts tables named schema_version
  const char* before_migrate;  // so that of two that start at once, one waits; may be empty
  bool shared;                 // several servers write
};
extern const Dialect kSqlite;
extern const Dialect kPostgresql;

// A broken connection, and when to try again.
struct Outage {
  bool lost = false;
  std::string why{};
  TimePoint next_try{};
  std::chrono::milliseconds pause{};
};

}  // namespace store_detail

struct Store::Database {
  const store_detail::Dialect& dialect;
  Secret url{};  // PostgreSQL's
  soci::session sql{};
  std::int64_t server = 0;  // our number among those that share the database; 0 before load()
  store_detail::ClockBase clock{};
  store_detail::Outage outage{};
  bool own_news = false;  // something of ours may be stored of which we do not know
  TimePoint said_alive{};
};

namespace store_detail {

// Text as both databases take it: well-formed UTF-8 without NUL; what is not becomes `?`.
[[nodiscard]] std::string storable(std::string_view text);

[[nodiscard]] inline long long sql_value(std::int64_t value) { return value; }
[[nodiscard]] inline std::string sql_value(std::string_view value) { return storable(value); }
[[nodiscard]] inline std::string sql_value(const Sha256& value) { return value.text(); }
[[nodiscard]] inline std::string sql_value(const Mac& value) { return value.text(); }
[[nodiscard]] inline std::string sql_value(HostState value) { return std::string(name_of(value)); }
[[nodiscard]] inline std::string sql_value(const Ipv4& value) {
  return value.is_zero() ? std::string() : value.text();
}

// Prepared for one use: with PostgreSQL that is one round trip instead of three.
inline void prepare_once(soci::statement& statement, const std::string& text) {
  statement.alloc();
  statement.prepare(text, soci::details::st_one_time_query);
  statement.define_and_bind();
}

// Runs one statement with `values` in the places of :1, :2, ...; the number of changed rows.
template <class... Values>
long long run(soci::session& sql, const std::string& text, const Values&... values) {
  const auto held = std::make_tuple(sql_value(values)...);
  soci::statement statement(sql);
  std::apply([&](const auto&... value) { (statement.exchange(soci::use(value)), ...); }, held);
  prepare_once(statement, text);
  statement.execute(true);
  return statement.get_affected_rows();
}

// Calls `visit` with a tuple of the columns for each row that `text` selects. Columns are long
// long or std::string and never NULL.
template <class... Columns, class Visit, class... Values>
void each_row(soci::session& sql, const std::string& text, const Visit& visit,
              const Values&... values) {
  const auto held = std::make_tuple(sql_value(values)...);
  std::tuple<Columns...> row;
  soci::statement statement(sql);
  std::apply([&](const auto&... value) { (statement.exchange(soci::use(value)), ...); }, held);
  std::apply([&](auto&... column) { (statement.exchange(soci::into(column)), ...); }, row);
  prepare_once(statement, text);
  statement.execute(false);
  while (statement.fetch()) visit(std::as_const(row));
}

// The only row that `text` selects, or `row` as it was.
template <class... Columns, class... Values>
void one_row(soci::session& sql, const std::string& text, std::tuple<Columns...>& row,
             const Values&... values) {
  each_row<Columns...>(sql, text, [&row](const auto& found) { row = found; }, values...);
}

// Open `sql` and set what durability and secrecy need. SOCI's exceptions pass.
void connect_sqlite(soci::session& sql, const std::filesystem::path& file, Durability durability);
[[nodiscard]] Fallible<void> connect_postgresql(soci::session& sql, const Secret& url);
// All batches with their places; their ends count from `now`, when the kept clock shows `clock_ms`.
[[nodiscard]] std::vector<Batch> read_batches(soci::session& sql, const Now& now,
                                              std::int64_t clock_ms);

[[nodiscard]] std::vector<dhcp::LeaseRecord> read_leases(soci::session& sql);

// Brings the tables to kSchemaVersion; fails when they are newer. SOCI's exceptions pass.
[[nodiscard]] Fallible<void> migrate(soci::session& sql, const Dialect& dialect);

// The head, locked until the transaction ends; and back.
[[nodiscard]] Head lock_head(soci::session& sql, const Dialect& dialect);
void write_head(soci::session& sql, const Head& head);

[[nodiscard]] bool rolled_back(soci::session& sql);

}  // namespace store_detail
}  // namespace slipway::provisioning
