#include "images/stage.hpp"

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

constexpr StageLimits kLimits{.max_raw_octets = 64 * kMiB};

struct Read {
  Bytes raw;
  StagedSource source;
};

Fallible<Read> read_all(const std::string& path, const StageLimits& limits = kLimits) {
  auto stream = RawStream::open(path, limits);
  if (!stream) return std::unexpected(stream.error());
  Read out;
  Bytes part(100'000);
  for (bool more = true; more;) {
    const auto got = stream->read(part);
    if (!got) return std::unexpected(got.error());
    out.raw.insert(out.raw.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(*got));
    more = *got == part.size();
  }
  const auto source = std::move(*stream).finish();
  if (!source) return std::unexpected(source.error());
  out.source = *source;
  return out;
}

std::string error_of(const std::string& path, const StageLimits& limits = kLimits) {
  const auto read = read_all(path, limits);
  return read ? "no error" : read.error().text();
}

// Compresses with the stock tool; the name says nothing about the content.
std::string compressed(const ScratchFolder& scratch, const std::string& tool, const Bytes& raw) {
  write_file(scratch.path("raw"), raw);
  const auto out = scratch.path("packed");
  const auto result = run_command(tool + " < " + scratch.path("raw") + " > " + out);
  REQUIRE(result.exit_code == 0);
  return out;
}

}  // namespace

TEST_CASE("raw octets come out of every packing, told by content", "[images][stage]") {
  const auto* tool = GENERATE("cat", "gzip -1", "xz -0", "zstd -1", "zstd -1 --no-check");
  CAPTURE(tool);
  const ScratchFolder scratch;
  const auto raw = make_gpt_image();
  const auto path = compressed(scratch, tool, raw);
  const auto read = read_all(path);
  INFO((read ? "" : read.error().text()));
  REQUIRE(read);
  CHECK(read->raw == raw);
  const auto file = read_whole_file(path);
  CHECK(read->source.octets == file.size());
  CHECK(read->source.sha256 == Sha256::of(file));
}

TEST_CASE("several frames in a row are one image", "[images][stage]") {
  const auto* tool = GENERATE("xz -0", "zstd -1");
  const ScratchFolder scratch;
  const auto raw = random_octets_of(300'000, 1);
  const auto path = compressed(scratch, tool, raw);
  REQUIRE(run_command("cp " + path + " " + path + "2 && cat " + path + "2 >> " + path).exit_code ==
          0);
  const auto read = read_all(path);
  REQUIRE(read);
  CHECK(read->raw.size() == 600'000);
}

TEST_CASE("cut and damaged files are refused", "[images][stage]") {
  const auto* tool = GENERATE("gzip -1", "xz -0", "zstd -1");
  CAPTURE(tool);
  const ScratchFolder scratch;
  const auto path = compressed(scratch, tool, random_octets_of(400'000, 2));
  const auto file = read_whole_file(path);
  for (const std::size_t keep :
       {file.size() - 1, file.size() - 9, file.size() / 2, std::size_t{40}}) {
    CAPTURE(keep);
    write_file(path, ByteView(file).first(keep));
    CHECK_FALSE(read_all(path));
  }
  for (const std::size_t at : {file.size() / 3, file.size() / 2, file.size() - 3}) {
    CAPTURE(at);
    auto flipped = file;
    flipped[at] ^= 0x20;
    write_file(path, flipped);
    CHECK_FALSE(read_all(path));
  }
}

TEST_CASE("CVE-2021-20319: octets behind the compressed image are refused", "[images][stage]") {
  const auto* tool = GENERATE("gzip -1", "xz -0", "zstd -1");
  const auto more = GENERATE(std::size_t{1}, std::size_t{4}, std::size_t{3'000'000});
  CAPTURE(tool, more);
  const ScratchFolder scratch;
  const auto path = compressed(scratch, tool, random_octets_of(100'000, 2));
  auto file = read_whole_file(path);
  file.insert(file.end(), more, 'x');
  write_file(path, file);
  CHECK_FALSE(read_all(path));
}

TEST_CASE("a stream beyond its limits is refused", "[images][stage]") {
  const ScratchFolder scratch;
  const auto path = compressed(scratch, "zstd -1", Bytes(5 * kMiB));
  CHECK(error_of(path, {.max_raw_octets = 5 * kMiB}) == "no error");
  CHECK_THAT(error_of(path, {.max_raw_octets = 5 * kMiB - 1}), ContainsSubstring("more than"));
}

TEST_CASE("what is packed twice or no file at all is refused", "[images][stage]") {
  const ScratchFolder scratch;
  const auto path = compressed(scratch, "sh -c 'gzip -1 | gzip -1'", random_octets_of(10'000, 2));
  CHECK_THAT(error_of(path), ContainsSubstring("more than once"));
  CHECK_THAT(error_of(scratch.path()), ContainsSubstring("not a file"));
  CHECK_THAT(error_of(scratch.path("absent")), ContainsSubstring("No such file"));
  write_file(scratch.path("empty"), {});
  CHECK_THAT(error_of(scratch.path("empty")), ContainsSubstring("empty"));
}
