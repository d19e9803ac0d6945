#include "provisioning/batch.hpp"

#include <algorithm>
#include <array>

#include "provisioning/fields.hpp"

namespace slipway::provisioning {
namespace {

using Kind = AllowRule::Kind;

constexpr std::string_view kExpected =
    "expected any, mac=PREFIX (whole octets), vendor=TEXT or product=TEXT";

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// "52-54-00" as "52:54:00"; empty when it is no prefix of a MAC.
std::string mac_prefix(std::string_view text) {
  constexpr std::size_t kWholeMac = 17;
  std::string prefix;
  for (const char c : text) {
    const bool is_letter = c >= 'A' && c <= 'F';
    prefix += c == '-' ? ':' : is_letter ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (prefix.size() > kWholeMac || prefix.size() % 3 != 2) return {};
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (i % 3 == 2 ? prefix[i] != ':' : !is_hex(prefix[i])) return {};
  }
  return prefix;
}

bool fits(std::string_view pattern, std::string_view text) {
  if (!pattern.ends_with('*')) return pattern == text;
  return text.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool holds(const AllowRule& rule, const Candidate& candidate) {
  switch (rule.kind) {
    case Kind::any: return true;
    case Kind::mac:
      return std::ranges::any_of(
          candidate.macs, [&](const Mac& mac) { return mac.text().starts_with(rule.value); });
    case Kind::vendor: return fits(rule.value, candidate.manufacturer);
    case Kind::product: return fits(rule.value, candidate.product);
  }
  return false;
}

}  // namespace

std::string_view name_of(BatchKind kind) { return kind == BatchKind::hosts ? "hosts" : "sites"; }

Fallible<AllowRule> parse_allow_rule(std::string_view text) {
  if (text == "any") return AllowRule{};
  const auto equals = text.find('=');
  const auto key = text.substr(0, equals);
  const auto value = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  const auto refuse = [&] {
    return fail("\"" + std::string(text) + "\" is no allow-rule: " + std::string(kExpected));
  };
  // A lone * would let in everybody without saying so.
  if (value.empty() || value == "*" || has_control_characters(value)) return refuse();
  if (key == "vendor") return AllowRule{.kind = Kind::vendor, .value = std::string(value)};
  if (key == "product") return AllowRule{.kind = Kind::product, .value = std::string(value)};
  if (key != "mac") return refuse();
  AllowRule rule{.kind = Kind::mac, .value = mac_prefix(value)};
  if (rule.value.empty()) return refuse();
  return rule;
}

std::string text_of(const AllowRule& rule) {
  switch (rule.kind) {
    case Kind::any: break;
    case Kind::mac: return "mac=" + rule.value;
    case Kind::vendor: return "vendor=" + rule.value;
    case Kind::product: return "product=" + rule.value;
  }
  return "any";
}

bool allows(std::span<const AllowRule> rules, const Candidate& candidate) {
  std::array<bool, 4> named{};
  std::array<bool, 4> held{};
  for (const auto& rule : rules) {
    const auto kind = static_cast<std::size_t>(rule.kind);
    named[kind] = true;
    held[kind] = held[kind] || holds(rule, candidate);
  }
  return !rules.empty() && named == held;
}

}  // namespace slipway::provisioning
