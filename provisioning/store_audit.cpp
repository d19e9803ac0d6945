// The audit log, read and checked.
#include "provisioning/store.hpp"
#include "provisioning/store_database.hpp"

namespace slipway::provisioning {
namespace {

using store_detail::each_row;
using Text = std::string;
using Number = long long;

}  // namespace

Fallible<std::vector<AuditRow>> Store::audit(std::int64_t after_seq, std::size_t limit) {
  if (const auto connected = connect(); !connected) return std::unexpected(connected.error());
  try {
    std::vector<AuditRow> rows;
    const auto take = [&](const auto& row) {
      AuditRow audit;
      Text previous;
      Text hash;
      std::tie(audit.seq, audit.at_ms, audit.who, audit.what, audit.host, audit.from, audit.to,
               audit.why, previous, hash) = row;
      audit.previous = Sha256::parse(previous).value_or(Sha256{});
      audit.hash = Sha256::parse(hash).value_or(Sha256{});
      rows.push_back(std::move(audit));
    };
    each_row<Number, Number, Text, Text, Text, Text, Text, Text, Text, Text>(
        database_->sql,
        "SELECT seq, at_ms, who, what, host, from_state, to_state, why, prev_hash, hash "
        "FROM audit WHERE seq > :1 ORDER BY seq LIMIT :2",
        take, after_seq, static_cast<std::int64_t>(limit));
    return rows;
  } catch (const soci::soci_error& error) {
    return std::unexpected(failed(error, "reading the audit log of"));
  }
}

Fallible<std::int64_t> Store::verify_audit() {
  constexpr std::size_t kRowsAtOnce = 10'000;
  AuditCheck check;
  for (;;) {
    const auto rows = audit(check.rows(), kRowsAtOnce);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      if (const auto good = check.next(row); !good) return std::unexpected(good.error());
    }
    if (rows->size() < kRowsAtOnce) break;
  }
  Sha256 head;
  try {
    each_row<Text>(database_->sql, "SELECT hash FROM audit_head", [&](const auto& row) {
      head = Sha256::parse(std::get<0>(row)).value_or(Sha256{});
    });
  } catch (const soci::soci_error& error) {
    return std::unexpected(failed(error, "reading the audit log of"));
  }
  const auto whole = check.end(head);
  if (!whole) return std::unexpected(whole.error());
  return check.rows();
}

}  // namespace slipway::provisioning
