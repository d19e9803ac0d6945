#include "images/backlog.hpp"

#include <algorithm>
#include <utility>

namespace slipway::images {

// Zeros that adjoin become one piece: a range of many TiB must not become a long list.
void Backlog::wrote(const Piece& piece, std::uint64_t octets) {
  const std::scoped_lock lock(mutex_);
  unflushed_octets_ += octets;
  if (piece.kind == Piece::Kind::zero && !written_.empty()) {
    auto& last = written_.back();
    if (last.kind == Piece::Kind::zero && last.offset + last.length == piece.offset) {
      last.length += piece.length;
      return;
    }
  }
  written_.push_back(piece);
}

std::vector<Piece> Backlog::begin_flush() { return begin_due_flush(0, 0); }

std::vector<Piece> Backlog::begin_due_flush(std::uint64_t least, std::uint64_t most) {
  const std::scoped_lock lock(mutex_);
  if (unflushed_octets_ < (flushed_.empty() ? least : most)) return {};
  unflushed_octets_ = 0;
  return std::exchange(written_, {});
}

void Backlog::flushed(const std::vector<Piece>& pieces) {
  const std::scoped_lock lock(mutex_);
  flushed_.insert(flushed_.end(), pieces.begin(), pieces.end());
}

std::optional<Piece> Backlog::next() {
  const std::scoped_lock lock(mutex_);
  if (flushed_.empty()) return std::nullopt;
  auto& first = flushed_.front();
  if (first.kind != Piece::Kind::zero || first.length <= kMaxChunkOctets) {
    const auto piece = first;
    flushed_.pop_front();
    return piece;
  }
  auto piece = first;
  piece.length = kMaxChunkOctets;
  first.offset += piece.length;
  first.length -= piece.length;
  return piece;
}

void Backlog::sort() {
  const std::scoped_lock lock(mutex_);
  std::ranges::sort(flushed_, {}, &Piece::offset);
}

std::uint64_t Backlog::octets() const {
  const std::scoped_lock lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& piece : flushed_) sum += piece.length;
  return sum;
}

}  // namespace slipway::images
