#include "provisioning/json_schema.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "provisioning/config.hpp"
#include "provisioning/entries.hpp"
#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;
using Kind = Shape::Kind;

constexpr std::array<std::string_view, 4> kNames{"config", "host", "profile", "site"};
constexpr std::array<std::string_view, 5> kParts{"stylus", "install", "stages", "reboot",
                                                 "network"};

constexpr std::string_view kLine = "^[^\\x00-\\x1f\\x7f]+$";
constexpr std::string_view kIpv4 = "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(?!$)|$)){4}$";
constexpr std::string_view kIpv4OrCidr =
    "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(?![/$])|(?=/|$))){4}"
    "(/(3[0-2]|[12]?[0-9]))?$";
constexpr std::string_view kMask =
    "^(3[0-2]|[12]?[0-9]|(0|128|192|224|240|248|252|254|255)"
    "(\\.(0|128|192|224|240|248|252|254|255)){3})$";
constexpr std::string_view kAuthority = "[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?";

// What a key of the program's settings may hold; null counts as absent everywhere.
json::object or_null(std::string_view type) { return {{"type", json::array{type, "null"}}}; }

json::object text_like_json(std::string_view pattern) {
  auto schema = or_null("string");
  schema["pattern"] = pattern;
  return schema;
}

json::object words(const std::vector<std::string_view>& allowed) {
  json::array list(allowed.begin(), allowed.end());
  list.emplace_back(nullptr);
  return {{"enum", std::move(list)}};
}

json::object one_or_list(json::value element) {
  json::object list{{"type", "array"}, {"items", element}};
  return {{"anyOf", json::array{std::move(element), std::move(list)}}};
}

json::object whole_number(std::int64_t least, std::int64_t most) {
  auto schema = or_null("integer");
  schema["minimum"] = least;
  if (most > least) schema["maximum"] = most;
  return schema;
}

json::object number_or_text(json::object number, std::string_view pattern) {
  return {{"anyOf", json::array{std::move(number), text_like_json(pattern)}}};
}

json::object map_of_texts() {
  auto schema = or_null("object");
  schema["additionalProperties"] = or_null("string");
  return schema;
}

// ---- user-data, by the table that check_user_data() goes by

json::value of_path(const std::string& path);

// The keys directly below `path`, with what `*` allows for all others.
json::object of_map(const std::string& path) {
  auto schema = or_null("object");
  json::object properties;
  const auto prefix = path + ".";
  for (const auto& entry : schema_entries()) {
    if (!entry.path.starts_with(prefix)) continue;
    const auto key = entry.path.substr(prefix.size());
    if (key.find_first_of(".[*") != std::string_view::npos) continue;
    properties[key] = of_path(std::string(entry.path));
  }
  if (!properties.empty()) schema["properties"] = std::move(properties);
  if (schema_entry(prefix + "*") != nullptr) {
    schema["additionalProperties"] = of_path(prefix + "*");
  }
  return schema;
}

json::object of_list(const std::string& path) {
  auto schema = or_null("array");
  if (schema_entry(path + "[]") != nullptr) schema["items"] = of_path(path + "[]");
  return schema;
}

json::value of_rule(Rule rule, const std::string& path) {
  switch (rule) {
    case Rule::any: return true;
    case Rule::map: return of_map(path);
    case Rule::list: return of_list(path);
    case Rule::flag: return or_null("boolean");
    case Rule::number: return whole_number(0, 0);
    case Rule::port: return whole_number(1, 65535);
    case Rule::text: return or_null("string");
    case Rule::line:
    case Rule::secret: return text_like_json(kLine);
    case Rule::text_map: return map_of_texts();
    case Rule::texts: return one_or_list(or_null("string"));
    case Rule::url: return text_like_json("^https?://([^/?#@]*@)?" + std::string(kAuthority));
    case Rule::endpoint: return text_like_json("^" + std::string(kAuthority) + "$");
    case Rule::edge_id: return text_like_json("^[A-Za-z0-9._-]{1,128}$");
    case Rule::host_name: return text_like_json(kHostNamePattern);
    case Rule::ipv4: return text_like_json(kIpv4);
    case Rule::ipv4_or_cidr: return text_like_json(kIpv4OrCidr);
    case Rule::mask: return number_or_text(whole_number(0, 32), kMask);
    case Rule::nameservers: return one_or_list(text_like_json("^[0-9][0-9., ]*$"));
    case Rule::network_type: return words({"dhcp", "static"});
    case Rule::management_mode: return words({"central", "local"});
    case Rule::device: return text_like_json("^/dev/");
    case Rule::path: return text_like_json("^/");
    case Rule::date: return text_like_json("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$");
    case Rule::permissions: return number_or_text(whole_number(0, 07777), "^[0-7]{3,5}$");
  }
  return true;
}

json::value of_path(const std::string& path) { return of_rule(schema_entry(path)->rule, path); }

// ---- settings and entries, by the shapes of their readers

json::value of_shape(const Shape& shape, std::string_view key);

json::value reference(std::string_view part) {
  return json::object{{"$ref", "#/$defs/" + std::string(part)}};
}

json::object all_user_data() {
  auto schema = or_null("object");
  json::object properties;
  for (const auto part : kParts) properties[part] = reference(part);
  schema["properties"] = std::move(properties);
  return schema;
}

json::object of_keys(const Shape& shape) {
  auto schema = or_null("object");
  json::object properties;
  for (const auto& [key, inner] : shape.keys) properties[key] = of_shape(inner, key);
  schema["properties"] = std::move(properties);
  schema["additionalProperties"] = false;
  if (!shape.required.empty()) {
    schema["required"] = json::array(shape.required.begin(), shape.required.end());
  }
  return schema;
}

json::value of_text(const Shape& shape) {
  if (!shape.words.empty()) return words(shape.words);
  return text_like_json(shape.pattern.empty() ? kLine : shape.pattern);
}

json::value of_shape(const Shape& shape, std::string_view key) {
  switch (shape.kind) {
    case Kind::any: return true;
    case Kind::nothing: return json::object{{"type", "null"}};
    case Kind::flag: return or_null("boolean");
    case Kind::count: return whole_number(1, 0);
    case Kind::number: return whole_number(shape.least, shape.most);
    case Kind::text: return of_text(shape);
    case Kind::texts: return map_of_texts();
    case Kind::list: return one_or_list(of_shape(shape.element.front(), key));
    case Kind::map: return of_keys(shape);
    case Kind::user_data: return reference(key);
    case Kind::all_user_data: return all_user_data();
  }
  return true;
}

// ---- documents

json::object needs(std::string_view key) { return {{"required", json::array{key}}}; }

json::object host_document() {
  auto host = of_keys(host_shape());
  host["anyOf"] = json::array{needs("macs"), needs("uuid"), needs("serial")};
  host["dependentSchemas"] = json::object{
      {"shared_macs", json::object{{"anyOf", json::array{needs("uuid"), needs("serial")}}}}};
  // A file may also hold several hosts, each with its name.
  json::object named{{"allOf", json::array{reference("host"), needs("name")}}};
  json::object list{{"type", "array"}, {"items", std::move(named)}};
  return {{"anyOf", json::array{reference("host"), std::move(list)}},
          {"$defs", json::object{{"host", std::move(host)}}}};
}

json::object profile_document() {
  auto profile = of_keys(profile_shape());
  json::object add_on{{"properties", json::object{{"type", json::object{{"const", "add-on"}}}}},
                      {"required", json::array{"type"}}};
  profile["anyOf"] = json::array{needs("installer"), needs("compose"), std::move(add_on)};
  return profile;
}

json::object document_of(std::string_view name) {
  if (name == "config") return of_keys(config_shape());
  if (name == "host") return host_document();
  if (name == "profile") return profile_document();
  return of_keys(site_shape());
}

void add_parts(json::object& document) {
  if (!document.contains("$defs")) document["$defs"] = json::object();
  auto& definitions = document["$defs"].as_object();
  for (const auto part : kParts) definitions[part] = of_path(std::string(part));
}

bool is_short(const json::value& value) {
  constexpr std::size_t kShortOctets = 80;
  return !value.is_structured() || json::serialize(value).size() <= kShortOctets;
}

// Two blanks a level; what fits in a line stands in one.
void print(const json::value& value, const std::string& indent, std::string& out) {
  if (is_short(value)) {
    out += json::serialize(value);
    return;
  }
  const bool is_map = value.is_object();
  const auto inner = indent + "  ";
  const char* separator = "\n";
  out += is_map ? "{" : "[";
  const auto start = [&] {
    out += separator + inner;
    separator = ",\n";
  };
  if (is_map) {
    for (const auto& [key, entry] : value.get_object()) {
      start();
      out += json::serialize(json::string(key)) + ": ";
      print(entry, inner, out);
    }
  } else {
    for (const auto& element : value.get_array()) {
      start();
      print(element, inner, out);
    }
  }
  out += "\n" + indent + (is_map ? "}" : "]");
}

}  // namespace

std::span<const std::string_view> json_schema_names() { return kNames; }

std::optional<std::string> json_schema(std::string_view name) {
  if (std::ranges::find(kNames, name) == kNames.end()) return std::nullopt;
  json::object document{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", "Slipway: " + std::string(name)}};
  for (auto& [key, value] : document_of(name)) document[key] = value;
  if (name != "config") add_parts(document);
  std::string out;
  print(document, "", out);
  return out + "\n";
}

}  // namespace slipway::provisioning
