#include "service/descriptor_limit.hpp"

#include <sys/resource.h>

#include <cerrno>

namespace slipway::service {

Fallible<void> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail_errno("RLIMIT_NOFILE", errno);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return fail_errno("RLIMIT_NOFILE", errno);
  return {};
}

}  // namespace slipway::service
