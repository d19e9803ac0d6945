#include "service/core_dump.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace slipway::service {

Fallible<void> forbid_core_dumps() {
  // The limit alone would not hold for a core_pattern that is a pipe; the flag alone is lost at an
  // exec of a child that does not set it again.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("PR_SET_DUMPABLE", errno);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return fail_errno("RLIMIT_CORE", errno);
  return {};
}

}  // namespace slipway::service
