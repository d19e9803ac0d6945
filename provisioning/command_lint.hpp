// provisioning/command_lint.hpp -- command lines and configs with which an installer of others
// cannot do its work, found before a host is armed. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

// What is wrong with the whole line, one sentence with its remedy each. `image_kind` is what the
// image was recognised as ("kairos"): a generic profile can boot one, too.
[[nodiscard]] std::vector<std::string> lint_command_line(InstallerKind kind,
                                                         std::string_view image_kind,
                                                         std::string_view line);

// Whether `#cloud-config` stands alone in one of the first 10 lines: without it Kairos installs
// with an empty config and says nothing.
[[nodiscard]] bool has_cloud_config_header(std::string_view document);

}  // namespace slipway::provisioning
