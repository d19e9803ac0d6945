// images/backlog.hpp -- which pieces were written, and which of them a flush has followed.
//
// Only the latter may be read back: what is read before the flush may come from a cache and proves
// nothing. All operations may be called from several threads at once.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "images/pipeline.hpp"

namespace slipway::images {

class Backlog {
 public:
  // A piece whose write returned, and how much of it was written.
  void wrote(const Piece& piece, std::uint64_t octets = 0);

  // Call before a flush begins: gives what was written until now.
  [[nodiscard]] std::vector<Piece> begin_flush();
  // The same when a flush is due, else nothing: `most` octets were written since the last one
  // began, or `least` of them and nothing else is left to read back. Zeros of which nothing is
  // written do not count.
  [[nodiscard]] std::vector<Piece> begin_due_flush(std::uint64_t least, std::uint64_t most);
  // Call after that flush succeeded, with what begin_flush() gave.
  void flushed(const std::vector<Piece>& pieces);

  // The next piece that may be read back, of at most kMaxChunkOctets unless it is the seed; each
  // is given once.
  [[nodiscard]] std::optional<Piece> next();

  // From now on next() goes by offset, as a disk that rotates likes it.
  void sort();
  [[nodiscard]] std::uint64_t octets() const;  // that next() has yet to give

 private:
  mutable std::mutex mutex_;
  std::vector<Piece> written_;
  std::deque<Piece> flushed_;
  std::uint64_t unflushed_octets_ = 0;
};

}  // namespace slipway::images
