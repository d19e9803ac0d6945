#include "images/chunks.hpp"

#include <algorithm>

#include "images/digest.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

// Random octets with frames of zeros at 1, 2 and 4 (of 64 KiB).
Bytes holey(std::size_t octets) {
  auto raw = random_octets_of(octets, 3);
  for (const std::size_t frame : {1U, 2U, 4U}) {
    const auto from = std::min(octets, frame * 65536);
    const auto to = std::min(octets, (frame + 1) * 65536);
    std::fill(raw.begin() + static_cast<std::ptrdiff_t>(from),
              raw.begin() + static_cast<std::ptrdiff_t>(to), std::uint8_t{0});
  }
  return raw;
}

}  // namespace

TEST_CASE("chunks and zero ranges cover an image of any size", "[images][chunks]") {
  const auto octets =
      GENERATE(std::size_t{512}, std::size_t{65536 - 512}, std::size_t{65536},
               std::size_t{65536 + 512}, std::size_t{5 * 65536}, std::size_t{7 * 65536 + 1024});
  CAPTURE(octets);
  const auto raw = holey(octets);
  const auto packed = pack(raw, 65536);
  const auto good = check_manifest(packed.manifest);
  INFO((good ? "" : good.error().text()));
  REQUIRE(good);
  CHECK(packed.manifest.raw_sha256 == Sha256::of(raw));
  for (std::size_t i = 0; i < packed.manifest.chunks.size(); ++i) {
    const auto& chunk = packed.manifest.chunks[i];
    const auto stored = ByteView(packed.blob).subspan(chunk.stored_offset, chunk.stored_length);
    const auto got = VerifiedChunk::verify(i, chunk, stored, {});
    REQUIRE(got);
    CHECK(
        std::ranges::equal(got->raw(), ByteView(raw).subspan(chunk.raw_offset, chunk.raw_length)));
  }
}

TEST_CASE("neighbouring frames of zeros are one zero range", "[images][chunks]") {
  const auto packed = pack(holey(8 * 65536), 65536);
  CHECK(packed.manifest.zero == std::vector<ZeroRange>{{65536, 131072}, {262144, 65536}});
  CHECK(packed.manifest.chunks.size() == 5);
}

TEST_CASE("the blob is the same whatever the number of threads", "[images][chunks]") {
  const auto raw = holey(20 * 65536);
  const auto read_from = [&](std::size_t& at) {
    return [&](std::span<std::uint8_t> out) -> Fallible<std::size_t> {
      const auto part = ByteView(raw).subspan(at, std::min(out.size(), raw.size() - at));
      std::ranges::copy(part, out.begin());
      at += part.size();
      return part.size();
    };
  };
  std::vector<Sha256> names;
  for (const unsigned threads : {1U, 2U, 7U}) {
    std::size_t at = 0;
    const auto made = write_chunks(read_from(at), [](ByteView) { return Fallible<void>(); },
                                   {.frame_octets = 65536, .threads = threads});
    REQUIRE(made);
    names.push_back(made->stored_sha256);
  }
  CHECK(names[0] == names[1]);
  CHECK(names[0] == names[2]);
}

TEST_CASE("errors of both ends come out of chunking", "[images][chunks]") {
  const auto zeros = [](std::span<std::uint8_t> out) { return Fallible<std::size_t>(out.size()); };
  const auto broken = [](std::span<std::uint8_t>) -> Fallible<std::size_t> { return fail("read"); };
  const auto full = [](ByteView) -> Fallible<void> { return fail("disk full"); };
  const auto fine = [](ByteView) { return Fallible<void>(); };
  CHECK(write_chunks(broken, fine, {}).error().text() == "read");
  CHECK(write_chunks(zeros, full, {}).error().text() == "disk full");
}

TEST_CASE("the blob ends with zstd's seek table", "[images][chunks]") {
  const auto packed = pack(holey(3 * 65536), 65536);
  const auto tail = ByteView(packed.blob).last(8 + 3 * 8 + 9);
  Reader reader(tail);
  CHECK(reader.le32() == 0x184D2A5E);
  CHECK(reader.le32() == 3 * 8 + 9);
  CHECK(reader.le32() == packed.manifest.chunks[0].stored_length);
  CHECK(reader.le32() == 65536);
  reader.skip(16);
  CHECK(reader.le32() == 3);
  CHECK(reader.u8() == 0);
  CHECK(reader.le32() == 0x8F92EAB1);
}

TEST_CASE("only exactly one frame of exactly the right size unpacks", "[images][chunks]") {
  const Bytes raw(5000, 7);
  const auto frame = compress_frame(raw, 3);
  Bytes out(5000);
  CHECK(decompress_frame(frame, out));
  CHECK(out == raw);

  auto twice = frame;
  twice.insert(twice.end(), frame.begin(), frame.end());
  auto trailing = frame;
  trailing.push_back(0);
  auto flipped = frame;
  flipped[frame.size() - 1] ^= 1;
  Bytes larger(5001), smaller(4999);
  CHECK_FALSE(decompress_frame(twice, larger));
  CHECK_FALSE(decompress_frame(trailing, out));
  CHECK_FALSE(decompress_frame(flipped, out));
  CHECK_FALSE(decompress_frame(ByteView(frame).first(frame.size() - 1), out));
  CHECK_FALSE(decompress_frame({}, out));
  CHECK_FALSE(decompress_frame(frame, larger));
  CHECK_FALSE(decompress_frame(frame, smaller));
}

TEST_CASE("SG4: a chunk with one flipped bit is refused by its name", "[images][digest]") {
  const auto packed = pack(random_octets_of(3 * 65536, 9), 65536);
  const auto& chunk = packed.manifest.chunks[2];
  auto stored = packed.blob;
  const auto view = [&] {
    return ByteView(stored).subspan(chunk.stored_offset, chunk.stored_length);
  };
  REQUIRE(VerifiedChunk::verify(2, chunk, view(), {}));
  stored[chunk.stored_offset + 100] ^= 4;
  const auto refused = VerifiedChunk::verify(2, chunk, view(), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() ==
        "chunk 2 (raw offset 131072): stored digest does not match the manifest");

  auto wrong_raw = packed.manifest.chunks[2];
  wrong_raw.raw_sha256.octets[0] ^= 1;
  stored = packed.blob;
  const auto other = VerifiedChunk::verify(2, wrong_raw, view(), {});
  REQUIRE_FALSE(other);
  CHECK(other.error().text() ==
        "chunk 2 (raw offset 131072): raw digest does not match the manifest");
}

TEST_CASE("SG5: what is read back is held against the mark of its own chunk", "[images][digest]") {
  auto packed = pack(random_octets_of(3 * 65536, 9), 65536);
  auto& chunk = packed.manifest.chunks[1];
  const bool plain = GENERATE(false, true);
  const auto view = ByteView(packed.blob).subspan(chunk.stored_offset, chunk.stored_length);
  Bytes raw(chunk.raw_length);
  REQUIRE(decompress_frame(view, raw));
  if (plain) {
    chunk.stored_length = chunk.raw_length;
    chunk.stored_sha256 = chunk.raw_sha256;
  }
  Marks marks(packed.manifest.chunks.size());
  REQUIRE(VerifiedChunk::verify(1, chunk, plain ? ByteView(raw) : view, {}, &marks));
  ReadBack proof(raw.size());
  CHECK_FALSE(proof.accept(raw, marks, 0));
  raw[65535] ^= 0x80;
  CHECK_FALSE(proof.accept(raw, marks, 1));
  raw[65535] ^= 0x80;
  CHECK(proof.accept(raw, marks, 1));
  CHECK(std::move(proof).finish());
}

TEST_CASE("SG5: a read-back that missed an octet proves nothing", "[images][digest]") {
  const Bytes octets(1000, 5);
  const auto digest = Sha256::of(octets);
  ReadBack complete(1010);
  CHECK(complete.accept(octets, digest));
  CHECK(complete.accept_zero(Bytes(10)));
  CHECK(std::move(complete).finish());

  ReadBack missing(1010);
  CHECK(missing.accept(octets, digest));
  CHECK_FALSE(std::move(missing).finish());

  ReadBack wrong(1010);
  CHECK_FALSE(wrong.accept_zero(octets));
  CHECK_FALSE(wrong.accept(Bytes(1000, 6), digest));
  CHECK(wrong.accept_zero(Bytes(10)));
  CHECK_FALSE(std::move(wrong).finish());
}
