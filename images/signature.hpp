// images/signature.hpp -- signatures in minisign's format: Ed25519 (RFC 8032), over the octets
// themselves ("Ed") or over their BLAKE2b-512 ("ED"), with a comment that is signed as well.
//
// So anybody can check with the stock tool what we sign, and we check what anybody signed with it.
// Keys and signatures are hostile input.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::images {

struct PublicKey {
  std::array<std::uint8_t, 8> id{};
  std::array<std::uint8_t, 32> point{};

  // The text of a minisign.pub, or only its second line.
  [[nodiscard]] static Fallible<PublicKey> parse(std::string_view text);
  [[nodiscard]] std::string text() const;     // of such a file
  [[nodiscard]] std::string id_text() const;  // 16 digits, as minisign prints it
  bool operator==(const PublicKey&) const = default;
};

struct Signature {
  bool prehashed = true;  // "ED"
  std::array<std::uint8_t, 8> key_id{};
  std::array<std::uint8_t, 64> octets{};
  std::string trusted_comment;                    // signed
  std::array<std::uint8_t, 64> comment_octets{};  // over `octets` and the comment

  // The text of a FILE.minisig, at most 8 KiB.
  [[nodiscard]] static Fallible<Signature> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
};

// A key that signs.
class SigningKey {
 public:
  [[nodiscard]] static SigningKey make();  // from random octets
  // What text() gave. The seed is not in any message.
  [[nodiscard]] static Fallible<SigningKey> parse(std::string_view text);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  [[nodiscard]] const PublicKey& public_key() const;
  // Secret: for a file of mode 0600.
  [[nodiscard]] std::string text() const;
  // `comment`: one line.
  [[nodiscard]] Signature sign(ByteView content, std::string_view comment) const;

 private:
  struct State;
  explicit SigningKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Fails unless `key` signed `content`, and the comment.
[[nodiscard]] Fallible<void> verify_signature(ByteView content, const Signature& signature,
                                              const PublicKey& key);

// The same for a file of any size, read once, by one of `keys`. Gives the SHA-256 of what was
// read: who goes on with the file holds it to that. A signature of the file itself ("Ed") wants the
// file in memory, hence at most 256 MiB.
[[nodiscard]] Fallible<Sha256> verify_file(const std::filesystem::path& file,
                                           const Signature& signature,
                                           const std::vector<PublicKey>& keys);

}  // namespace slipway::images
