// service/check_installers.hpp -- what the inventory asks of installers of others, held against
// the store.
#pragma once

#include <string>
#include <vector>

#include "provisioning/config.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::service {

struct InstallerCheck {
  std::vector<provisioning::Mistake> mistakes;
  std::vector<std::string> notes;  // "profile p@1 needs 3000 MiB of memory to boot live@1"
};

// Every profile that boots an installer of others, and every host that has one. An image that is
// not in the store yet is a warning: settings may be written first.
[[nodiscard]] InstallerCheck check_installers(const provisioning::Config& config,
                                              const provisioning::Inventory& inventory);

}  // namespace slipway::service
