// provisioning/facts.hpp -- what a template can name of a host, its site, its profile.
//
// docs/templates.md lists them for people. A fact that is not known is there and null, so that a
// template can ask for it; a name that is not a fact is a mistake when the template is read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provisioning/userdata.hpp"

namespace slipway::provisioning {

// The facts of one host. Values that must not be shown are secrets.
[[nodiscard]] Value facts_of(const Subject& subject, const Value& merged,
                             std::string_view report_url);

// The names of all facts: "host", "network", ...
[[nodiscard]] std::vector<std::string_view> fact_names();
// The names below one of them ("name", "macs", ...); empty where anything may stand or nothing.
[[nodiscard]] std::vector<std::string_view> fact_names_below(std::string_view fact);

}  // namespace slipway::provisioning
