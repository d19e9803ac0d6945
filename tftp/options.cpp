#include "tftp/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "tftp/packet.hpp"

namespace slipway::tftp {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A decimal number that fills `text` and lies in the range.
std::optional<std::uint16_t> number(std::string_view text, std::uint16_t least,
                                    std::uint16_t most) {
  std::uint16_t value = 0;
  const auto* end = std::to_address(text.end());
  const auto [stop, error] = std::from_chars(std::to_address(text.begin()), end, value);
  if (error != std::errc{} || stop != end || value < least || value > most) return std::nullopt;
  return value;
}

void agree_block(Terms& terms, std::string_view text, std::uint16_t most) {
  const auto asked = number(text, 8, 65464);
  if (asked && !terms.block_octets) terms.block_octets = std::min(*asked, most);
}

void agree_window(Terms& terms, std::string_view text) {
  const auto asked = number(text, 1, 65535);
  if (asked && !terms.window_blocks) terms.window_blocks = std::min(*asked, kMaxWindowBlocks);
}

void agree_timeout(Terms& terms, std::string_view text) {
  const auto asked = number(text, 1, 255);
  if (asked && !terms.retry_after) terms.retry_after = std::chrono::seconds(*asked);
}

void write_pair(Writer& writer, std::string_view option, std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  writer.text(option);
  writer.u8(0);
  writer.text({digits.data(), end});
  writer.u8(0);
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

Terms agree(ByteView options, std::uint16_t max_block_octets) {
  Terms terms;
  Reader reader(options);
  while (reader.left() > 0) {
    const auto name = reader.c_string();
    const auto value = reader.c_string();
    if (reader.failed()) break;
    if (equal_ignoring_case(name, "blksize")) agree_block(terms, value, max_block_octets);
    if (equal_ignoring_case(name, "windowsize")) agree_window(terms, value);
    if (equal_ignoring_case(name, "timeout")) agree_timeout(terms, value);
    if (equal_ignoring_case(name, "tsize")) terms.size = true;
  }
  return terms;
}

void write_oack(Writer& writer, const Terms& terms, std::uint64_t size_octets) {
  writer.u16(static_cast<std::uint16_t>(Opcode::oack));
  if (terms.size) write_pair(writer, "tsize", size_octets);
  if (terms.block_octets) write_pair(writer, "blksize", *terms.block_octets);
  if (terms.window_blocks) write_pair(writer, "windowsize", *terms.window_blocks);
  if (terms.retry_after) {
    write_pair(writer, "timeout", static_cast<std::uint64_t>(terms.retry_after->count()));
  }
}

}  // namespace slipway::tftp
