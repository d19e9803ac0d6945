// images/pipeline.hpp -- one producer, a bounded queue, several workers, and a caller who watches.
//
// The writer's threads live here and nowhere else. The first failure, from whichever side, stops
// all; run_pipeline() returns when every thread is joined.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>

#include "base/bytes.hpp"
#include "images/writer.hpp"

namespace slipway::images {

// A part of what is put on the disk: a chunk, a part of a zero range, or the whole seed.
struct Piece {
  enum class Kind : std::uint8_t { chunk, zero, seed };
  Kind kind = Kind::chunk;
  std::size_t index = 0;     // of the chunk
  std::uint64_t offset = 0;  // octets on the disk
  std::uint64_t length = 0;  // octets
};

// A piece to be written, or to be read back.
struct Job {
  Piece piece;
  Bytes stored = {};  // of a chunk on its way to the disk
  bool is_read_back = false;
};

struct Pipeline {
  unsigned workers = 1;
  std::size_t queue = 1;  // jobs that wait; the producer blocks beyond it
  // Runs on a thread of its own; gives jobs to `push` until that says false (stopped).
  std::function<Outcome(const std::function<bool(Job)>& push)> produce;
  // Runs on several threads.
  std::function<Outcome(Job& job)> work;
  // Runs on the caller's thread at least 4 times a second; a failure stops everything.
  std::function<Outcome()> watch = {};
  // Runs once, on any thread, when something failed: lets a blocked producer return.
  std::function<void()> interrupt = {};
  // Work for when no job waits, and for every second turn of a worker otherwise; must not block,
  // and need not be done when the last job is. May be empty.
  std::function<std::optional<Job>()> spare = {};
};

[[nodiscard]] Outcome run_pipeline(const Pipeline& pipeline);

}  // namespace slipway::images
