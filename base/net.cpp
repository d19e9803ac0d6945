#include "base/net.hpp"

#include <algorithm>
#include <charconv>

namespace slipway {
namespace {

std::string join_hex(ByteView octets, char separator) {
  std::string text;
  for (const auto octet : octets) {
    if (!text.empty()) text += separator;
    text += to_hex({&octet, 1});
  }
  return text;
}

// A decimal number of at most three digits that fills `text`; leading zeros are refused because
// some programs read them as octal.
std::optional<unsigned> small_number(std::string_view text, unsigned maximum) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value > maximum) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Mac> Mac::parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  const char separator = text[2];
  if (separator != ':' && separator != '-') return std::nullopt;
  Mac mac;
  for (std::size_t i = 0; i < 6; ++i) {
    if (i > 0 && text[3 * i - 1] != separator) return std::nullopt;
    if (!from_hex(text.substr(3 * i, 2), std::span(mac.octets).subspan(i, 1))) return std::nullopt;
  }
  return mac;
}

std::string Mac::text() const { return join_hex(octets, ':'); }
std::string Mac::hyphens() const { return join_hex(octets, '-'); }

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  Ipv4 address;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto octet = small_number(text.substr(0, dot), 255);
    if (!octet) return std::nullopt;
    address.octets[i] = static_cast<std::uint8_t>(*octet);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return address;
}

Ipv4 Ipv4::from_number(std::uint32_t host_order) {
  Ipv4 address;
  Writer(address.octets).u32(host_order);
  return address;
}

std::uint32_t Ipv4::number() const { return Reader(octets).u32(); }

std::string Ipv4::text() const {
  std::string text;
  for (const auto octet : octets) {
    if (!text.empty()) text += '.';
    text += std::to_string(octet);
  }
  return text;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Ipv4::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Cidr{*address, 32};
  const auto bits = small_number(text.substr(slash + 1), 32);
  if (!bits) return std::nullopt;
  return Cidr{*address, static_cast<std::uint8_t>(*bits)};
}

bool Cidr::contains(Ipv4 other) const {
  const std::uint64_t span = std::uint64_t{1} << (32U - prefix_bits);
  return address.number() / span == other.number() / span;
}

std::string Cidr::text() const { return address.text() + "/" + std::to_string(prefix_bits); }

std::optional<Uuid> Uuid::parse(std::string_view text) {
  constexpr std::array<std::size_t, 5> kGroups{8, 4, 4, 4, 12};  // digits
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (const auto group : kGroups) {
    digits += text.substr(0, group);
    text.remove_prefix(group);
    if (text.empty()) break;
    if (text[0] != '-') return std::nullopt;
    text.remove_prefix(1);
  }
  Uuid uuid;
  if (!from_hex(digits, uuid.octets)) return std::nullopt;
  return uuid;
}

Uuid Uuid::from_mixed_endian(std::span<const std::uint8_t, 16> mixed) {
  Uuid uuid;
  std::ranges::copy(mixed, uuid.octets.begin());
  std::reverse(uuid.octets.begin(), uuid.octets.begin() + 4);
  std::reverse(uuid.octets.begin() + 4, uuid.octets.begin() + 6);
  std::reverse(uuid.octets.begin() + 6, uuid.octets.begin() + 8);
  return uuid;
}

std::string Uuid::text() const {
  auto text = to_hex(octets);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

bool Uuid::is_zero() const { return octets == decltype(octets){}; }

}  // namespace slipway
