#include "tests/images/disk_image.hpp"

#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/crypto.hpp"

namespace slipway::test {
namespace {

void put(Bytes& out, std::size_t at, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) out[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

void put_text(Bytes& out, std::size_t at, const std::string& text) {
  std::ranges::copy(as_bytes(text), out.begin() + static_cast<std::ptrdiff_t>(at));
}

void put_header(Bytes& out, const ImageSpec& spec, bool is_primary) {
  const auto sector = spec.sector_octets;
  const std::uint64_t last = out.size() / sector - 1;
  const std::uint64_t array = (spec.entry_count * 128 + sector - 1) / sector;
  const auto at = static_cast<std::size_t>((is_primary ? 1 : last) * sector);
  put_text(out, at, "EFI PART");
  put(out, at + 8, 0x00010000, 4);
  put(out, at + 12, 92, 4);
  put(out, at + 24, is_primary ? 1 : last, 8);
  put(out, at + 32, is_primary ? last : 1, 8);
  put(out, at + 40, 2 + array, 8);
  put(out, at + 48, last - 1 - array, 8);
  for (std::size_t i = 0; i < 16; ++i) out[at + 56 + i] = static_cast<std::uint8_t>(0xA0 + i);
  put(out, at + 72, is_primary ? 2 : last - array, 8);
  put(out, at + 80, spec.entry_count, 4);
  put(out, at + 84, 128, 4);
  const auto entries = ByteView(out).subspan(2 * std::size_t{sector}, spec.entry_count * 128);
  put(out, at + 88, crc32(entries), 4);
  put(out, at + 16, crc32(ByteView(out).subspan(at, 92)), 4);
}

void put_entry(Bytes& out, std::size_t at, std::uint8_t fill, std::uint64_t first,
               std::uint64_t last) {
  std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at), 16, std::uint8_t{0x28});
  std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at) + 16, 16, fill);
  put(out, at + 32, first, 8);
  put(out, at + 40, last, 8);
  put(out, at + 56, 'p', 2);
  put(out, at + 58, fill, 2);
}

}  // namespace

Bytes random_octets_of(std::size_t octets, std::uint64_t seed) {
  Bytes out(octets);
  std::mt19937_64 random(seed);
  for (std::size_t at = 0; at < octets; at += 8) {
    put(out, at, random(), std::min<std::size_t>(8, octets - at));
  }
  return out;
}

Bytes make_gpt_image(const ImageSpec& spec) {
  const auto sector = spec.sector_octets;
  Bytes out(spec.octets);
  const auto content = random_octets_of(spec.used_until - kMiB, spec.seed);
  std::ranges::copy(content, out.begin() + kMiB);
  std::fill(out.begin() + 3 * kMiB, out.begin() + 4 * kMiB, std::uint8_t{0});
  put_text(out, 0, "boot code of the image");
  out[446 + 4] = 0xEE;
  put(out, 446 + 8, 1, 4);
  put(out, 446 + 12, spec.octets / sector - 1, 4);
  put(out, 510, 0xAA55, 2);
  const auto entries = 2 * std::size_t{sector};
  put_entry(out, entries, 'A', kMiB / sector, 2 * kMiB / sector - 1);
  put_entry(out, entries + 128, 'B', 2 * kMiB / sector, spec.used_until / sector - 1);
  const auto array = (spec.entry_count * 128 + sector - 1) / sector * sector;
  std::copy_n(out.begin() + static_cast<std::ptrdiff_t>(entries), array,
              out.end() - static_cast<std::ptrdiff_t>(sector + array));
  put_header(out, spec, true);
  put_header(out, spec, false);
  return out;
}

void fix_gpt_crc(Bytes& image, std::uint32_t sector_octets) {
  const std::size_t at = sector_octets;
  Reader reader(ByteView(image).subspan(at + 80, 8));
  const auto count = reader.le32();
  const auto octets = std::size_t{count} * reader.le32();
  const auto entries = 2 * std::size_t{sector_octets};
  if (entries + octets <= image.size()) {
    put(image, at + 88, crc32(ByteView(image).subspan(entries, octets)), 4);
  }
  put(image, at + 16, 0, 4);
  put(image, at + 16, crc32(ByteView(image).subspan(at, 92)), 4);
}

Packed pack(const Bytes& raw, std::size_t frame_octets, std::uint32_t sector_octets) {
  Packed out;
  std::size_t at = 0;
  const auto read = [&](std::span<std::uint8_t> into) -> Fallible<std::size_t> {
    const auto part = ByteView(raw).subspan(at, std::min(into.size(), raw.size() - at));
    std::ranges::copy(part, into.begin());
    at += part.size();
    return part.size();
  };
  const auto write = [&](ByteView octets) -> Fallible<void> {
    out.blob.insert(out.blob.end(), octets.begin(), octets.end());
    return {};
  };
  auto chunked = images::write_chunks(read, write, {.frame_octets = frame_octets, .threads = 2});
  if (!chunked) throw std::runtime_error(chunked.error().text());
  out.manifest = {.name = "test",
                  .version = "1",
                  .raw_size = chunked->raw_octets,
                  .sector_size = sector_octets,
                  .raw_sha256 = chunked->raw_sha256,
                  .source = {"test.raw", chunked->raw_sha256},
                  .chunks = chunked->chunks,
                  .zero = chunked->zero};
  return out;
}

images::VerifiedManifest verified(const images::Manifest& manifest) {
  const auto json = images::to_json(manifest);
  auto good = images::VerifiedManifest::verify(json, Sha256::of(json));
  if (!good) throw std::runtime_error(good.error().text());
  return std::move(*good);
}

Fallible<void> BlobFetcher::fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) {
  ++requests_;
  auto rest = ByteView(blob_).subspan(offset, length);
  while (!rest.empty()) {
    if (served_ >= fail_after_) return fail("connection reset by peer");
    if (served_ >= cut_after_) return {};
    const auto part = rest.first(std::min<std::size_t>(1 + random_() % 70000, rest.size()));
    if (!sink(part)) return fail("stopped");
    served_ += part.size();
    rest = rest.subspan(part.size());
  }
  return {};
}

double test_scale() {
  const char* text = ::getenv("SLIPWAY_TEST_SCALE");
  return text == nullptr ? 0.1 : std::stod(text);
}

bool has_tool(const std::string& name) { return run_command("command -v " + name).exit_code == 0; }

CommandResult run_command(const std::string& command) {
  const auto whole = "PATH=$PATH:/usr/sbin:/sbin; { " + command + "; } 2>&1";
  std::FILE* pipe = ::popen(whole.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  CommandResult result;
  std::array<char, 4096> part{};
  for (std::size_t got = 1; got > 0;) {
    got = std::fread(part.data(), 1, part.size(), pipe);
    result.output.append(part.data(), got);
  }
  const int status = ::pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

void write_file(const std::string& path, ByteView octets) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(octets.data()),
             static_cast<std::streamsize>(octets.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

Bytes read_whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return {text.begin(), text.end()};
}

ScratchFolder::ScratchFolder() {
  std::string path = std::filesystem::temp_directory_path().string() + "/slipway-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = path;
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;  // a left-over folder in /tmp is no failure of a test
  std::filesystem::remove_all(path_, error);
}

}  // namespace slipway::test
