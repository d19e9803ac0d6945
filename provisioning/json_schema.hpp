// provisioning/json_schema.hpp -- JSON Schemas (draft 2020-12) of what people write, for editors.
//
// Made of the tables that the readers themselves go by. They say what each key may hold; what only
// shows across keys and files is for `slipway check` to say. A value of `!secret FILE` counts as
// text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway::provisioning {

// config (slipway.yaml), host, profile, site.
[[nodiscard]] std::span<const std::string_view> json_schema_names();

// The schema of that name, indented, with a line end; nullopt for any other name.
[[nodiscard]] std::optional<std::string> json_schema(std::string_view name);

}  // namespace slipway::provisioning
