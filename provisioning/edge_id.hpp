// provisioning/edge_id.hpp -- the ID under which an edge host registers with its management server.
//
// Palette's agent takes `stylus.site.name`, else makes one up from the machine. We make up the same
// one and write it into the served document, so that what registers is what the report shows.
#pragma once

#include <string>
#include <string_view>

#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

inline constexpr std::size_t kMaxEdgeId = 128;

// `stylus.site.name` of `merged`; else PREFIX-UUID (without its hyphens), else PREFIX-SERIAL, whose
// characters outside A-Z a-z 0-9 - _ . become hyphens. PREFIX is `stylus.site.prefix`, or `edge`.
// Empty when nothing is known yet, or when `stylus.site.deviceUIDPaths` tells the host to find its
// ID in files that only the host has.
[[nodiscard]] std::string edge_id_of(const HostEntry& host, const Value& merged);

// 1 to kMaxEdgeId characters of A-Z a-z 0-9 - _ .
[[nodiscard]] bool is_edge_id(std::string_view text);

}  // namespace slipway::provisioning
