// agent/power.hpp -- the end of a host's stay on the network.
#pragma once

#include "agent/plan.hpp"

namespace slipway::agent {

// Writes out what the kernel still holds and switches off or starts again. Returns only when the
// kernel refuses (the caller is not root).
void leave(Finish finish);

}  // namespace slipway::agent
