// provisioning/schema.hpp -- what may stand in user-data, and of which kind it must be.
//
// One table (schema_table.cpp) lists the keys that we know: those of Palette's stylus and install
// sections, Kairos' stages, the site's network, and the top-level keys of cloud-init and Kairos,
// which pass untouched. A known key with a wrong value is a mistake; an unknown key is a warning
// and passes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "provisioning/fields.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

enum class Rule : std::uint8_t {
  any,              // passes untouched, whatever it is
  map,              // a map whose keys are in the table
  list,             // a list whose elements are in the table
  flag,             // true or false
  number,           // a whole number >= 0
  port,             // 1..65535
  text,             // text, several lines allowed
  line,             // text of one line
  text_map,         // keys and texts of one line
  texts,            // a list of texts, or one text
  secret,           // text that is never shown; a warning when it stands inline
  url,              // http:// or https:// and a host
  endpoint,         // host or host:port, no scheme
  edge_id,          // 1..128 of A-Z a-z 0-9 - _ .
  host_name,        // RFC 1123 labels, at most 64 octets
  ipv4,             // an address
  ipv4_or_cidr,     // an address, or one with its prefix length
  mask,             // prefix length 0..32, or 255.255.255.0
  nameservers,      // one IPv4 address, several with commas, or a list
  network_type,     // dhcp or static
  management_mode,  // central or local
  device,           // /dev/..., never `auto`
  path,             // absolute
  permissions,      // octal, 0644 or "0644"
  date,             // YYYY-MM-DD
};

struct SchemaEntry {
  std::string_view path;  // keys joined by dots; * is any key, [] an element of a list
  Rule rule;
};

[[nodiscard]] std::span<const SchemaEntry> schema_entries();

// The rule at a path of the table's form ("stages.*[].users.*.passwd"), or null.
[[nodiscard]] const SchemaEntry* schema_entry(std::string_view path);

// Checks one source of user-data (a layer, a site, a host) by the table.
void check_user_data(const Value& user_data, Mistakes& mistakes);

// Brings spellings that are accepted to the one that the rest of the code reads: stylus.reboot to
// reboot (with a warning), paletteEndPoint to paletteEndpoint, stylus.site.network to network.
void normalise_user_data(Value& user_data, Mistakes& mistakes);

// Whether a value under this key must not be shown, wherever the key stands.
[[nodiscard]] bool is_secret_key(std::string_view key);

[[nodiscard]] bool is_host_name(std::string_view text);
// The same as ECMA-262 has it, for JSON Schemas.
inline constexpr std::string_view kHostNamePattern =
    "^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    "(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$";

// When the edge-host token ends: a note for us, which no host is served (token_expiry.hpp).
inline constexpr std::string_view kTokenExpires = "stylus.site.edgeHostTokenExpires";

// The day of a text as Rule::date allows it.
[[nodiscard]] std::optional<std::chrono::year_month_day> parse_date(const Value& value);
// The prefix length of a mask as Rule::mask allows it.
[[nodiscard]] std::optional<unsigned> parse_mask(const Value& value);
// The addresses of a value as Rule::nameservers allows it; empty when it is not good.
[[nodiscard]] std::vector<std::string> parse_nameservers(const Value& value);

}  // namespace slipway::provisioning
