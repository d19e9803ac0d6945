#include "images/signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <fstream>
#include <new>

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLegacy = "Ed";
constexpr std::string_view kPrehashed = "ED";
constexpr std::string_view kUntrusted = "untrusted comment: ";
constexpr std::string_view kTrusted = "trusted comment: ";
constexpr std::string_view kSecretStart = "slipway signing key, keep it secret\n";
constexpr std::size_t kMaxText = 8192;
constexpr std::size_t kMaxLegacyOctets = std::size_t{256} << 20U;
constexpr std::size_t kPieceOctets = std::size_t{1} << 20U;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;
using Blake = std::array<std::uint8_t, 64>;

class BlakeStream {
 public:
  BlakeStream() {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_blake2b512(), nullptr) != 1) {
      throw std::bad_alloc();
    }
  }
  void update(ByteView bytes) {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
  }
  Blake finish() {
    Blake digest;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1) throw std::bad_alloc();
    return digest;
  }

 private:
  Context context_{EVP_MD_CTX_new()};
};

Blake blake(ByteView content) {
  BlakeStream stream;
  stream.update(content);
  return stream.finish();
}

std::string to_base64(ByteView octets) {
  std::string text((octets.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL adds a NUL
  const auto length = EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(text.data()), octets.data(),
                                      static_cast<int>(octets.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Exactly `octets` of them, in the one way to write them.
std::optional<Bytes> from_base64(std::string_view text, std::size_t octets) {
  if (text.size() != (octets + 2) / 3 * 4) return std::nullopt;
  Bytes out(text.size() / 4 * 3);
  const auto length =
      EVP_DecodeBlock(out.data(), as_bytes(text).data(), static_cast<int>(text.size()));
  if (length < 0 || static_cast<std::size_t>(length) < octets) return std::nullopt;
  out.resize(octets);
  if (to_base64(out) != text) return std::nullopt;
  return out;
}

// The next line without its end, "\r" included.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

template <std::size_t N>
std::array<std::uint8_t, N> take(Reader& reader) {
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(reader.take(N), out.begin());
  return out;
}

bool is_signed(ByteView content, const std::array<std::uint8_t, 64>& signature,
               const PublicKey& key) {
  const Key public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.point.data(), key.point.size()));
  const Context context(EVP_MD_CTX_new());
  if (!public_key || !context) return false;
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), content.data(),
                          content.size()) == 1;
}

Bytes comment_content(const Signature& signature) {
  Bytes content(signature.octets.begin(), signature.octets.end());
  const auto comment = as_bytes(signature.trusted_comment);
  content.insert(content.end(), comment.begin(), comment.end());
  return content;
}

// `message` is what the signature is over: the content, or its BLAKE2b-512.
Fallible<void> verify_message(ByteView message, const Signature& signature, const PublicKey& key) {
  if (signature.key_id != key.id) return fail("it is signed by another key than " + key.id_text());
  if (!is_signed(message, signature.octets, key)) {
    return fail("the signature by key " + key.id_text() + " does not fit its content");
  }
  if (!is_signed(comment_content(signature), signature.comment_octets, key)) {
    return fail("the signature's comment was changed");
  }
  return {};
}

}  // namespace

Fallible<PublicKey> PublicKey::parse(std::string_view text) {
  auto line = take_line(text);
  if (line.starts_with(kUntrusted)) line = take_line(text);
  const auto octets = from_base64(line, 42);
  if (!octets || !as_text(*octets).starts_with(kLegacy)) return fail("not a minisign public key");
  Reader reader(*octets);
  reader.skip(kLegacy.size());
  PublicKey key;
  key.id = take<8>(reader);
  key.point = take<32>(reader);
  return key;
}

std::string PublicKey::id_text() const {
  auto reversed = id;  // minisign prints it as a little-endian number
  std::ranges::reverse(reversed);
  auto text = to_hex(reversed);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

std::string PublicKey::text() const {
  Bytes octets(kLegacy.begin(), kLegacy.end());
  octets.insert(octets.end(), id.begin(), id.end());
  octets.insert(octets.end(), point.begin(), point.end());
  return std::string(kUntrusted) + "minisign public key " + id_text() + "\n" + to_base64(octets) +
         "\n";
}

Fallible<Signature> Signature::parse(std::string_view text) {
  const auto bad = [](std::string_view why) {
    return fail("not a minisign signature: " + std::string(why));
  };
  if (text.size() > kMaxText) return bad("it is too long");
  if (!take_line(text).starts_with(kUntrusted)) return bad("its first line is no comment");
  const auto octets = from_base64(take_line(text), 74);
  if (!octets) return bad("its second line is damaged");
  const auto algorithm = as_text(*octets).substr(0, 2);
  if (algorithm != kLegacy && algorithm != kPrehashed) return bad("its algorithm is unknown");
  const auto comment = take_line(text);
  if (!comment.starts_with(kTrusted)) return bad("its third line is no trusted comment");
  const auto comment_octets = from_base64(take_line(text), 64);
  if (!comment_octets) return bad("its fourth line is damaged");
  Signature signature;
  signature.prehashed = algorithm == kPrehashed;
  Reader reader(*octets);
  reader.skip(2);
  signature.key_id = take<8>(reader);
  signature.octets = take<64>(reader);
  signature.trusted_comment = comment.substr(kTrusted.size());
  std::ranges::copy(*comment_octets, signature.comment_octets.begin());
  return signature;
}

std::string Signature::text() const {
  const auto algorithm = prehashed ? kPrehashed : kLegacy;
  Bytes head(algorithm.begin(), algorithm.end());
  head.insert(head.end(), key_id.begin(), key_id.end());
  head.insert(head.end(), octets.begin(), octets.end());
  return std::string(kUntrusted) + "signature by a slipway depot\n" + to_base64(head) + "\n" +
         std::string(kTrusted) + trusted_comment + "\n" + to_base64(comment_octets) + "\n";
}

struct SigningKey::State {
  std::array<std::uint8_t, 32> seed{};
  PublicKey public_key;
  Key key;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { OPENSSL_cleanse(seed.data(), seed.size()); }

  void derive() {
    key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
    auto length = public_key.point.size();
    if (!key || EVP_PKEY_get_raw_public_key(key.get(), public_key.point.data(), &length) != 1) {
      throw std::bad_alloc();
    }
  }
};

SigningKey::SigningKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

SigningKey SigningKey::make() {
  auto state = std::make_unique<State>();
  random_octets(state->seed);
  random_octets(state->public_key.id);
  state->derive();
  return SigningKey(std::move(state));
}

Fallible<SigningKey> SigningKey::parse(std::string_view text) {
  if (!text.starts_with(kSecretStart)) return fail("not a signing key of slipway");
  text.remove_prefix(kSecretStart.size());
  auto octets = from_base64(take_line(text), 40);
  if (!octets) return fail("the signing key is damaged");
  auto state = std::make_unique<State>();
  Reader reader(*octets);
  state->public_key.id = take<8>(reader);
  state->seed = take<32>(reader);
  OPENSSL_cleanse(octets->data(), octets->size());
  state->derive();
  return SigningKey(std::move(state));
}

const PublicKey& SigningKey::public_key() const { return state_->public_key; }

std::string SigningKey::text() const {
  Bytes octets(state_->public_key.id.begin(), state_->public_key.id.end());
  octets.insert(octets.end(), state_->seed.begin(), state_->seed.end());
  auto text = std::string(kSecretStart) + to_base64(octets) + "\n";
  OPENSSL_cleanse(octets.data(), octets.size());
  return text;
}

Signature SigningKey::sign(ByteView content, std::string_view comment) const {
  const auto sign_one = [&](ByteView message, std::array<std::uint8_t, 64>& out) {
    const Context context(EVP_MD_CTX_new());
    auto length = out.size();
    if (!context ||
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) != 1 ||
        EVP_DigestSign(context.get(), out.data(), &length, message.data(), message.size()) != 1) {
      throw std::bad_alloc();  // the only way left with a good key
    }
  };
  Signature signature;
  signature.key_id = state_->public_key.id;
  signature.trusted_comment = comment;
  sign_one(blake(content), signature.octets);
  sign_one(comment_content(signature), signature.comment_octets);
  return signature;
}

Fallible<void> verify_signature(ByteView content, const Signature& signature,
                                const PublicKey& key) {
  if (!signature.prehashed) return verify_message(content, signature, key);
  return verify_message(blake(content), signature, key);
}

Fallible<Sha256> verify_file(const fs::path& file, const Signature& signature,
                             const std::vector<PublicKey>& keys) {
  const auto key = std::ranges::find(keys, signature.key_id, &PublicKey::id);
  if (key == keys.end()) return fail("it is signed by a key that is not among the given ones");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(file.string() + ": cannot be read");
  BlakeStream digest;
  Sha256Stream sha256;
  Bytes whole;  // of a signature of the octets themselves
  Bytes piece(kPieceOctets);
  while (stream) {
    stream.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
    const auto part = ByteView(piece).first(static_cast<std::size_t>(stream.gcount()));
    sha256.update(part);
    if (signature.prehashed) {
      digest.update(part);
      continue;
    }
    if (whole.size() + part.size() > kMaxLegacyOctets) {
      return fail(file.string() +
                  ": too large for a signature of the old kind; sign it with "
                  "`minisign -S -H`");
    }
    whole.insert(whole.end(), part.begin(), part.end());
  }
  if (stream.bad()) return fail(file.string() + ": reading it failed");
  const auto hashed = digest.finish();
  const auto good = verify_message(signature.prehashed ? ByteView(hashed) : whole, signature, *key);
  if (!good) return std::unexpected(good.error());
  return sha256.finish();
}

}  // namespace slipway::images
