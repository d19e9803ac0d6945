#include "images/peek.hpp"

#include <algorithm>

#include "images/gpt.hpp"

namespace slipway::images {
namespace {

constexpr std::uint64_t kMostOctets = std::uint64_t{64} << 20;

std::unexpected<WriteError> refuse(std::string reason, std::string detail) {
  return std::unexpected(WriteError{std::move(reason), std::move(detail)});
}

}  // namespace

Outcome Peek::load(std::size_t index) {
  if (chunk_ && loaded_ == index) return {};
  const auto& chunk = manifest_.chunks[index];
  Bytes stored;
  stored.reserve(chunk.stored_length);
  const auto fetched =
      fetcher_.fetch(chunk.stored_offset, chunk.stored_length, [&](ByteView octets) {
        if (octets.size() > chunk.stored_length - stored.size()) return false;
        stored.insert(stored.end(), octets.begin(), octets.end());
        return true;
      });
  if (!fetched) return refuse("network-error", fetched.error().text());
  auto buffer = chunk_ ? std::move(*chunk_).release() : AlignedBuffer(kMaxChunkOctets);
  chunk_.reset();
  auto verified = VerifiedChunk::verify(index, chunk, stored, std::move(buffer));
  if (!verified) {
    return refuse("chunk-digest-mismatch",
                  verified.error().text() + "; import the image again on the server");
  }
  chunk_.emplace(std::move(*verified));
  loaded_ = index;
  return {};
}

std::expected<Bytes, WriteError> Peek::read(std::uint64_t offset, std::uint64_t length) {
  offset = std::min(offset, manifest_.raw_size);
  const auto end = offset + std::min({length, kMostOctets, manifest_.raw_size - offset});
  Bytes octets(end - offset);  // what no chunk holds is zeros
  const auto& chunks = manifest_.chunks;
  auto next = std::ranges::find_if(
      chunks, [&](const Chunk& chunk) { return chunk.raw_offset + chunk.raw_length > offset; });
  for (; next != chunks.end() && next->raw_offset < end; ++next) {
    auto outcome = load(static_cast<std::size_t>(next - chunks.begin()));
    if (!outcome) return std::unexpected(outcome.error());
    const auto from = std::max(next->raw_offset, offset);
    const auto to = std::min(next->raw_offset + next->raw_length, end);
    const auto part = chunk_->raw().subspan(from - next->raw_offset, to - from);
    std::ranges::copy(part, std::span(octets).subspan(from - offset).begin());
  }
  return octets;
}

std::expected<std::vector<Partition>, WriteError> Peek::partitions() {
  const auto head = read(0, kHeadOctets);
  if (!head) return std::unexpected(head.error());
  if (!detect_gpt(*head)) return std::vector<Partition>{};
  const auto table = parse_gpt(*head, manifest_.sector_size, manifest_.raw_size);
  if (!table) {
    return refuse("bad-partition-table", table.error().text() + "; import the image again");
  }
  return table->partitions();
}

}  // namespace slipway::images
