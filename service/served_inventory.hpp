// service/served_inventory.hpp -- does a running service serve what the files say now?
#pragma once

#include <string>

#include "provisioning/config.hpp"

namespace slipway::service {

// One sentence when a service runs with these settings and serves another inventory than that of
// the files; empty when it serves them or none runs. Waits for up to two seconds: a service reads
// files half a second after their last change.
[[nodiscard]] std::string served_otherwise(const provisioning::Config& config);

}  // namespace slipway::service
