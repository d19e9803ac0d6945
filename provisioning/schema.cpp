#include "provisioning/schema.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "base/net.hpp"
#include "provisioning/edge_id.hpp"

namespace slipway::provisioning {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_one_line(const Value& value) {
  const auto* text = value.revealed();
  return text != nullptr && !text->empty() && !has_control_characters(*text);
}

bool is_any_text(const Value& value) { return value.revealed() != nullptr; }

bool is_whole(const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value.data);
  return number != nullptr && *number >= 0;
}

bool is_port(const Value& value) {
  return is_whole(value) && std::get<std::int64_t>(value.data) - 1 < 65535 &&
         std::get<std::int64_t>(value.data) > 0;
}

bool is_text_map(const Value& value) {
  const auto* map = value.map();
  return map != nullptr && std::ranges::all_of(*map, [](const auto& entry) {
           return entry.value.is_null() || is_any_text(entry.value);
         });
}

bool is_texts(const Value& value) {
  if (value.list() == nullptr) return is_any_text(value);
  return std::ranges::all_of(*value.list(), is_any_text);
}

// host or host:port; brackets of IPv6 are not understood by what reads these.
bool is_authority(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos) {
    const auto digits = text.substr(colon + 1);
    unsigned number = 0;
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = error == std::errc{} && stop == digits.data() + digits.size();
    if (!whole || number < 1 || number > 65535) return false;
  }
  const auto host = text.substr(0, colon);
  const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (numeric) return Ipv4::parse(host).has_value();
  return host.size() <= 253 &&
         std::ranges::all_of(host, [](char c) { return is_alnum(c) || c == '-' || c == '.'; }) &&
         is_alnum(host.front()) && host.find("..") == std::string_view::npos;
}

bool is_endpoint(const Value& value) {
  return is_one_line(value) && is_authority(*value.revealed());
}

// No blanks, quotes or backslashes: the text goes into configuration files of several dialects.
bool is_url(const Value& value) {
  if (!is_one_line(value)) return false;
  std::string_view text = *value.revealed();
  if (text.find_first_of(" \"'\\`<>") != std::string_view::npos) return false;
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return false;
  if (text.substr(0, scheme) != "http" && text.substr(0, scheme) != "https") return false;
  text.remove_prefix(scheme + 3);
  auto authority = text.substr(0, text.find_first_of("/?#"));
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  return !authority.empty() && is_authority(authority);
}

bool is_edge_id_value(const Value& value) {
  return is_any_text(value) && is_edge_id(*value.revealed());
}

bool is_host_name_value(const Value& value) {
  return is_any_text(value) && is_host_name(*value.revealed());
}

bool is_ipv4(const Value& value) { return value.string() && Ipv4::parse(*value.string()); }
bool is_ipv4_or_cidr(const Value& value) { return value.string() && Cidr::parse(*value.string()); }
bool is_mask(const Value& value) { return parse_mask(value).has_value(); }
bool is_nameservers(const Value& value) { return !parse_nameservers(value).empty(); }

bool is_network_type(const Value& value) {
  return value.string() && (*value.string() == "dhcp" || *value.string() == "static");
}

bool is_management_mode(const Value& value) {
  return value.string() && (*value.string() == "central" || *value.string() == "local");
}

bool is_device(const Value& value) {
  return is_one_line(value) && value.revealed()->starts_with("/dev/");
}

bool is_path(const Value& value) {
  return is_one_line(value) && value.revealed()->starts_with('/');
}

bool is_date(const Value& value) { return parse_date(value).has_value(); }

bool is_permissions(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
    return *number >= 0 && *number <= 07777;
  }
  const auto* text = value.string();
  return text != nullptr && text->size() >= 3 && text->size() <= 5 &&
         text->find_first_not_of("01234567") == std::string::npos;
}

struct RuleCheck {
  bool (*good)(const Value&);
  std::string_view expected;
};

bool is_flag(const Value& value) { return std::holds_alternative<bool>(value.data); }
bool is_map(const Value& value) { return value.map() != nullptr; }
bool is_list(const Value& value) { return value.list() != nullptr; }
bool is_anything(const Value& /*value*/) { return true; }

RuleCheck check_of(Rule rule) {
  static const std::array<RuleCheck, 25> kChecks{{
      {is_anything, ""},
      {is_map, "a map"},
      {is_list, "a list"},
      {is_flag, "true or false"},
      {is_whole, "a whole number"},
      {is_port, "a port, 1 to 65535"},
      {is_any_text, "text"},
      {is_one_line, "text of one line, not empty"},
      {is_text_map, "a map of texts; numbers and true/false need quotes"},
      {is_texts, "a list of texts"},
      {is_one_line, "text of one line, not empty"},
      {is_url, "a URL, http://HOST or https://HOST"},
      {is_endpoint, "HOST or HOST:PORT, without https://"},
      {is_edge_id_value, "1 to 128 characters of A-Z a-z 0-9 - _ ."},
      {is_host_name_value, "a host name: letters, digits and hyphens, at most 64 characters"},
      {is_ipv4, "an IPv4 address"},
      {is_ipv4_or_cidr, "an IPv4 address, as in 10.4.2.10 or 10.4.2.10/24"},
      {is_mask, "a prefix length 0 to 32, or a mask as in 255.255.255.0"},
      {is_nameservers, "one or more IPv4 addresses"},
      {is_network_type, "dhcp or static"},
      {is_management_mode, "central or local"},
      {is_device,
       "a device as in /dev/sda or /dev/disk/by-id/...; `auto` takes the largest disk, "
       "so it is refused"},
      {is_path, "an absolute path"},
      {is_permissions, "octal permissions, as in 0644"},
      {is_date, "a date, as in 2026-12-31"},
  }};
  return kChecks[static_cast<std::size_t>(rule)];
}

class Checker {
 public:
  explicit Checker(Mistakes& mistakes) : mistakes_(mistakes) {}

  void entries(const Map& map, const std::string& path) {
    for (const auto& [key, value] : map) entry(key, value, path);
  }

 private:
  void entry(const std::string& key, const Value& value, const std::string& path) {
    const auto prefix = path.empty() ? "" : path + ".";
    const auto* known = schema_entry(prefix + key);
    if (known == nullptr) known = schema_entry(prefix + "*");
    if (known == nullptr) return unknown(key, value, prefix);
    check(value, *known);
  }

  void check(const Value& value, const SchemaEntry& entry) {
    if (value.is_null()) return;  // clears what an earlier layer said
    const auto [good, expected] = check_of(entry.rule);
    if (!good(value)) return wrong(value, entry, expected);
    if (entry.rule == Rule::secret && value.string() != nullptr) {
      mistakes_.push_back({value.mark,
                           std::string(entry.path) + " stands in the clear; better !secret FILE",
                           true});
    }
    if (entry.rule == Rule::map) entries(*value.map(), std::string(entry.path));
    if (entry.rule == Rule::list) elements(*value.list(), std::string(entry.path) + "[]");
  }

  void elements(const List& list, const std::string& path) {
    const auto* known = schema_entry(path);
    if (known == nullptr) return;
    for (const auto& value : list) check(value, *known);
  }

  void wrong(const Value& value, const SchemaEntry& entry, std::string_view expected) {
    const auto what = entry.rule == Rule::secret ? std::string(kind_name(value)) : shown(value);
    mistakes_.push_back({value.mark, std::string(entry.path) + " must be " + std::string(expected) +
                                         ", not " + what});
  }

  void unknown(const std::string& key, const Value& value, const std::string& prefix) {
    std::vector<std::string_view> siblings;
    for (const auto& entry : schema_entries()) {
      const auto rest = entry.path.starts_with(prefix) ? entry.path.substr(prefix.size()) : "";
      if (!rest.empty() && rest.find_first_of(".[*") == std::string_view::npos) {
        siblings.push_back(rest);
      }
    }
    mistakes_.push_back({value.key_mark(),
                         "unknown key " + shown(make_text(prefix + key)) + " passes as it stands" +
                             suggestion(key, siblings),
                         true});
  }

  Mistakes& mistakes_;
};

void move_reboot(Value& user_data, Mistakes& mistakes) {
  auto* stylus = user_data.find("stylus");
  auto reboot = stylus != nullptr ? stylus->take("reboot") : std::nullopt;
  if (!reboot) return;
  mistakes.push_back({reboot->key_mark(),
                      "`reboot` belongs beside `stylus`, not below it; taken as "
                      "if it stood there",
                      true});
  if (user_data.find("reboot") == nullptr) user_data.set("reboot", std::move(*reboot));
}

void respell_endpoint(Value& site) {
  if (auto* map = site.map()) {
    const auto found = std::ranges::find(*map, "paletteEndPoint", &Entry::key);
    if (found != map->end() && site.find("paletteEndpoint") == nullptr) {
      found->key = "paletteEndpoint";
    }
  }
}

void move_network(Value& user_data, Value& site, Mistakes& mistakes) {
  auto network = site.take("network");
  if (!network) return;
  auto* top = user_data.find("network");
  if (top == nullptr) {
    user_data.set("network", std::move(*network));
  } else {
    mistakes.push_back({network->key_mark(), "network settings stand twice, also at " +
                                                 top->key_mark().text() + "; keep one"});
  }
}

}  // namespace

void check_user_data(const Value& user_data, Mistakes& mistakes) {
  if (const auto* map = user_data.map()) Checker(mistakes).entries(*map, "");
}

void normalise_user_data(Value& user_data, Mistakes& mistakes) {
  move_reboot(user_data, mistakes);
  auto* stylus = user_data.find("stylus");
  auto* site = stylus != nullptr ? stylus->find("site") : nullptr;
  if (site == nullptr) return;
  respell_endpoint(*site);
  // The site moves out while its network moves up: set() may move all top-level entries.
  auto taken = std::move(*site);
  move_network(user_data, taken, mistakes);
  user_data.find("stylus")->set("site", std::move(taken));
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;  // HOST_NAME_MAX of Linux
  while (true) {
    const auto label = text.substr(0, text.find('.'));
    const bool simple = std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
    if (label.empty() || label.size() > 63 || !simple) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
}

std::optional<std::chrono::year_month_day> parse_date(const Value& value) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  const auto* text = value.string();
  if (text == nullptr || text->size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const char c = (*text)[i];
    if (kForm[i] == '-' ? c != '-' : c < '0' || c > '9') return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t count) {
    return std::stoi(text->substr(at, count));
  };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  return day.ok() ? std::optional(day) : std::nullopt;
}

std::optional<unsigned> parse_mask(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
    if (*number < 0 || *number > 32) return std::nullopt;
    return static_cast<unsigned>(*number);
  }
  if (value.string() == nullptr) return std::nullopt;
  const auto& text = *value.string();
  if (const auto length = Cidr::parse("0.0.0.0/" + text)) return length->prefix_bits;
  const auto dotted = Ipv4::parse(text);
  if (!dotted) return std::nullopt;
  const auto ones = static_cast<unsigned>(std::countl_one(dotted->number()));
  const bool contiguous = std::popcount(dotted->number()) == static_cast<int>(ones);
  return contiguous ? std::optional(ones) : std::nullopt;
}

std::vector<std::string> parse_nameservers(const Value& value) {
  std::string joined;
  if (const auto* text = value.string()) joined = *text;
  if (const auto* list = value.list()) {
    for (const auto& element : *list) {
      joined += (joined.empty() ? "" : ",") + (element.string() ? *element.string() : "?");
    }
  }
  std::vector<std::string> servers;
  std::ranges::replace(joined, ' ', ',');
  while (!joined.empty()) {
    const auto end = std::min(joined.find(','), joined.size());
    const auto server = joined.substr(0, end);
    joined.erase(0, end + 1);
    if (server.empty()) continue;
    if (!Ipv4::parse(server)) return {};
    servers.push_back(server);
  }
  return servers;
}

}  // namespace slipway::provisioning
