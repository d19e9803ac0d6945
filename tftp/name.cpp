#include "tftp/name.hpp"

#include <algorithm>

namespace slipway::tftp {
namespace {

bool is_separator(char c) { return c == '/' || c == '\\'; }

bool is_control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7f;
}

// Cuts the first part off `rest`.
std::string_view take_part(std::string_view& rest) {
  const auto* end = std::ranges::find_if(rest, is_separator);
  const auto part = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

}  // namespace

Result<std::string_view> normalise_name(std::string_view wire, std::span<char> out) {
  const auto bad = std::unexpected(make_error_code(Errc::bad_name));
  while (wire.ends_with('\xff')) wire.remove_suffix(1);
  if (wire.size() > out.size() || std::ranges::any_of(wire, is_control)) return bad;
  std::size_t used = 0;
  while (!wire.empty()) {
    const auto part = take_part(wire);
    if (part.empty() || part == ".") continue;
    if (part == "..") return bad;
    if (used > 0) out[used++] = '/';
    std::ranges::copy(part, out.begin() + static_cast<std::ptrdiff_t>(used));
    used += part.size();
  }
  if (used == 0) return bad;
  return std::string_view(out.data(), used);
}

}  // namespace slipway::tftp
