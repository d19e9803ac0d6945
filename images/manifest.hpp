// images/manifest.hpp -- what a stored disk image consists of, and how each octet is checked.
//
// The manifest is a JSON artifact of its own. Its SHA-256 is what a plan names, so
// everything that reaches a disk hangs on that one digest: manifest -> chunk digests -> octets.
// Parsing takes hostile input: whatever parse_manifest() returns keeps every rule below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::images {

inline constexpr std::uint64_t kMaxChunkOctets = std::uint64_t{4} << 20;    // raw, of one chunk
inline constexpr std::uint64_t kMaxStoredOctets = kMaxChunkOctets + 65536;  // worst case of zstd
inline constexpr std::uint64_t kMaxRawOctets = std::uint64_t{64} << 40;     // of an image: 64 TiB
inline constexpr std::size_t kMaxManifestOctets = std::size_t{64} << 20;    // of the JSON text

// One zstd frame of the data blob and the part of the raw image that it holds.
struct Chunk {
  std::uint64_t raw_offset = 0;     // octets from the image's start, a multiple of 4096
  std::uint64_t raw_length = 0;     // 1..kMaxChunkOctets
  std::uint64_t stored_offset = 0;  // octets from the data blob's start
  std::uint64_t stored_length = 0;  // 1..kMaxStoredOctets
  Sha256 stored_sha256;             // of the frame as stored: checked before it is decompressed
  Sha256 raw_sha256;                // of what it decompresses to: checked before it is written
  // Stored as it is, not as a zstd frame: so says the digest, since both are of the same octets.
  [[nodiscard]] bool is_plain() const {
    return stored_length == raw_length && stored_sha256 == raw_sha256;
  }
  bool operator==(const Chunk&) const = default;
};

// A part of the image that is nothing but zeros. The blob holds frames for it too, so that any
// zstd tool can unpack the blob, but no host fetches them.
struct ZeroRange {
  std::uint64_t offset = 0;  // octets, a multiple of 4096
  std::uint64_t length = 0;  // octets, > 0
  bool operator==(const ZeroRange&) const = default;
};

struct SourceFile {
  std::string name;  // file name without folder
  Sha256 sha256;     // of the file as imported, compressed or not
  bool operator==(const SourceFile&) const = default;
};

// Chunks and zero ranges are ordered, do not overlap, and together cover 0..raw_size exactly;
// stored extents are ordered and do not overlap.
struct Manifest {
  std::string name;               // see is_image_name()
  std::string version;            // the same alphabet
  std::uint64_t raw_size = 0;     // octets, 1..kMaxRawOctets, a multiple of sector_size
  std::uint32_t sector_size = 0;  // 512 or 4096: the LBA size that the image's GPT counts in
  Sha256 raw_sha256;              // of the whole raw image
  SourceFile source;
  std::vector<Chunk> chunks;
  std::vector<ZeroRange> zero;
  bool operator==(const Manifest&) const = default;
};

// Names and versions are file names of the store and parts of URLs: [a-z0-9][a-z0-9._-]*, at most
// 64 characters, without "..". Upper case is refused because some media fold it.
[[nodiscard]] bool is_image_name(std::string_view text);

// Keeps every rule above, or says which one is broken and where ("chunks[17]: ...").
[[nodiscard]] Fallible<void> check_manifest(const Manifest& manifest);

// The JSON text: one line, members in the order of the struct, no white space, a final newline.
// Equal manifests give equal octets.
[[nodiscard]] std::string to_json(const Manifest& manifest);

// Reads and checks. Unknown members are ignored, `format` other than 1 is an error.
[[nodiscard]] Fallible<Manifest> parse_manifest(std::string_view json);

// A manifest whose octets matched the digest that a trusted plan named. The writer takes no other.
class VerifiedManifest {
 public:
  // Fails when `json` does not hash to `expected` or is not a valid manifest.
  [[nodiscard]] static Fallible<VerifiedManifest> verify(std::string_view json,
                                                         const Sha256& expected);

  [[nodiscard]] const Manifest& get() const { return manifest_; }
  const Manifest* operator->() const { return &manifest_; }

 private:
  explicit VerifiedManifest(Manifest manifest) : manifest_(std::move(manifest)) {}
  Manifest manifest_;
};

}  // namespace slipway::images
