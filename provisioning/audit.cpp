#include "provisioning/audit.hpp"

#include <array>
#include <string_view>

namespace slipway::provisioning {

Sha256 audit_hash(const AuditRow& row) {
  const std::string seq = std::to_string(row.seq);
  const std::string at = std::to_string(row.at_ms);
  const std::array<std::string_view, 8> fields{seq,      at,       row.who, row.what,
                                               row.host, row.from, row.to,  row.why};
  Sha256Stream stream;
  stream.update(row.previous.octets);
  for (const auto field : fields) {
    stream.update(as_bytes(std::to_string(field.size()) + ":"));
    stream.update(as_bytes(field));
  }
  return stream.finish();
}

Fallible<void> AuditCheck::next(const AuditRow& row) {
  const auto where = "audit row " + std::to_string(row.seq);
  if (row.seq != rows_ + 1) {
    return fail(where + " follows row " + std::to_string(rows_) + ": rows are missing");
  }
  if (row.previous != last_) return fail(where + " does not continue the row before it");
  if (audit_hash(row) != row.hash) return fail(where + " was changed after it was written");
  rows_ = row.seq;
  last_ = row.hash;
  return {};
}

Fallible<void> AuditCheck::end(const Sha256& head) const {
  if (last_ == head) return {};
  return fail("the audit log ends after row " + std::to_string(rows_) +
              ", but later rows had been written");
}

}  // namespace slipway::provisioning
