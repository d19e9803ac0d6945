#include "base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <new>

namespace slipway {

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    if (context == nullptr) throw std::bad_alloc();
    restart();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }

  // OpenSSL fails here only for lack of memory or of SHA-256 itself; neither can be gone on from.
  void restart() const {
    if (EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {}
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::update(ByteView bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
}

Sha256 Sha256Stream::finish() {
  Sha256 digest;
  if (EVP_DigestFinal_ex(state_->context, digest.octets.data(), nullptr) != 1) {
    throw std::bad_alloc();
  }
  state_->restart();
  return digest;
}

Sha256 Sha256::of(ByteView bytes) {
  Sha256Stream stream;
  stream.update(bytes);
  return stream.finish();
}

std::optional<Sha256> Sha256::parse(std::string_view hex) {
  Sha256 digest;
  if (!from_hex(hex, digest.octets)) return std::nullopt;
  return digest;
}

std::string Sha256::text() const { return to_hex(octets); }

void random_octets(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const auto got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::string random_hex(std::size_t octets) {
  Bytes bytes(octets);
  random_octets(bytes);
  return to_hex(bytes);
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

namespace {
constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
    }
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();
}  // namespace

std::uint32_t crc32(ByteView bytes, std::uint32_t before) {
  std::uint32_t value = ~before;
  for (const auto octet : bytes) value = kCrcTable[(value ^ octet) & 0xFFU] ^ (value >> 8U);
  return ~value;
}

}  // namespace slipway
