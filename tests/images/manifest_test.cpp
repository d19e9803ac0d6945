#include "images/manifest.hpp"

#include <functional>

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;

namespace {

constexpr std::string_view kGolden =
    R"({"name":"debian-edge","version":"12.5","format":1,"raw_size":12288,"sector_size":512,)"
    R"("raw_sha256":"0101010101010101010101010101010101010101010101010101010101010101",)"
    R"("source":{"name":"a \"b\".img","sha256":)"
    R"("0202020202020202020202020202020202020202020202020202020202020202"},)"
    R"("chunks":[{"raw_offset":0,"raw_length":4096,"stored_offset":0,"stored_length":100,)"
    R"("stored_sha256":"0303030303030303030303030303030303030303030303030303030303030303",)"
    R"("raw_sha256":"0404040404040404040404040404040404040404040404040404040404040404"}],)"
    R"("zero":[[4096,8192]]})"
    "\n";

Sha256 digest_of(std::uint8_t octet) {
  Sha256 digest;
  digest.octets.fill(octet);
  return digest;
}

Manifest sample() {
  return {.name = "debian-edge",
          .version = "12.5",
          .raw_size = 12288,
          .sector_size = 512,
          .raw_sha256 = digest_of(1),
          .source = {"a \"b\".img", digest_of(2)},
          .chunks = {{0, 4096, 0, 100, digest_of(3), digest_of(4)}},
          .zero = {{4096, 8192}}};
}

const Chunk kSecond{12288, 4096, 200, 100, digest_of(5), digest_of(6)};

}  // namespace

TEST_CASE("a manifest is the JSON of format 1", "[images][manifest]") {
  CHECK(to_json(sample()) == kGolden);
  const auto read = parse_manifest(kGolden);
  REQUIRE(read);
  CHECK(*read == sample());
}

TEST_CASE("a manifest that breaks a rule is refused with the place", "[images][manifest]") {
  struct Row {
    const char* why;
    std::function<void(Manifest&)> change;
    const char* text;
  };
  const auto row = GENERATE(values<Row>({
      {"no octets", [](Manifest& m) { m.raw_size = 0; }, "raw_size"},
      {"over 64 TiB", [](Manifest& m) { m.raw_size = (1ULL << 46) + 512; }, "raw_size"},
      {"half a sector", [](Manifest& m) { m.raw_size = 12288 + 100; }, "whole number of sectors"},
      {"odd sectors", [](Manifest& m) { m.sector_size = 520; }, "sector_size"},
      {"upper case", [](Manifest& m) { m.name = "Debian"; }, "name"},
      {"path", [](Manifest& m) { m.version = "../1"; }, "version"},
      {"source with folder", [](Manifest& m) { m.source.name = "a/b"; }, "source.name"},
      {"gap at the start", [](Manifest& m) { m.chunks[0].raw_offset = 4096; }, "chunks[0]"},
      {"gap at the end", [](Manifest& m) { m.zero[0].length = 4096; }, "end at 8192"},
      {"beyond the end", [](Manifest& m) { m.zero[0].length = 12288; }, "end at 16384"},
      {"overlap", [](Manifest& m) { m.zero[0].offset = 0; }, "zero[0]"},
      {"empty zero range", [](Manifest& m) { m.zero = {{4096, 0}}; }, "zero[0]"},
      {"wrapping zero range", [](Manifest& m) { m.zero = {{4096, ~0ULL - 4095}}; }, "zero[0]"},
      {"empty chunk", [](Manifest& m) { m.chunks[0].raw_length = 0; }, "chunks[0]: raw_length"},
      {"chunk too long", [](Manifest& m) { m.chunks[0].raw_length = 5 << 20; }, "raw_length"},
      {"nothing stored", [](Manifest& m) { m.chunks[0].stored_length = 0; }, "stored_length"},
      {"too much stored", [](Manifest& m) { m.chunks[0].stored_length = 5 << 20; },
       "stored_length"},
      {"stored far out", [](Manifest& m) { m.chunks[0].stored_offset = ~0ULL; }, "stored_offset"},
      {"odd chunk in the middle",
       [](Manifest& m) { m.chunks[0].raw_length = 512, m.zero = {{512, 11776}}; }, "zero[0]"},
      {"stored overlap",
       [](Manifest& m) {
         m.raw_size = 16384, m.chunks.push_back(kSecond), m.chunks[1].stored_offset = 99;
       },
       "chunks[1]: stored_offset"},
      {"out of order",
       [](Manifest& m) { m.raw_size = 16384, m.chunks.insert(m.chunks.begin(), kSecond); },
       "chunks[0]"},
  }));
  INFO(row.why);
  auto manifest = sample();
  REQUIRE(check_manifest(manifest));
  row.change(manifest);
  const auto read = parse_manifest(to_json(manifest));
  REQUIRE_FALSE(read);
  CHECK_THAT(read.error().text(), ContainsSubstring(row.text));
}

TEST_CASE("JSON that is no manifest is refused with the member", "[images][manifest]") {
  struct Row {
    const char* from;
    const char* to;
    const char* text;
  };
  const auto row = GENERATE(values<Row>({
      {"\"format\":1", "\"format\":2", "format"},
      {"\"format\":1,", "", "format"},
      {"\"raw_size\":12288", "\"raw_size\":\"12288\"", "raw_size"},
      {"\"raw_size\":12288", "\"raw_size\":-1", "raw_size"},
      {"\"raw_size\":12288", "\"raw_size\":1e99", "raw_size"},
      {"\"stored_length\":100", "\"stored_length\":null", "chunks[0].stored_length"},
      {"0303030303", "030303030", "chunks[0]: stored_sha256"},
      {"[4096,8192]", "[4096]", "zero[0]"},
      {"[4096,8192]", "{}", "zero[0]"},
      {"\"zero\":[[4096,8192]]", "\"zero\":{}", "zero"},
      {"}\n", "", "not valid JSON"},
      {"}\n", "} x", "not valid JSON"},
  }));
  INFO(row.from << " -> " << row.to);
  std::string json(kGolden);
  json.replace(json.rfind(row.from), std::string_view(row.from).size(), row.to);
  const auto read = parse_manifest(json);
  REQUIRE_FALSE(read);
  CHECK_THAT(read.error().text(), ContainsSubstring(row.text));
}

TEST_CASE("SG4: a manifest whose digest differs in one bit is not verified", "[images][manifest]") {
  auto digest = Sha256::of(kGolden);
  CHECK(VerifiedManifest::verify(kGolden, digest));
  digest.octets[31] ^= 1;
  const auto refused = VerifiedManifest::verify(kGolden, digest);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().text(), ContainsSubstring("digest"));
}

TEST_CASE("image names are file names that fold nowhere", "[images][manifest]") {
  for (const auto* good : {"a", "debian-edge", "12.5", "0_a-b.c"}) CHECK(is_image_name(good));
  for (const auto* bad : {"", ".a", "-a", "_a", "A", "a/b", "a..b", "a b", "\xc3\xa4"}) {
    CHECK_FALSE(is_image_name(bad));
  }
  CHECK(is_image_name(std::string(64, 'a')));
  CHECK_FALSE(is_image_name(std::string(65, 'a')));
}
