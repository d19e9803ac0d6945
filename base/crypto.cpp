#include "base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
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

Gmac::Gmac() { random_octets(key_); }

// OpenSSL fails here only for lack of memory or of AES itself; neither can be gone on from.
Gmac::Tag Gmac::of(std::uint64_t number, ByteView bytes) const {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // OpenSSL counts in int
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(EVP_CIPHER_CTX_new(),
                                                                           &EVP_CIPHER_CTX_free);
  std::array<std::uint8_t, 12> nonce{};
  std::memcpy(nonce.data(), &number, sizeof number);
  bool good = context && EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, key_.data(),
                                            nonce.data()) == 1;
  int octets = 0;
  while (good && !bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kMost));
    good = EVP_EncryptUpdate(context.get(), nullptr, &octets, part.data(),
                             static_cast<int>(part.size())) == 1;
    bytes = bytes.subspan(part.size());
  }
  Tag tag{};
  good = good && EVP_EncryptFinal_ex(context.get(), tag.data(), &octets) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag.size(), tag.data()) == 1;
  if (!good) throw std::bad_alloc();
  return tag;
}

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
