// The JSON Schemas say what the readers read: the same keys, and nothing else.
#include "provisioning/json_schema.hpp"

#include <boost/json.hpp>
#include <set>

#include "provisioning/config.hpp"
#include "provisioning/entries.hpp"
#include "provisioning/schema.hpp"
#include "provisioning/yaml.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;

json::object document(std::string_view name) {
  return json::parse(json_schema(name).value()).as_object();
}

std::set<std::string> keys_of(const json::object& schema) {
  std::set<std::string> keys;
  for (const auto& [key, value] : schema.at("properties").as_object()) keys.insert(key);
  return keys;
}

// The keys that the reader itself lists when it finds one that it does not know.
std::set<std::string> keys_of_reader(const Mistakes& mistakes) {
  REQUIRE(mistakes.size() >= 1);
  auto text = mistakes.front().text;
  const auto at = text.find("known are ");
  REQUIRE(at != std::string::npos);
  text.erase(0, at + 10);
  if (const auto last = text.find(" or "); last != std::string::npos) text.replace(last, 4, ", ");
  std::set<std::string> keys;
  while (!text.empty()) {
    const auto end = std::min(text.find(", "), text.size());
    keys.insert(text.substr(0, end));
    text.erase(0, end + 2);
  }
  return keys;
}

const Value& odd() {
  static const Value kOdd =
      parse_yaml("qqqqqqqqqqqqqqqq: 1\nserial: A\ninstaller: {image: i@1}\n", "f.yaml").value;
  return kOdd;
}

}  // namespace

TEST_CASE("a schema has the keys that its reader knows", "[provisioning][json_schema]") {
  const auto with = [](auto read) {
    Mistakes mistakes;
    (void)read(odd(), "x", mistakes);
    return keys_of_reader(mistakes);
  };
  CHECK(keys_of(document("profile")) == with(read_profile));
  CHECK(keys_of(document("site")) == with(read_site));
  CHECK(keys_of(document("host").at("$defs").at("host").as_object()) == with(read_host));
  const auto config = parse_config("qqqqqqqqqqqqqqqq: 1\n", "slipway.yaml");
  CHECK(keys_of(document("config")) == keys_of_reader(config.mistakes));
}

TEST_CASE("a schema refuses keys that its reader does not know", "[provisioning][json_schema]") {
  for (const auto* name : {"config", "profile", "site"}) {
    INFO(name);
    CHECK(document(name).at("additionalProperties") == json::value(false));
  }
  CHECK(document("host").at("$defs").at("host").at("additionalProperties") == json::value(false));
}

TEST_CASE("every key of a reader says what it takes", "[provisioning][json_schema]") {
  // `true` would allow anything: only user-data passes what nobody knows.
  const auto check_keys = [](const json::object& schema) {
    for (const auto& [key, value] : schema.at("properties").as_object()) {
      INFO(std::string(key) << ": give its reader a shape, by shaped() of fields.hpp");
      CHECK(value.is_object());
    }
  };
  for (const auto* name : {"config", "profile", "site"}) check_keys(document(name));
  check_keys(document("host").at("$defs").at("host").as_object());
}

TEST_CASE("every known key of user-data is in the schema", "[provisioning][json_schema]") {
  const auto site = document("site");
  for (const auto& entry : schema_entries()) {
    std::string pointer = "/";
    for (std::string_view rest = entry.path; !rest.empty();) {
      const auto end = std::min(rest.find_first_of(".["), rest.size());
      const auto key = rest.substr(0, end);
      const bool first = pointer == "/";
      if (!key.empty()) {
        pointer = first ? "/$defs/" + std::string(key)
                        : pointer + (key == "*" ? "/additionalProperties"
                                                : "/properties/" + std::string(key));
      }
      rest.remove_prefix(end);
      if (rest.starts_with("[]")) pointer += "/items";
      rest.remove_prefix(rest.starts_with("[]") ? 2 : rest.empty() ? 0 : 1);
      if (rest.starts_with(".")) rest.remove_prefix(1);
    }
    const bool foreign =
        entry.path.find_first_of(".") == std::string_view::npos && entry.rule == Rule::any;
    if (foreign) continue;  // cloud-init's and Kairos' own keys, below user_data
    INFO(entry.path << " at " << pointer);
    boost::system::error_code missing;
    CHECK(json::value(site).find_pointer(pointer, missing) != nullptr);
  }
}

TEST_CASE("the shipped schemas are what the program writes", "[provisioning][json_schema]") {
  for (const auto name : json_schema_names()) {
    INFO("write it anew: slipway schema " << name << " > docs/schema/" << name << ".json");
    std::ifstream file(std::string(SLIPWAY_SOURCE_DIR) + "/docs/schema/" + std::string(name) +
                       ".json");
    const std::string shipped{std::istreambuf_iterator<char>(file), {}};
    CHECK(shipped == json_schema(name).value());
  }
  CHECK_FALSE(json_schema("nothing"));
}

}  // namespace slipway::provisioning
