// service/core_dump.hpp -- the memory of the service, which holds secrets, stays in the service.
#pragma once

#include "base/result.hpp"

namespace slipway::service {

// No core file is written of this process, also none through a program named in core_pattern(5),
// and no other process of the same user can read its memory (prctl PR_SET_DUMPABLE, setrlimit
// RLIMIT_CORE).
[[nodiscard]] Fallible<void> forbid_core_dumps();

}  // namespace slipway::service
