#include "images/peek.hpp"

#include <algorithm>

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

// The image of disk_image.hpp: 6 MiB in chunks of 256 KiB; zeros between the table and 1 MiB, and
// from 3 to 4 MiB.
struct Setup {
  Bytes raw = make_gpt_image();
  Packed packed = pack(raw);
  VerifiedManifest manifest = verified(packed.manifest);
};

}  // namespace

TEST_CASE("a peek gives the image's octets wherever it looks", "[images][peek]") {
  struct Row {
    const char* where;
    std::uint64_t offset, length, gives;
  };
  const auto row =
      GENERATE(values<Row>({{"within a chunk", 1000, 24, 24},
                            {"across two", 256 * 1024 - 3, 10, 10},
                            {"across many", kMiB - 1, 2 * kMiB, 2 * kMiB},
                            {"zeros that no chunk holds", 3 * kMiB, kMiB, kMiB},
                            {"into and out of zeros", 3 * kMiB - 1, kMiB + 2, kMiB + 2},
                            {"up to the end", 6 * kMiB - 5, 100, 5},
                            {"behind the end", 7 * kMiB, 100, 0},
                            {"far behind", ~std::uint64_t{0}, ~std::uint64_t{0}, 0},
                            {"nothing", 5, 0, 0}}));
  INFO(row.where);
  const Setup setup;
  BlobFetcher fetcher(setup.packed.blob);
  const auto octets = Peek(fetcher, setup.manifest).read(row.offset, row.length);
  REQUIRE(octets);
  REQUIRE(octets->size() == row.gives);
  if (row.gives > 0) {
    CHECK(std::ranges::equal(*octets, ByteView(setup.raw).subspan(row.offset, row.gives)));
  }
}

TEST_CASE("a chunk that was just looked into is not fetched again", "[images][peek]") {
  const Setup setup;
  BlobFetcher fetcher(setup.packed.blob);
  Peek peek(fetcher, setup.manifest);
  REQUIRE(peek.read(0, 512));
  REQUIRE(peek.read(512, 512));
  CHECK(fetcher.requests() == 1);
  REQUIRE(peek.read(kMiB, 512));
  CHECK(fetcher.requests() == 2);
}

TEST_CASE("a peek into a chunk that was changed gives nothing", "[images][peek]") {
  Setup setup;
  setup.packed.blob[setup.packed.manifest.chunks[2].stored_offset + 20] ^= 1;
  BlobFetcher fetcher(setup.packed.blob);
  Peek peek(fetcher, setup.manifest);
  const auto octets = peek.read(kMiB, kMiB);
  REQUIRE_FALSE(octets);
  CHECK(octets.error().reason == "chunk-digest-mismatch");
  CHECK_THAT(octets.error().detail, ContainsSubstring("chunk 2"));
  CHECK(peek.read(0, 512));  // the others are still good
}

TEST_CASE("a peek says that the network failed", "[images][peek]") {
  const Setup setup;
  BlobFetcher fetcher(setup.packed.blob);
  fetcher.fail_after(100);
  const auto octets = Peek(fetcher, setup.manifest).read(kMiB, kMiB);
  REQUIRE_FALSE(octets);
  CHECK(octets.error().reason == "network-error");
}

TEST_CASE("a chunk that came short is no chunk", "[images][peek]") {
  const Setup setup;
  BlobFetcher fetcher(setup.packed.blob);
  fetcher.cut_after(100);
  const auto octets = Peek(fetcher, setup.manifest).read(kMiB, kMiB);
  REQUIRE_FALSE(octets);
  CHECK(octets.error().reason == "chunk-digest-mismatch");
}

TEST_CASE("a peek lists the partitions of an image", "[images][peek]") {
  Setup setup;
  BlobFetcher fetcher(setup.packed.blob);
  const auto found = Peek(fetcher, setup.manifest).partitions();
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK((*found)[0].offset == kMiB);
  CHECK((*found)[1].offset == 2 * kMiB);
  CHECK((*found)[1].offset + (*found)[1].length == 5 * kMiB);

  const auto plain = pack(random_octets_of(2 * kMiB, 1));
  const auto manifest = verified(plain.manifest);
  BlobFetcher other(plain.blob);
  const auto none = Peek(other, manifest).partitions();
  REQUIRE(none);
  CHECK(none->empty());

  setup.raw[512 + 56] ^= 1;  // a field of the header, against its CRC
  const auto broken = pack(setup.raw);
  const auto broken_manifest = verified(broken.manifest);
  BlobFetcher third(broken.blob);
  const auto refused = Peek(third, broken_manifest).partitions();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == "bad-partition-table");
}
