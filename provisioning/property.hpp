// provisioning/property.hpp -- user-data by the path of a key and plain text, as columns of a table
// and answers to questions give it.
#pragma once

#include <string>
#include <string_view>

#include "provisioning/value.hpp"

namespace slipway::provisioning {

// What `text` is at `path` ("network.mask"): a number or true/false where the schema wants one and
// it reads as one, else text.
[[nodiscard]] Value value_of_text(std::string_view path, std::string text, Mark mark = {});

// Sets the value at `path`, making the maps on the way. Nothing is split below `tags`, whose keys
// may hold dots. A value without a key's place gets its own.
void set_at(Value& target, std::string_view path, Value value);

}  // namespace slipway::provisioning
