#include "provisioning/explain.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "provisioning/escape.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

bool is_simple(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string below(const std::string& path, const std::string& key) {
  if (!is_simple(key)) return path + "[" + emit_flow_yaml(make_text(key)) + "]";
  return path.empty() ? key : path + "." + key;
}

void collect(const std::string& path, const Value& value, std::vector<Origin>& origins) {
  const auto* map = value.map();
  const auto* list = value.list();
  if (map != nullptr && !map->empty()) {
    for (const auto& [key, entry] : *map) collect(below(path, key), entry, origins);
  } else if (list != nullptr && !list->empty()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      collect(path + "[" + std::to_string(i) + "]", (*list)[i], origins);
    }
  } else if (!path.empty()) {
    origins.push_back({path, value});
  }
}

}  // namespace

std::vector<Origin> explain(const Value& merged) {
  std::vector<Origin> origins;
  collect("", merged, origins);
  return origins;
}

std::string explain_text(const Value& merged) {
  std::string out;
  for (const auto& [path, value] : explain(merged)) {
    out += path + ": " + emit_flow_yaml(value) + "  # " + value.mark.text() + "\n";
  }
  return out;
}

std::string explain_json(const Value& merged) {
  std::string out;
  for (const auto& [path, value] : explain(merged)) {
    const auto text = json_text(value);
    const boost::json::object place{{"path", path},
                                    {"file", value.mark.file},
                                    {"line", value.mark.line},
                                    {"column", value.mark.column}};
    auto entry = boost::json::serialize(place);
    entry.pop_back();
    const auto yaml = boost::json::serialize(boost::json::string(emit_flow_yaml(value)));
    out += (out.empty() ? "[\n" : ",\n") + entry + ",\"value\":" + text.value_or(yaml) + "}";
  }
  return out.empty() ? "[]\n" : out + "\n]\n";
}

}  // namespace slipway::provisioning
