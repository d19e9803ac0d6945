// images/stage.hpp -- an image file as an operator has it -> a stream of raw octets, by libarchive.
//
// gzip, xz, zstd, bzip2, qcow2 or raw, told by the content and not by the name. Nothing of the
// input is trusted: size and ratio are bounded, the end of the stream must be the end of the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::images {

struct StageLimits {
  std::uint64_t max_raw_octets = 0;
  // Zeros pack at 1:30000 and image files have many, so the ratio only stops endless streams.
  std::uint64_t max_ratio = 100'000;
};

struct StagedSource {
  Sha256 sha256;             // of every octet of the file
  std::uint64_t octets = 0;  // of the file
};

class RawStream {
 public:
  // A regular file, or "-" for standard input, which cannot be qcow2.
  [[nodiscard]] static Fallible<RawStream> open(const std::filesystem::path& path,
                                                const StageLimits& limits);
  RawStream(RawStream&&) noexcept;
  RawStream& operator=(RawStream&&) noexcept;
  ~RawStream();

  // Fills `out`; fewer octets mean the end. Fails for damaged or cut input and beyond the limits.
  [[nodiscard]] Fallible<std::size_t> read(std::span<std::uint8_t> out);

  [[nodiscard]] bool is_packed() const;                    // not raw
  [[nodiscard]] std::uint64_t source_octets() const;       // of the file
  [[nodiscard]] std::uint64_t source_octets_read() const;  // so far, for a progress bar

  // After read() came to its end: fails when the file goes on behind the compressed stream.
  [[nodiscard]] Fallible<StagedSource> finish() &&;

 private:
  struct State;
  explicit RawStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::images
