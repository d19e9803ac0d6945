// base/crypto.hpp -- digests, random octets and comparison in constant time, over OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace slipway {

// A SHA-256 (FIPS 180-4) value; by it artifacts, chunks and stored tokens are named.
struct Sha256 {
  std::array<std::uint8_t, 32> octets{};

  [[nodiscard]] static Sha256 of(ByteView bytes);
  [[nodiscard]] static Sha256 of(std::string_view text) { return of(as_bytes(text)); }
  [[nodiscard]] static std::optional<Sha256> parse(std::string_view hex);  // 64 digits, either case
  [[nodiscard]] std::string text() const;                                  // 64 lower-case digits
  auto operator<=>(const Sha256&) const = default;
};

// SHA-256 over a stream. After finish() it starts afresh.
class Sha256Stream {
 public:
  Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  ~Sha256Stream();

  void update(ByteView bytes);
  [[nodiscard]] Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// GMAC with AES-128 (NIST SP 800-38D) under a random key of its own, which never leaves it: finds
// out whether octets are still the same, as surely as a digest and several times as fast. No tag
// may be shown to whoever could choose octets: `number` is the nonce, and several tags of one
// number tell the key.
class Gmac {
 public:
  using Tag = std::array<std::uint8_t, 16>;

  Gmac();  // with a new key
  [[nodiscard]] Tag of(std::uint64_t number, ByteView bytes) const;

 private:
  std::array<std::uint8_t, 16> key_{};
};

// Fills `out` from the kernel (getrandom); aborts the process if the kernel gives none, because
// nothing may go on with a token that can be guessed.
void random_octets(std::span<std::uint8_t> out);

// `octets` random octets as lower-case hexadecimal.
[[nodiscard]] std::string random_hex(std::size_t octets);

// Takes the same time whatever differs, lengths excepted.
[[nodiscard]] bool equal_in_constant_time(ByteView a, ByteView b);

// CRC-32 as IEEE 802.3, GPT (UEFI s.5.3.2) and gzip use it. `before` is the CRC of the octets that
// go before these, for a stream.
[[nodiscard]] std::uint32_t crc32(ByteView bytes, std::uint32_t before = 0);

}  // namespace slipway
