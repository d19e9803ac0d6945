#include "provisioning/edge_id.hpp"

#include <algorithm>

namespace slipway::provisioning {
namespace {

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string text_at(const Value& merged, std::string_view path) {
  const auto* value = merged.at(path);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}

}  // namespace

std::string edge_id_of(const HostEntry& host, const Value& merged) {
  if (auto name = text_at(merged, "stylus.site.name"); !name.empty()) return name;
  if (merged.at("stylus.site.deviceUIDPaths") != nullptr) return {};
  auto prefix = text_at(merged, "stylus.site.prefix");
  if (prefix.empty()) prefix = "edge";
  if (host.uuid) {
    auto digits = host.uuid->text();
    std::erase(digits, '-');
    return prefix + "-" + digits;
  }
  if (host.serial.empty()) return {};
  auto serial = host.serial;
  std::ranges::replace_if(serial, [](char c) { return !is_allowed(c); }, '-');
  return prefix + "-" + serial;
}

bool is_edge_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxEdgeId && std::ranges::all_of(text, is_allowed);
}

}  // namespace slipway::provisioning
