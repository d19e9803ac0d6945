#include "images/guid.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace slipway::images {

std::optional<Guid> Guid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash != (text[i] == '-')) return std::nullopt;
    if (!is_dash) digits += text[i];
  }
  Guid guid;
  if (!from_hex(digits, guid.octets)) return std::nullopt;
  auto& o = guid.octets;
  std::reverse(o.begin(), o.begin() + 4);
  std::reverse(o.begin() + 4, o.begin() + 6);
  std::reverse(o.begin() + 6, o.begin() + 8);
  return guid;
}

Guid Guid::random() {
  Guid guid;
  random_octets(guid.octets);
  guid.octets[7] = static_cast<std::uint8_t>((guid.octets[7] & 0x0F) | 0x40);
  guid.octets[8] = static_cast<std::uint8_t>((guid.octets[8] & 0x3F) | 0x80);
  return guid;
}

std::string Guid::text() const {
  auto o = octets;
  std::reverse(o.begin(), o.begin() + 4);
  std::reverse(o.begin() + 4, o.begin() + 6);
  std::reverse(o.begin() + 6, o.begin() + 8);
  auto text = to_hex(o);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

}  // namespace slipway::images
