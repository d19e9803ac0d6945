// provisioning/store_database.hpp -- the insides of the store that its two source files share.
//
// Statements are made by hand and not with `session << text`: that needs the type information of
// a class that Debian's SOCI does not export, which UBSan asks for.
#pragma once

#include <soci/soci.h>

#include <tuple>
#include <utility>

#include "provisioning/store.hpp"

namespace slipway::provisioning {

struct Store::Database {
  soci::session sql;
  std::int64_t audit_seq = 0;
  Sha256 audit_head;
};

namespace store_detail {

[[nodiscard]] inline long long sql_value(std::int64_t value) { return value; }
[[nodiscard]] inline std::string sql_value(const std::string& value) { return value; }
[[nodiscard]] inline std::string sql_value(std::string_view value) { return std::string(value); }
[[nodiscard]] inline std::string sql_value(const Sha256& value) { return value.text(); }
[[nodiscard]] inline std::string sql_value(const Mac& value) { return value.text(); }
[[nodiscard]] inline std::string sql_value(HostState value) { return std::string(name_of(value)); }
[[nodiscard]] inline std::string sql_value(const Ipv4& value) {
  return value.is_zero() ? std::string() : value.text();
}

// Runs one statement with `values` in the places of :1, :2, ...; the number of changed rows.
template <class... Values>
long long run(soci::session& sql, const char* text, const Values&... values) {
  const auto held = std::make_tuple(sql_value(values)...);
  soci::statement statement(sql);
  std::apply([&](const auto&... value) { (statement.exchange(soci::use(value)), ...); }, held);
  statement.alloc();
  statement.prepare(text);
  statement.define_and_bind();
  statement.execute(true);
  return statement.get_affected_rows();
}

// Calls `visit` with a tuple of the columns for each row that `text` selects. Columns are long
// long or std::string and never NULL.
template <class... Columns, class Visit, class... Values>
void each_row(soci::session& sql, const char* text, const Visit& visit, const Values&... values) {
  const auto held = std::make_tuple(sql_value(values)...);
  std::tuple<Columns...> row;
  soci::statement statement(sql);
  std::apply([&](const auto&... value) { (statement.exchange(soci::use(value)), ...); }, held);
  std::apply([&](auto&... column) { (statement.exchange(soci::into(column)), ...); }, row);
  statement.alloc();
  statement.prepare(text);
  statement.define_and_bind();
  statement.execute(false);
  while (statement.fetch()) visit(std::as_const(row));
}

}  // namespace store_detail
}  // namespace slipway::provisioning
