#include "images/digest.hpp"

#include <algorithm>
#include <cstring>

#include "images/chunks.hpp"

namespace slipway::images {

std::string chunk_label(std::size_t index, const Chunk& chunk) {
  return "chunk " + std::to_string(index) + " (raw offset " + std::to_string(chunk.raw_offset) +
         ")";
}

Fallible<VerifiedChunk> VerifiedChunk::verify(std::size_t index, const Chunk& chunk,
                                              ByteView stored, AlignedBuffer buffer, Marks* marks) {
  // The mark is that of what the digest is about to see, not of a copy made after it.
  if (marks != nullptr && chunk.is_plain()) marks->note(index, stored);
  if (stored.size() != chunk.stored_length || Sha256::of(stored) != chunk.stored_sha256) {
    return fail(chunk_label(index, chunk) + ": stored digest does not match the manifest");
  }
  if (buffer.size() < chunk.raw_length) buffer = AlignedBuffer(kMaxChunkOctets);
  const auto raw = buffer.span().first(chunk.raw_length);
  if (chunk.is_plain()) {
    std::ranges::copy(stored, raw.begin());
    return VerifiedChunk(chunk, std::move(buffer));
  }
  const auto unpacked = decompress_frame(stored, raw);
  if (!unpacked) return fail(unpacked.error(), chunk_label(index, chunk));
  if (marks != nullptr) marks->note(index, raw);
  if (Sha256::of(raw) != chunk.raw_sha256) {
    return fail(chunk_label(index, chunk) + ": raw digest does not match the manifest");
  }
  return VerifiedChunk(chunk, std::move(buffer));
}

bool is_all_zero(ByteView octets) {
  if (octets.empty()) return true;
  return octets[0] == 0 && std::memcmp(octets.data(), octets.data() + 1, octets.size() - 1) == 0;
}

bool ReadBack::accept(ByteView found, const Sha256& digest) {
  const bool same = Sha256::of(found) == digest;
  if (same) good_ += found.size();
  return same;
}

bool ReadBack::accept(ByteView found, const Marks& marks, std::size_t index) {
  const bool same = marks.matches(index, found);
  if (same) good_ += found.size();
  return same;
}

bool ReadBack::accept_zero(ByteView found) {
  const bool zero = is_all_zero(found);
  if (zero) good_ += found.size();
  return zero;
}

Fallible<Verified> ReadBack::finish() && {
  if (good_ != expected_) {
    return fail("read back " + std::to_string(good_) + " good octets of " +
                std::to_string(expected_));
  }
  return Verified(good_);
}

}  // namespace slipway::images
