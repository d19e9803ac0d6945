// service/descriptor_limit.hpp -- as many open files and connections as the system allows.
#pragma once

#include "base/result.hpp"

namespace slipway::service {

// Raises this process's soft limit of descriptors to its hard one. The soft one is 1024 nearly
// everywhere, for the sake of select(2), which is not used here; the limits of the servers are
// what bounds their connections.
[[nodiscard]] Fallible<void> raise_descriptor_limit();

}  // namespace slipway::service
