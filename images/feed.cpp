#include "images/feed.hpp"

#include <algorithm>
#include <utility>

namespace slipway::images {
namespace {

// Frames of zeros between two chunks are about 150 octets for each 4 MiB; reading over a few
// hundred of them is cheaper than a further request.
constexpr std::uint64_t kMaxGapOctets = 65536;

std::uint64_t stored_end(const Chunk& chunk) { return chunk.stored_offset + chunk.stored_length; }

// How many chunks from the first on are one request.
std::size_t group_size(std::span<const Chunk> chunks) {
  std::size_t n = 1;
  while (n < chunks.size() &&
         chunks[n].stored_offset - stored_end(chunks[n - 1]) <= kMaxGapOctets) {
    ++n;
  }
  return n;
}

// Cuts one stretch of the blob into its chunks.
class Cutter {
 public:
  Cutter(std::span<const Chunk> chunks, std::size_t first_index,
         const std::function<bool(Job)>& push)
      : chunks_(chunks), index_(first_index), push_(push), at_(chunks.front().stored_offset) {
    stored_.reserve(chunks.front().stored_length);
  }

  // False when the pushing stopped or more came than was asked for.
  bool take(ByteView octets) {
    while (!octets.empty()) {
      if (done_ == chunks_.size()) return false;
      const auto& chunk = chunks_[done_];
      const auto gap = chunk.stored_offset > at_ ? chunk.stored_offset - at_ : 0;
      const auto wanted = gap > 0 ? gap : chunk.stored_length - stored_.size();
      const auto part = octets.first(std::min<std::uint64_t>(wanted, octets.size()));
      if (gap == 0) stored_.insert(stored_.end(), part.begin(), part.end());
      at_ += part.size();
      octets = octets.subspan(part.size());
      if (stored_.size() == chunk.stored_length && !finish_chunk()) return false;
    }
    return true;
  }

  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] bool complete() const { return done_ == chunks_.size(); }

 private:
  bool finish_chunk() {
    const auto& chunk = chunks_[done_];
    stopped_ = !push_({.piece = {.kind = Piece::Kind::chunk,
                                 .index = index_ + done_,
                                 .offset = chunk.raw_offset,
                                 .length = chunk.raw_length},
                       .stored = std::exchange(stored_, {})});
    ++done_;
    if (done_ < chunks_.size()) stored_.reserve(chunks_[done_].stored_length);
    return !stopped_;
  }

  std::span<const Chunk> chunks_;
  std::size_t index_;
  const std::function<bool(Job)>& push_;
  std::uint64_t at_;  // in the blob
  std::size_t done_ = 0;
  Bytes stored_;
  bool stopped_ = false;
};

}  // namespace

Outcome feed_chunks(Fetcher& fetcher, std::span<const Chunk> chunks, std::size_t first_index,
                    const std::function<bool(Job)>& push) {
  while (!chunks.empty()) {
    const auto group = chunks.first(group_size(chunks));
    const auto start = group.front().stored_offset;
    Cutter cutter(group, first_index, push);
    const auto fetched = fetcher.fetch(start, stored_end(group.back()) - start,
                                       [&](ByteView octets) { return cutter.take(octets); });
    if (cutter.stopped()) return {};
    if (!fetched) return std::unexpected(WriteError{"network-error", fetched.error().text()});
    if (!cutter.complete()) {
      return std::unexpected(WriteError{
          "network-error", "the server sent fewer octets of the image than were asked for"});
    }
    chunks = chunks.subspan(group.size());
    first_index += group.size();
  }
  return {};
}

}  // namespace slipway::images
