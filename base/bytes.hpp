// base/bytes.hpp -- bounds-checked reading and writing of foreign bytes.
//
// Every parser of bytes that we did not make goes through Reader, every encoder through Writer;
// neither allocates. A read past the end sets `failed()` and yields zeros, so a parser may read a
// whole header and ask once. Sub-readers cannot see beyond the span they were cut from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads from a span that must outlive it. Wire integers are big-endian (u16, u32), disk integers
// little-endian (le16, le32, le64).
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] std::uint8_t u8() { return static_cast<std::uint8_t>(big(1)); }
  [[nodiscard]] std::uint16_t u16() { return static_cast<std::uint16_t>(big(2)); }
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(big(4)); }
  [[nodiscard]] std::uint16_t le16() { return static_cast<std::uint16_t>(little(2)); }
  [[nodiscard]] std::uint32_t le32() { return static_cast<std::uint32_t>(little(4)); }
  [[nodiscard]] std::uint64_t le64() { return little(8); }

  // The next `octets` as a view into the source; empty and failed when there are fewer.
  [[nodiscard]] ByteView take(std::size_t octets);
  void skip(std::size_t octets) { (void)take(octets); }

  // The octets before the next NUL, and past it; failed when there is no NUL.
  [[nodiscard]] std::string_view c_string();

  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  [[nodiscard]] ByteView rest() const { return rest_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::uint64_t big(std::size_t octets);
  std::uint64_t little(std::size_t octets);

  ByteView rest_;
  bool failed_ = false;
};

// Writes into the caller's span. What does not fit is not written and sets `failed()`.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : out_(out) {}

  void u8(std::uint8_t value) { big(value, 1); }
  void u16(std::uint16_t value) { big(value, 2); }
  void u32(std::uint32_t value) { big(value, 4); }
  void le16(std::uint16_t value) { little(value, 2); }
  void le32(std::uint32_t value) { little(value, 4); }
  void le64(std::uint64_t value) { little(value, 8); }
  void bytes(ByteView value);
  void text(std::string_view value) { bytes(as_bytes(value)); }
  void fill(std::size_t octets, std::uint8_t value = 0);

  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] std::size_t left() const { return out_.size() - used_; }
  [[nodiscard]] ByteView written() const { return out_.first(used_); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  [[nodiscard]] bool has_room(std::size_t octets);
  void big(std::uint64_t value, std::size_t octets);
  void little(std::uint64_t value, std::size_t octets);

  std::span<std::uint8_t> out_;
  std::size_t used_ = 0;
  bool failed_ = false;
};

// Lower-case hexadecimal, two digits an octet.
[[nodiscard]] std::string to_hex(ByteView bytes);
// The inverse; false when `text` is not exactly 2 * out.size() hexadecimal digits.
[[nodiscard]] bool from_hex(std::string_view text, std::span<std::uint8_t> out);

}  // namespace slipway
