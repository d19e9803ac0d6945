#include "images/manifest.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/json.hpp"

namespace slipway::images {
namespace {

constexpr std::uint64_t kRawAlignment = 4096;  // so that disks with 4 KiB sectors can be written

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_name_part(char c) { return is_name_start(c) || c == '.' || c == '_' || c == '-'; }

std::string at(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

Fallible<void> check_source_name(std::string_view name) {
  const auto is_bad = [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; };
  if (name.empty() || name.size() > 255 || std::ranges::any_of(name, is_bad)) {
    return fail("source.name: expected a file name without folder");
  }
  return {};
}

Fallible<void> check_head(const Manifest& manifest) {
  if (!is_image_name(manifest.name)) return fail("name: expected [a-z0-9][a-z0-9._-]*");
  if (!is_image_name(manifest.version)) return fail("version: expected [a-z0-9][a-z0-9._-]*");
  if (manifest.sector_size != 512 && manifest.sector_size != 4096) {
    return fail("sector_size: expected 512 or 4096");
  }
  if (manifest.raw_size == 0 || manifest.raw_size > kMaxRawOctets) {
    return fail("raw_size: expected 1 octet to 64 TiB");
  }
  if (manifest.raw_size % manifest.sector_size != 0) {
    return fail("raw_size: not a whole number of sectors");
  }
  return check_source_name(manifest.source.name);
}

// `stored_end` is where the chunk before ended in the blob. No sum here can wrap: lengths are
// checked first and offsets are below 2^63.
Fallible<void> check_chunk(const Chunk& chunk, std::uint64_t stored_end) {
  constexpr auto kMaxOffset = std::uint64_t{1} << 62;
  if (chunk.raw_length == 0 || chunk.raw_length > kMaxChunkOctets) {
    return fail("raw_length: expected 1 octet to 4 MiB");
  }
  if (chunk.raw_offset % kRawAlignment != 0) return fail("raw_offset: not a multiple of 4096");
  if (chunk.stored_length == 0 || chunk.stored_length > kMaxStoredOctets) {
    return fail("stored_length: out of bounds");
  }
  if (chunk.stored_offset > kMaxOffset) return fail("stored_offset: out of bounds");
  if (chunk.stored_offset < stored_end) return fail("stored_offset: overlaps the chunk before");
  return {};
}

Fallible<void> check_zero(const ZeroRange& range, std::uint64_t raw_size) {
  if (range.length == 0 || range.length > raw_size) return fail("length out of bounds");
  if (range.offset % kRawAlignment != 0) return fail("offset is not a multiple of 4096");
  return {};
}

// Each chunk or zero range must start where what lies before it ends.
Fallible<void> check_cover(const Manifest& manifest) {
  std::uint64_t raw_end = 0;
  std::uint64_t stored_end = 0;
  std::size_t c = 0;
  std::size_t z = 0;
  while (c < manifest.chunks.size() || z < manifest.zero.size()) {
    if (c < manifest.chunks.size() && manifest.chunks[c].raw_offset == raw_end) {
      const auto& chunk = manifest.chunks[c];
      auto good = check_chunk(chunk, stored_end);
      if (!good) return fail(good.error(), at("chunks", c));
      raw_end += chunk.raw_length;
      stored_end = chunk.stored_offset + chunk.stored_length;
      ++c;
    } else if (z < manifest.zero.size() && manifest.zero[z].offset == raw_end) {
      auto good = check_zero(manifest.zero[z], manifest.raw_size);
      if (!good) return fail(good.error(), at("zero", z));
      raw_end += manifest.zero[z].length;
      ++z;
    } else {
      const auto where = c < manifest.chunks.size() ? at("chunks", c) : at("zero", z);
      return fail(where + ": gap or overlap at raw offset " + std::to_string(raw_end));
    }
    if (raw_end > manifest.raw_size) break;
  }
  if (raw_end != manifest.raw_size) {
    return fail("chunks and zero ranges end at " + std::to_string(raw_end) + ", raw_size is " +
                std::to_string(manifest.raw_size));
  }
  return {};
}

Fallible<Sha256> read_sha256(const JsonView& object, std::string_view member) {
  auto text = object.text(member);
  if (!text) return std::unexpected(text.error());
  const auto digest = Sha256::parse(*text);
  if (!digest) return fail(std::string(member) + ": expected 64 hexadecimal digits");
  return *digest;
}

// Collects the first failure, so that a row of members reads like a list.
class Members {
 public:
  explicit Members(const JsonView& object) : object_(object) {}

  void number(std::string_view name, std::uint64_t& out) { store(object_.number(name), out); }
  void text(std::string_view name, std::string& out) { store(object_.text(name), out); }
  void sha256(std::string_view name, Sha256& out) { store(read_sha256(object_, name), out); }

  [[nodiscard]] Fallible<void> result() && { return std::move(result_); }

 private:
  template <class T>
  void store(Fallible<T> value, T& out) {
    if (value) {
      out = std::move(*value);
    } else if (result_) {
      result_ = std::unexpected(value.error());
    }
  }

  const JsonView& object_;
  Fallible<void> result_;
};

Fallible<std::vector<JsonView>> list_of(const JsonView& object, std::string_view member) {
  const auto list = object.member(member);
  if (!list) return std::unexpected(list.error());
  return list->elements();
}

Fallible<void> read_chunks(const JsonView& root, std::vector<Chunk>& out) {
  auto list = list_of(root, "chunks");
  if (!list) return std::unexpected(list.error());
  out.reserve(list->size());
  for (const auto& element : *list) {
    Chunk& chunk = out.emplace_back();
    Members members(element);
    members.number("raw_offset", chunk.raw_offset);
    members.number("raw_length", chunk.raw_length);
    members.number("stored_offset", chunk.stored_offset);
    members.number("stored_length", chunk.stored_length);
    members.sha256("stored_sha256", chunk.stored_sha256);
    members.sha256("raw_sha256", chunk.raw_sha256);
    auto good = std::move(members).result();
    if (!good) return fail(good.error(), element.path());
  }
  return {};
}

Fallible<void> read_zero(const JsonView& root, std::vector<ZeroRange>& out) {
  auto list = list_of(root, "zero");
  if (!list) return std::unexpected(list.error());
  for (const auto& element : *list) {
    const auto pair = element.elements();
    if (!pair || pair->size() != 2) return fail(element.path() + ": expected [offset, length]");
    const auto offset = (*pair)[0].number();
    const auto length = (*pair)[1].number();
    if (!offset || !length) return fail(element.path() + ": expected [offset, length]");
    out.push_back({*offset, *length});
  }
  return {};
}

Fallible<void> read_head(const JsonView& root, Manifest& out) {
  if (root.find("type")) return fail("is not of a disk image");
  Members members(root);
  std::uint64_t format = 0;
  std::uint64_t sector_size = 0;
  members.number("format", format);
  members.text("name", out.name);
  members.text("version", out.version);
  members.number("raw_size", out.raw_size);
  members.number("sector_size", sector_size);
  members.sha256("raw_sha256", out.raw_sha256);
  auto good = std::move(members).result();
  if (!good) return good;
  if (format != 1) return fail("format: expected 1, this program is too old for the manifest");
  if (sector_size > 4096) return fail("sector_size: expected 512 or 4096");
  out.sector_size = static_cast<std::uint32_t>(sector_size);

  const auto source = root.member("source");
  if (!source) return std::unexpected(source.error());
  Members of_source(*source);
  of_source.text("name", out.source.name);
  of_source.sha256("sha256", out.source.sha256);
  return std::move(of_source).result();
}

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::value(boost::json::string(text.data(), text.size())));
}

void append_chunk(std::string& out, const Chunk& chunk) {
  out += R"({"raw_offset":)" + std::to_string(chunk.raw_offset);
  out += R"(,"raw_length":)" + std::to_string(chunk.raw_length);
  out += R"(,"stored_offset":)" + std::to_string(chunk.stored_offset);
  out += R"(,"stored_length":)" + std::to_string(chunk.stored_length);
  out += R"(,"stored_sha256":")" + chunk.stored_sha256.text();
  out += R"(","raw_sha256":")" + chunk.raw_sha256.text() + "\"}";
}

}  // namespace

bool is_image_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && is_name_start(text.front()) &&
         std::ranges::all_of(text, is_name_part) && text.find("..") == std::string_view::npos;
}

Fallible<void> check_manifest(const Manifest& manifest) {
  auto good = check_head(manifest);
  if (!good) return good;
  return check_cover(manifest);
}

std::string to_json(const Manifest& manifest) {
  std::string out = R"({"name":)" + quoted(manifest.name);
  out += R"(,"version":)" + quoted(manifest.version);
  out += R"(,"format":1,"raw_size":)" + std::to_string(manifest.raw_size);
  out += R"(,"sector_size":)" + std::to_string(manifest.sector_size);
  out += R"(,"raw_sha256":")" + manifest.raw_sha256.text();
  out += R"(","source":{"name":)" + quoted(manifest.source.name);
  out += R"(,"sha256":")" + manifest.source.sha256.text() + R"("},"chunks":[)";
  for (std::size_t i = 0; i < manifest.chunks.size(); ++i) {
    if (i > 0) out += ',';
    append_chunk(out, manifest.chunks[i]);
  }
  out += R"(],"zero":[)";
  for (std::size_t i = 0; i < manifest.zero.size(); ++i) {
    if (i > 0) out += ',';
    const auto& range = manifest.zero[i];
    out += "[" + std::to_string(range.offset) + "," + std::to_string(range.length) + "]";
  }
  return out + "]}\n";
}

Fallible<Manifest> parse_manifest(std::string_view json) {
  if (json.size() > kMaxManifestOctets) return fail("manifest: larger than 64 MiB");
  const auto document = parse_json(json);
  if (!document) return fail(document.error(), "manifest");
  const JsonView root(*document);
  Manifest manifest;
  auto good = read_head(root, manifest);
  if (good) good = read_chunks(root, manifest.chunks);
  if (good) good = read_zero(root, manifest.zero);
  if (good) good = check_manifest(manifest);
  if (!good) return fail(good.error(), "manifest");
  return manifest;
}

Fallible<VerifiedManifest> VerifiedManifest::verify(std::string_view json, const Sha256& expected) {
  if (Sha256::of(json) != expected) return fail("manifest: digest is not the one of the plan");
  auto manifest = parse_manifest(json);
  if (!manifest) return std::unexpected(manifest.error());
  return VerifiedManifest(std::move(*manifest));
}

}  // namespace slipway::images
