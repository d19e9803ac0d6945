// base/failures.hpp -- every reason for which a host is not written, in one table: why an attempt
// failed, and why a host that began to boot stands still.
//
// A reason is a name of the agent protocol and of the operators' plane: `slipway host show`, batch
// reports and scripts rely on it, so it does not change. What happened on one host exactly stands
// in the failure's detail; here stands what the reason means and what a person does about it.
// docs/failures.md is the same table for people, and tools/check_failures.py holds table, page and
// code together.
#pragma once

#include <span>
#include <string_view>

namespace slipway {

struct FailureKind {
  std::string_view reason;    // "disk-too-small"
  std::string_view sentence;  // what it means
  std::string_view remedy;    // what to do, beginning with a verb
};

// By reason.
[[nodiscard]] std::span<const FailureKind> failure_kinds();

// Null for a reason that this version does not know: an agent may be newer than its server.
[[nodiscard]] const FailureKind* find_failure_kind(std::string_view reason);

}  // namespace slipway
