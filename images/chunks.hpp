// images/chunks.hpp -- raw octets <-> chunks: zstd frames with a seek table, by libzstd.
//
// The data blob is a row of zstd frames (RFC 8878), one for each 4 MiB of raw image, then a
// skippable frame with the seek table of zstd's contributed "seekable format", version 0.1.0. So
// `zstd -dc` gives the raw image back, and any chunk can be fetched and unpacked alone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/manifest.hpp"

namespace slipway::images {

// What an interrupted run left of its data blob. A frame of it is used again when it unpacks to
// just the octets that stand at its place in the image, so nothing needs to be known of its maker.
struct MadeFrames {
  // The next whole frame as it is stored; empty: there are no more.
  std::function<Fallible<Bytes>()> next;
  // Only the first `octets` count; what is written from now on follows them.
  std::function<Fallible<void>(std::uint64_t octets)> cut;
};

struct ChunkOptions {
  std::size_t frame_octets = kMaxChunkOctets;  // raw, a multiple of 4096
  int level = 3;         // read by many hosts, but a depot waits for the import: zstd's default
  unsigned threads = 0;  // that compress; 0: one per CPU. Memory is about 16 MiB for each
  const MadeFrames* made = nullptr;
  bool digests_raw = true;  // false where the caller knows Chunked::raw_sha256, which stays zero
};

// Fills the span from its start; fewer octets than asked for mean the end.
using ReadRaw = std::function<Fallible<std::size_t>(std::span<std::uint8_t>)>;
using WriteStored = std::function<Fallible<void>(ByteView)>;

struct Chunked {
  std::vector<Chunk> chunks;
  std::vector<ZeroRange> zero;  // neighbours joined
  std::uint64_t raw_octets = 0;
  Sha256 raw_sha256;
  std::uint64_t stored_octets = 0;  // with the seek table
  Sha256 stored_sha256;             // the data blob's name
  std::uint64_t made_octets = 0;    // raw, of frames that were used again
};

// Reads to the end and writes the data blob in order. A frame of nothing but zeros becomes (part
// of) a zero range, and a tiny frame of the blob. The first error of `read` or `write` is returned.
[[nodiscard]] Fallible<Chunked> write_chunks(const ReadRaw& read, const WriteStored& write,
                                             const ChunkOptions& options);

// One frame with its content's size and check sum in it.
[[nodiscard]] Bytes compress_frame(ByteView raw, int level);

// Length of the zstd frame that `stored` begins with; 0 when it does not begin with a whole one.
[[nodiscard]] std::size_t frame_length(ByteView stored);

// Unpacks frames that hold nothing but zeros and counts the zeros. Fails for anything else.
[[nodiscard]] Fallible<std::uint64_t> count_zeros(const ReadRaw& read_stored);

// Unpacks exactly one frame into exactly `raw`; anything else is an error.
[[nodiscard]] Fallible<void> decompress_frame(ByteView stored, std::span<std::uint8_t> raw);

}  // namespace slipway::images
