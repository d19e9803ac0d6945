// Disk images for the tests of this folder, made by hand and not by the code under test.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "images/chunks.hpp"
#include "images/manifest.hpp"
#include "images/writer.hpp"

namespace slipway::test {

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

struct ImageSpec {
  std::size_t octets = 6 * kMiB;
  std::uint32_t sector_octets = 512;
  std::uint32_t entry_count = 128;
  std::size_t used_until = 5 * kMiB;  // where the second partition ends
  std::uint64_t seed = 1;
};

// A GPT image: protective MBR with "boot code", partitions at 1..2 MiB and 2 MiB..used_until, the
// second one with a hole of zeros from 3 to 4 MiB, backup table at its end.
[[nodiscard]] Bytes make_gpt_image(const ImageSpec& spec = {});

// Random octets, no table.
[[nodiscard]] Bytes random_octets_of(std::size_t octets, std::uint64_t seed);

// Recomputes both CRCs of the primary header, after a test changed something.
void fix_gpt_crc(Bytes& image, std::uint32_t sector_octets = 512);

struct Packed {
  Bytes blob;
  images::Manifest manifest;
};

// The image as the store would have it, in frames of `frame_octets`.
[[nodiscard]] Packed pack(const Bytes& raw, std::size_t frame_octets = 256 * 1024,
                          std::uint32_t sector_octets = 512);

[[nodiscard]] images::VerifiedManifest verified(const images::Manifest& manifest);

// Serves a blob in pieces of random sizes; can break off.
class BlobFetcher final : public images::Fetcher {
 public:
  explicit BlobFetcher(const Bytes& blob) : blob_(blob) {}

  void fail_after(std::uint64_t octets) { fail_after_ = octets; }
  void cut_after(std::uint64_t octets) { cut_after_ = octets; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

  Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override;

 private:
  const Bytes& blob_;
  std::mt19937_64 random_{7};
  std::uint64_t requests_ = 0, served_ = 0;
  std::uint64_t fail_after_ = ~std::uint64_t{0}, cut_after_ = ~std::uint64_t{0};
};

// How much of the full figures to run: SLIPWAY_TEST_SCALE, default 0.1.
[[nodiscard]] double test_scale();

// Whether a tool is installed; runs a command and gives what it printed, with its exit code.
[[nodiscard]] bool has_tool(const std::string& name);
struct CommandResult {
  int exit_code = 0;
  std::string output;
};
[[nodiscard]] CommandResult run_command(const std::string& command);

void write_file(const std::string& path, ByteView octets);
[[nodiscard]] Bytes read_whole_file(const std::string& path);

// A folder that goes away with it.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace slipway::test
