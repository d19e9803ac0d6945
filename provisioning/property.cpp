#include "provisioning/property.hpp"

#include "provisioning/schema.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {

Value value_of_text(std::string_view path, std::string text, Mark mark) {
  const auto* entry = schema_entry(path);
  const bool plain =
      entry != nullptr && (entry->rule == Rule::flag || entry->rule == Rule::number ||
                           entry->rule == Rule::port || entry->rule == Rule::mask);
  auto value = plain ? plain_scalar(text) : make_text(std::move(text));
  value.mark = std::move(mark);
  return value;
}

void set_at(Value& target, std::string_view path, Value value) {
  if (value.key_line == 0) {
    value.key_line = value.mark.line;
    value.key_column = value.mark.column;
  }
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) {
    target.set(path, std::move(value));
    return;
  }
  const auto key = path.substr(0, dot);
  auto* inner = target.find(key);
  if (inner == nullptr) {
    auto map = make_map({}, value.mark);
    map.key_line = value.key_line;
    map.key_column = value.key_column;
    inner = &target.set(key, std::move(map));
  }
  if (key == "tags") {
    inner->set(path.substr(dot + 1), std::move(value));
  } else {
    set_at(*inner, path.substr(dot + 1), std::move(value));
  }
}

}  // namespace slipway::provisioning
