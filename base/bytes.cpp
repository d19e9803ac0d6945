#include "base/bytes.hpp"

#include <algorithm>
#include <string>

namespace slipway {

ByteView Reader::take(std::size_t octets) {
  if (octets > rest_.size()) {
    failed_ = true;
    rest_ = {};
    return {};
  }
  const auto taken = rest_.first(octets);
  rest_ = rest_.subspan(octets);
  return taken;
}

std::string_view Reader::c_string() {
  const auto end = std::ranges::find(rest_, std::uint8_t{0});
  if (end == rest_.end()) {
    failed_ = true;
    rest_ = {};
    return {};
  }
  const auto text = as_text(take(static_cast<std::size_t>(end - rest_.begin())));
  skip(1);
  return text;
}

std::uint64_t Reader::big(std::size_t octets) {
  std::uint64_t value = 0;
  for (const auto octet : take(octets)) value = value << 8U | octet;
  return value;
}

std::uint64_t Reader::little(std::size_t octets) {
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const auto octet : take(octets)) {
    value |= std::uint64_t{octet} << shift;
    shift += 8;
  }
  return value;
}

bool Writer::has_room(std::size_t octets) {
  if (octets > left()) failed_ = true;
  return !failed_;
}

void Writer::bytes(ByteView value) {
  if (!has_room(value.size())) return;
  std::ranges::copy(value, out_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ += value.size();
}

void Writer::fill(std::size_t octets, std::uint8_t value) {
  if (!has_room(octets)) return;
  std::ranges::fill(out_.subspan(used_, octets), value);
  used_ += octets;
}

void Writer::big(std::uint64_t value, std::size_t octets) {
  if (!has_room(octets)) return;
  for (std::size_t i = octets; i > 0; --i) {
    out_[used_++] = static_cast<std::uint8_t>(value >> (8U * (i - 1)));
  }
}

void Writer::little(std::uint64_t value, std::size_t octets) {
  if (!has_room(octets)) return;
  for (std::size_t i = 0; i < octets; ++i) {
    out_[used_++] = static_cast<std::uint8_t>(value >> (8U * i));
  }
}

std::string to_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(bytes.size() * 2, '\0');
  auto out = text.begin();
  for (const auto octet : bytes) {
    *out++ = kDigits[octet >> 4U];
    *out++ = kDigits[octet & 15U];
  }
  return text;
}

namespace {
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace

bool from_hex(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace slipway
