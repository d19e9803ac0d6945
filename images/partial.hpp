// images/partial.hpp -- the data blob of an import on its way, which outlives its process.
//
// It lies in the store's tmp/ under the name of the image, so that the next import of that name
// finds what an interrupted one left. Its owner holds it locked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/result.hpp"

namespace slipway::images {

inline constexpr std::string_view kPartialPrefix = "import-";

// Removed again when it goes away unpublished: only a process that was ended leaves one.
class Partial {
 public:
  // Opens or makes the file for `name` in `folder`. Fails when another process has it.
  [[nodiscard]] static Fallible<Partial> open(const std::filesystem::path& folder,
                                              const std::string& name);
  Partial(Partial&& other) noexcept;
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;
  Partial& operator=(Partial&&) = delete;
  ~Partial();

  // The next whole zstd frame from the start on; empty: what follows is none.
  [[nodiscard]] Fallible<Bytes> next_frame();
  // Keeps the first `octets`; write() goes on behind them.
  [[nodiscard]] Fallible<void> cut(std::uint64_t octets);
  [[nodiscard]] Fallible<void> write(ByteView octets);
  // As NewFile::publish().
  [[nodiscard]] Fallible<void> publish(const std::filesystem::path& target,
                                       const std::filesystem::path& root) &&;

 private:
  Partial(Descriptor file, std::filesystem::path path)
      : file_(std::move(file)), path_(std::move(path)) {}
  [[nodiscard]] Fallible<void> fill();

  Descriptor file_;
  std::filesystem::path path_;
  Bytes ahead_;                // read and not yet given by next_frame()
  std::uint64_t read_at_ = 0;  // where reading goes on
};

}  // namespace slipway::images
