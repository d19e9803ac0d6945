// images/digest.hpp -- proofs: types that exist only when octets matched their digests.
//
// The disk writer takes raw octets from a VerifiedChunk only, and writes LBA 1 and 0 only against a
// Verified. So neither check can be left out on some path (docs/security.md, SG4 and SG5).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/block_device.hpp"
#include "images/manifest.hpp"

namespace slipway::images {

// "chunk 17 (raw offset 71303168)": how messages name a chunk.
[[nodiscard]] std::string chunk_label(std::size_t index, const Chunk& chunk);

// What each chunk was, octet for octet, when it was found good: to compare what is read back
// with. A tag of GMAC stands for the chunk, taken before its SHA-256 is: so whatever changes in
// memory or on the disk from then on shows, and no disk can forge it, which does not know the key.
// Different chunks may be noted and compared by several threads at once.
class Marks {
 public:
  explicit Marks(std::size_t chunks) : tags_(chunks) {}

  void note(std::size_t index, ByteView raw) { tags_[index] = mac_.of(index, raw); }
  [[nodiscard]] bool matches(std::size_t index, ByteView found) const {
    return mac_.of(index, found) == tags_[index];
  }

 private:
  Gmac mac_;
  std::vector<Gmac::Tag> tags_;
};

// The raw octets of one chunk, good to be written.
class VerifiedChunk {
 public:
  // Checks the stored octets, unpacks them, checks the raw ones. `index` is for messages and for
  // `marks`, which notes the chunk, if given; `buffer` is reused memory of any size. Fails with
  // "chunk 17 (raw offset 71303168): stored digest does not match the manifest" and the like.
  [[nodiscard]] static Fallible<VerifiedChunk> verify(std::size_t index, const Chunk& chunk,
                                                      ByteView stored, AlignedBuffer buffer,
                                                      Marks* marks = nullptr);

  [[nodiscard]] std::uint64_t raw_offset() const { return raw_offset_; }
  [[nodiscard]] ByteView raw() const { return buffer_.view().first(raw_length_); }
  // Gives the memory back for the next chunk.
  [[nodiscard]] AlignedBuffer release() && { return std::move(buffer_); }

 private:
  VerifiedChunk(const Chunk& chunk, AlignedBuffer buffer)
      : raw_offset_(chunk.raw_offset), raw_length_(chunk.raw_length), buffer_(std::move(buffer)) {}

  std::uint64_t raw_offset_;
  std::size_t raw_length_;
  AlignedBuffer buffer_;
};

// Proof that all of an image was read back from the disk and matched; only ReadBack makes one.
class Verified {
 public:
  [[nodiscard]] std::uint64_t octets() const { return octets_; }

 private:
  friend class ReadBack;
  explicit Verified(std::uint64_t octets) : octets_(octets) {}
  std::uint64_t octets_;
};

// Whether there is nothing but zeros; true for no octets.
[[nodiscard]] bool is_all_zero(ByteView octets);

// Counts what was read back and found good; several threads may call accept() at once. The caller
// sees to it that each octet is accepted once.
class ReadBack {
 public:
  explicit ReadBack(std::uint64_t expected_octets) : expected_(expected_octets) {}

  // `found` must be what `digest` names, or what `marks` noted of chunk `index`, respectively
  // nothing but zeros; false otherwise.
  [[nodiscard]] bool accept(ByteView found, const Sha256& digest);
  [[nodiscard]] bool accept(ByteView found, const Marks& marks, std::size_t index);
  [[nodiscard]] bool accept_zero(ByteView found);

  // Fails unless exactly the expected number of octets was found good.
  [[nodiscard]] Fallible<Verified> finish() &&;

 private:
  std::uint64_t expected_;
  std::atomic<std::uint64_t> good_ = 0;
};

}  // namespace slipway::images
