#include "provisioning/terraform.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The octets of the UTF-8 character at the beginning of `text`, or 0.
std::size_t character_octets(std::string_view text) {
  for (std::size_t octets = 1; octets <= 4 && octets <= text.size(); ++octets) {
    if (is_utf8(text.substr(0, octets))) return octets;
  }
  return 0;
}

std::string escaped(char c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
  }
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned char>(c));
  return text.data();
}

bool needs_escape(char c) {
  constexpr char kDelete = 0x7F;
  return c == '"' || c == '\\' || (c >= 0 && c < ' ') || c == kDelete;
}

// A letter or an underscore, then letters, digits, `_`, `-`; not in `used`, and put there.
std::string resource_name(std::string_view host, std::set<std::string>& used) {
  std::string name;
  for (const char c : host) name += is_letter(c) || is_digit(c) || c == '-' ? c : '_';
  if (name.empty() || !(is_letter(name.front()) || name.front() == '_')) name = "host_" + name;
  auto unique = name;
  for (int number = 2; !used.insert(unique).second; ++number) {
    unique = name + "_" + std::to_string(number);
  }
  return unique;
}

// Characters, not octets: `terraform fmt` aligns what people see.
std::size_t width_of(std::string_view text) {
  constexpr unsigned kTopBits = 0xC0U;
  constexpr unsigned kContinues = 0x80U;
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & kTopBits) != kContinues; }));
}

std::string tag_lines(const Box& box) {
  std::vector<std::pair<std::string, std::string>> quoted;
  std::size_t width = 0;
  for (const auto& [key, value] : box.tags) {
    quoted.emplace_back(hcl_quoted(key), hcl_quoted(value));
    width = std::max(width, width_of(quoted.back().first));
  }
  std::string text;
  for (const auto& [key, value] : quoted) {
    text += "    " + key + std::string(width - width_of(key), ' ') + " = " + value + "\n";
  }
  return text;
}

std::string resource(const BoxRecord& record, std::set<std::string>& used) {
  const auto& box = record.box;
  auto text = "\nresource \"spectrocloud_appliance\" \"" + resource_name(box.name, used) +
              "\" {\n  uid  = " + hcl_quoted(box.edge_id) + "\n  wait = false\n";
  if (!box.tags.empty()) text += "  tags = {\n" + tag_lines(box) + "  }\n";
  return text + "}\n";
}

}  // namespace

std::string hcl_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto octets = character_octets(text);
    const char c = text.front();
    if (octets == 0) {
      out += "\xEF\xBF\xBD";
    } else if (text.starts_with("${") || text.starts_with("%{")) {
      out += std::string(2, c);
    } else if (octets == 1 && needs_escape(c)) {
      out += escaped(c);
    } else {
      out += text.substr(0, octets);
    }
    text.remove_prefix(std::max<std::size_t>(octets, 1));
  }
  return out + "\"";
}

std::string terraform_of(std::span<const BoxRecord> records) {
  std::string text =
      "# Hosts that Slipway has installed. Provider: spectrocloud/spectrocloud.\n"
      "# wait = false: they are switched off until they are on site.\n";
  std::set<std::string> used;
  std::set<std::string> ids;
  for (const auto& record : records) {
    const auto& id = record.box.edge_id;
    if (id.empty()) {
      text += "\n# " + hcl_quoted(record.box.name) + " has no edge-host ID and is left out.\n";
    } else if (!ids.insert(id).second) {
      text += "\n# " + hcl_quoted(record.box.name) + " has the edge-host ID " + hcl_quoted(id) +
              ", too, and is left out.\n";
    } else {
      text += resource(record, used);
    }
  }
  return text;
}

}  // namespace slipway::provisioning
