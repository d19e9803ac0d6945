// images/feed.hpp -- the data blob as a stream -> one job for each chunk.
#pragma once

#include <functional>
#include <span>

#include "images/manifest.hpp"
#include "images/pipeline.hpp"

namespace slipway::images {

// Fetches the stored octets of `chunks` (the first has number `first_index`) and pushes each chunk
// when it is whole. Chunks that lie close together in the blob are fetched in one go; what lies
// between them is dropped. Nothing is checked here but lengths. Returns early, without a failure,
// when `push` says false.
[[nodiscard]] Outcome feed_chunks(Fetcher& fetcher, std::span<const Chunk> chunks,
                                  std::size_t first_index, const std::function<bool(Job)>& push);

}  // namespace slipway::images
