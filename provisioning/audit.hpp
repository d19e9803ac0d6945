// provisioning/audit.hpp -- the chain of the audit log: each row's hash covers the row before it.
//
// Pure. Whoever changes, drops or inserts a row after the fact breaks every hash from there on;
// a cut tail shows against the head that the store keeps beside the rows.
#pragma once

#include <cstdint>
#include <string>

#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::provisioning {

struct AuditRow {
  std::int64_t seq = 0;      // 1, 2, 3, ...
  std::int64_t at_ms = 0;    // wall clock, milliseconds since 1970
  std::string who{};         // "uid 0", an operator's name, "server", "host"
  std::string what{};        // "transition", "host added", "alarm", ...
  std::string host{};        // its id
  std::string from{}, to{};  // states; empty when `what` changes none
  std::string why{};
  Sha256 previous{}, hash{};
};

// The hash of `row` after `previous`. Fields are joined with their lengths, so that no two rows
// have the same text.
[[nodiscard]] Sha256 audit_hash(const AuditRow& row);

// Checks rows in their order; feed it all of them from the first.
class AuditCheck {
 public:
  // Fails with a sentence that names the row.
  [[nodiscard]] Fallible<void> next(const AuditRow& row);
  // The log must end with `head`; fails when rows at its end are missing.
  [[nodiscard]] Fallible<void> end(const Sha256& head) const;
  [[nodiscard]] std::int64_t rows() const { return rows_; }

 private:
  std::int64_t rows_ = 0;
  Sha256 last_;
};

}  // namespace slipway::provisioning
