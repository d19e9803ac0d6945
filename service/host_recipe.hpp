// service/host_recipe.hpp -- what the inventory's files say of one host, for commands that need no
// server.
#pragma once

#include <string>

#include "base/result.hpp"
#include "provisioning/config.hpp"
#include "provisioning/recipe.hpp"

namespace slipway::service {

// One of the two is given.
struct HostChoice {
  std::string mac, name;
};

// Mistakes of the inventory go to stderr, a line each, and fail it.
[[nodiscard]] Fallible<provisioning::Recipe> recipe_from_files(const provisioning::Config& config,
                                                               const HostChoice& choice);

}  // namespace slipway::service
