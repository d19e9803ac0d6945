// provisioning/explain.hpp -- which file and line each value of merged user-data came from.
#pragma once

#include <string>
#include <vector>

#include "provisioning/value.hpp"

namespace slipway::provisioning {

// A value without parts (a scalar, an empty map or list) and where it was written: value.mark.
struct Origin {
  std::string path;  // stylus.site.tags["odd key"], stages.initramfs[0].name
  Value value;
};

// All of them, in the order of the tree.
[[nodiscard]] std::vector<Origin> explain(const Value& merged);

// A line each, "PATH: VALUE  # FILE:LINE:COLUMN", the value as flow YAML.
[[nodiscard]] std::string explain_text(const Value& merged);

// The same as a JSON list of {path, value, file, line, column}. A text that JSON cannot carry
// stands as flow YAML.
[[nodiscard]] std::string explain_json(const Value& merged);

}  // namespace slipway::provisioning
