#include "images/image_file.hpp"

#include <algorithm>

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_disk.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

// 20 MiB: chunks of 4 MiB with zeros between (12 to 16 MiB) and at the end.
Bytes make_raw() {
  auto raw = make_gpt_image({.octets = 20 * kMiB, .used_until = 18 * kMiB});
  std::fill(raw.begin() + 12 * kMiB, raw.begin() + 16 * kMiB, std::uint8_t{0});
  return raw;
}

std::string put_image(const ScratchFolder& scratch, const Bytes& raw, const std::string& packer) {
  write_file(scratch.path("image"), raw);
  if (packer.empty()) return scratch.path("image");
  REQUIRE(run_command(packer + " < " + scratch.path("image") + " > " + scratch.path("packed"))
              .exit_code == 0);
  return scratch.path("packed");
}

}  // namespace

TEST_CASE("a file's manifest tells its chunks, zeros and digests", "[images][image_file]") {
  const std::string packer = GENERATE("", "gzip -1", "xz -0", "zstd -q");
  const ScratchFolder scratch;
  const auto raw = make_raw();
  const auto path = put_image(scratch, raw, packer);
  const auto manifest = digest_image({.source = path});
  INFO((manifest ? "" : manifest.error().text()));
  REQUIRE(manifest);
  const auto& found = manifest->get();
  CHECK(found.raw_size == 20 * kMiB);
  CHECK(found.sector_size == 512);
  CHECK(found.raw_sha256 == Sha256::of(raw));
  CHECK(found.source.sha256 == Sha256::of(read_whole_file(path)));
  CHECK(found.zero == std::vector<ZeroRange>{{12 * kMiB, 4 * kMiB}});
  REQUIRE(found.chunks.size() == 4);
  CHECK(found.chunks[3].raw_offset == 16 * kMiB);
  CHECK(found.chunks[3].raw_sha256 == Sha256::of(ByteView(raw).subspan(16 * kMiB)));
  CHECK(found.chunks[3].is_plain());

  MemoryDisk disk(random_octets_of(24 * kMiB, 3));
  const auto fetcher = fetch_image(path);
  REQUIRE(fetcher);
  const auto report = write_image({.fetcher = **fetcher, .manifest = *manifest, .disk = disk});
  INFO((report ? "" : report.error().detail));
  REQUIRE(report);
  CHECK(std::ranges::equal(ByteView(disk.content()).subspan(kMiB, 18 * kMiB),
                           ByteView(raw).subspan(kMiB, 18 * kMiB)));
  CHECK(verify_image({.fetcher = **fetcher, .manifest = *manifest, .disk = disk}));
}

TEST_CASE("SG4: a file that changed after its manifest was made is caught before the write",
          "[images][image_file]") {
  const std::string packer = GENERATE("", "gzip -1");
  const ScratchFolder scratch;
  auto raw = make_raw();
  const auto manifest = digest_image({.source = put_image(scratch, raw, packer)});
  REQUIRE(manifest);
  raw[9 * kMiB] ^= 1;
  const auto fetcher = fetch_image(put_image(scratch, raw, packer));
  REQUIRE(fetcher);
  MemoryDisk disk(Bytes(24 * kMiB));
  const auto report = write_image({.fetcher = **fetcher, .manifest = *manifest, .disk = disk});
  REQUIRE_FALSE(report);
  CHECK(report.error().reason == "chunk-digest-mismatch");
  CHECK_THAT(report.error().detail, ContainsSubstring("chunk 2 (raw offset 8388608)"));
  CHECK(disk.content()[9 * kMiB] == 0);
  CHECK(disk.content()[510] == 0);
}

TEST_CASE("a file that is not what was meant has no manifest", "[images][image_file]") {
  const ScratchFolder scratch;
  auto raw = make_raw();
  SECTION("another digest") {
    const auto manifest = digest_image(
        {.source = put_image(scratch, raw, ""), .expected_sha256 = Sha256::of("else")});
    REQUIRE_FALSE(manifest);
    CHECK_THAT(manifest.error().text(), ContainsSubstring("SHA-256 is"));
  }
  SECTION("a damaged table") {
    raw[600] ^= 1;
    CHECK_FALSE(digest_image({.source = put_image(scratch, raw, "")}));
  }
  SECTION("half a sector too many") {
    raw.resize(raw.size() + 100);
    CHECK_FALSE(digest_image({.source = put_image(scratch, raw, "")}));
  }
  SECTION("stopped") {
    CHECK_FALSE(digest_image(
        {.source = put_image(scratch, raw, ""), .progress = [](auto, auto) { return false; }}));
  }
  SECTION("no file") { CHECK_FALSE(digest_image({.source = scratch.path("absent")})); }
}
