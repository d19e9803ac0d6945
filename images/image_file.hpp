// images/image_file.hpp -- an image file that no store has: its manifest, and its octets.
//
// Such a file has no manifest. A first pass over it makes one and keeps nothing else; a second pass
// hands its octets to the writer, which holds each chunk against the manifest before it is written.
// So a file that changes in between, or a medium that reads badly, is found.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "images/manifest.hpp"
#include "images/writer.hpp"

namespace slipway::images {

struct DigestRequest {
  std::filesystem::path source;  // raw, gzip, xz or zstd, told by content; a regular file
  std::optional<Sha256> expected_sha256 = {};  // of the file
  // Octets of the file read so far, of the whole; called often. False stops.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress =
      [](std::uint64_t, std::uint64_t) { return true; };
};

// The manifest of the image in the file; its chunks are plain and lie in the blob where they lie in
// the image, so that fetch_image() serves them. About 12 MiB of memory, whatever the image's size,
// and 100 octets for each of its chunks.
[[nodiscard]] Fallible<VerifiedManifest> digest_image(const DigestRequest& request);

// Octets of the raw image in the file, which may be packed: then only going forward is cheap.
[[nodiscard]] Fallible<std::unique_ptr<Fetcher>> fetch_image(const std::filesystem::path& source);

// Octets of the file as they are: a data blob.
[[nodiscard]] Fallible<std::unique_ptr<Fetcher>> fetch_blob(const std::filesystem::path& blob);

}  // namespace slipway::images
