// service/image_references.hpp -- who still needs an image: profiles, and hosts that are being
// installed.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "provisioning/config.hpp"

namespace slipway::service {

// One line for each profile of the inventory that names `image` (NAME@VERSION), with file, line and
// column, and, when a service runs, for each host that is armed with it or at work. Fails when a
// profile cannot be read: it might name the image.
[[nodiscard]] Fallible<std::vector<std::string>> image_references(
    const provisioning::Config& config, const std::string& image);

}  // namespace slipway::service
