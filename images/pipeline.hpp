// images/pipeline.hpp -- one producer, a bounded queue, several workers, and a caller who watches.
//
// The writer's threads live here and nowhere else. The first failure, from whichever side, stops
// all; run_pipeline() returns when every thread is joined.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>

#include "base/bytes.hpp"
#include "images/writer.hpp"

namespace slipway::images {

// A piece of the raw image to be worked on.
struct Job {
  enum class Kind : std::uint8_t { chunk, zero, seed };
  Kind kind = Kind::chunk;
  std::size_t index = 0;     // of the chunk
  std::uint64_t offset = 0;  // octets on the disk
  std::uint64_t length = 0;  // octets
  Bytes stored = {};         // of a chunk on its way to the disk
};

struct Pipeline {
  unsigned workers = 1;
  std::size_t queue = 1;  // jobs that wait; the producer blocks beyond it
  // Runs on a thread of its own; gives jobs to `push` until that says false (stopped).
  std::function<Outcome(const std::function<bool(Job)>& push)> produce;
  // Runs on several threads.
  std::function<Outcome(Job& job)> work;
  // Runs on the caller's thread at least 4 times a second; a failure stops everything.
  std::function<Outcome()> watch;
  // Runs once, on any thread, when something failed: lets a blocked producer return.
  std::function<void()> interrupt;
};

[[nodiscard]] Outcome run_pipeline(const Pipeline& pipeline);

}  // namespace slipway::images
