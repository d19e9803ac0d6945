// provisioning/terraform.hpp -- finished hosts as Terraform resources. Pure.
//
// The provider spectrocloud/spectrocloud, resource spectrocloud_appliance: `uid` is the edge-host
// ID, `tags` are exactly those of the user-data, so that Terraform and the host say the same.
// Syntax: the HCL native syntax specification.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "provisioning/box.hpp"

namespace slipway::provisioning {

// `text` as a quoted template that evaluates to exactly it. Octets that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string hcl_quoted(std::string_view text);

// One resource a box, named after its host; a box without an edge-host ID, or with one that an
// earlier box has, is left out and said so in a comment. `wait` is false: the boxes are switched
// off.
[[nodiscard]] std::string terraform_of(std::span<const BoxRecord> records);

}  // namespace slipway::provisioning
