// images/peek.hpp -- octets of an image before it is written: which partitions it has, what is in
// them.
//
// Every octet comes from a chunk that matched the manifest's digests. Fetches whole chunks and
// keeps the last one, so reading on in order costs each chunk once. One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "images/digest.hpp"
#include "images/writer.hpp"

namespace slipway::images {

class Peek {
 public:
  // Both must outlive this.
  Peek(Fetcher& fetcher, const VerifiedManifest& manifest)
      : fetcher_(fetcher), manifest_(manifest.get()) {}

  // Octets [offset, offset + length) of the raw image, fewer where it ends; `length` is at most 64
  // MiB. Fails with network-error or chunk-digest-mismatch.
  [[nodiscard]] std::expected<Bytes, WriteError> read(std::uint64_t offset, std::uint64_t length);

  // What the image's own partition table lists; empty for an image without GPT. Fails besides with
  // bad-partition-table.
  [[nodiscard]] std::expected<std::vector<Partition>, WriteError> partitions();

 private:
  [[nodiscard]] Outcome load(std::size_t index);

  Fetcher& fetcher_;
  const Manifest& manifest_;
  std::optional<VerifiedChunk> chunk_;
  std::size_t loaded_ = 0;  // index of chunk_
};

}  // namespace slipway::images
