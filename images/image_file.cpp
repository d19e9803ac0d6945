#include "images/image_file.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <future>

#include "images/digest.hpp"
#include "images/gpt.hpp"
#include "images/stage.hpp"

namespace slipway::images {
namespace {

constexpr std::size_t kPieceOctets = std::size_t{1} << 20;

class FileFetcher final : public Fetcher {
 public:
  explicit FileFetcher(const std::filesystem::path& path)
      : path_(path.string()), file_(path, std::ios::binary) {}

  [[nodiscard]] bool is_open() const { return file_.is_open(); }

  Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(offset));
    while (length > 0) {
      const auto wanted = std::min<std::uint64_t>(length, piece_.size());
      file_.read(reinterpret_cast<char*>(piece_.data()), static_cast<std::streamsize>(wanted));
      if (static_cast<std::uint64_t>(file_.gcount()) != wanted) {
        return fail("reading " + path_ + ": it ends early or cannot be read");
      }
      if (!sink(ByteView(piece_).first(wanted))) return fail("stopped");
      length -= wanted;
    }
    return {};
  }

 private:
  std::string path_;
  std::ifstream file_;
  Bytes piece_ = Bytes(kPieceOctets);
};

// Unpacks from the start; what is not wanted is dropped.
class PackedFetcher final : public Fetcher {
 public:
  explicit PackedFetcher(std::filesystem::path path) : path_(std::move(path)) {}

  Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
    if (!stream_ || offset < at_) {
      auto stream = RawStream::open(path_, {.max_raw_octets = kMaxRawOctets});
      if (!stream) return std::unexpected(stream.error());
      stream_.emplace(std::move(*stream));
      at_ = 0;
    }
    const Sink drop = [](ByteView) { return true; };
    auto good = pass(offset - at_, drop);
    return good ? pass(length, sink) : good;
  }

 private:
  Fallible<void> pass(std::uint64_t length, const Sink& sink) {
    while (length > 0) {
      const auto wanted = std::min<std::uint64_t>(length, piece_.size());
      const auto got = stream_->read(std::span(piece_).first(wanted));
      if (!got) return std::unexpected(got.error());
      at_ += *got;
      if (*got < wanted) return fail(path_.string() + ": ends earlier than it did before");
      if (!sink(ByteView(piece_).first(wanted))) return fail("stopped");
      length -= wanted;
    }
    return {};
  }

  std::filesystem::path path_;
  std::optional<RawStream> stream_;
  std::uint64_t at_ = 0;  // octets of the raw image that stream_ has given
  Bytes piece_ = Bytes(kPieceOctets);
};

// Takes the raw image chunk by chunk; each is digested while the next one is being read.
class Digester {
 public:
  void add(Bytes& chunk, std::size_t length) {
    join();
    std::swap(chunk, chunk_);
    length_ = length;
    if (head_.empty()) {
      const auto part = view().first(std::min(length, kHeadOctets));
      head_.assign(part.begin(), part.end());
    }
    running_ = std::async(std::launch::async, [this] { digest(); });
  }

  void join() {
    if (running_.valid()) running_.get();
  }

  // After join().
  Fallible<VerifiedManifest> finish(const StagedSource& source, const std::string& name) && {
    const auto sector_size = sector_size_of(head_, manifest_.raw_size);
    if (!sector_size) return std::unexpected(sector_size.error());
    manifest_.name = "file";
    manifest_.version = "1";
    manifest_.sector_size = *sector_size;
    manifest_.raw_sha256 = whole_.finish();
    manifest_.source = {name, source.sha256};
    const auto json = to_json(manifest_);
    return VerifiedManifest::verify(json, Sha256::of(json));
  }

 private:
  [[nodiscard]] ByteView view() const { return ByteView(chunk_).first(length_); }

  void digest() {
    const auto offset = manifest_.raw_size;
    whole_.update(view());
    manifest_.raw_size += length_;
    if (!is_all_zero(view())) {
      const auto sha256 = Sha256::of(view());
      manifest_.chunks.push_back({offset, length_, offset, length_, sha256, sha256});
      return;
    }
    auto& zero = manifest_.zero;
    if (!zero.empty() && zero.back().offset + zero.back().length == offset) {
      zero.back().length += length_;
    } else {
      zero.push_back({offset, length_});
    }
  }

  Manifest manifest_;
  Sha256Stream whole_;
  Bytes head_;
  Bytes chunk_ = Bytes(kMaxChunkOctets);
  std::size_t length_ = 0;
  std::future<void> running_;
};

}  // namespace

Fallible<VerifiedManifest> digest_image(const DigestRequest& request) {
  auto stream = RawStream::open(request.source, {.max_raw_octets = kMaxRawOctets});
  if (!stream) return std::unexpected(stream.error());
  Digester digester;
  Bytes chunk(kMaxChunkOctets);
  for (bool at_end = false; !at_end;) {
    const auto got = stream->read(chunk);
    if (!got) return std::unexpected(got.error());
    if (!request.progress(stream->source_octets_read(), stream->source_octets())) {
      return fail("stopped");
    }
    at_end = *got < chunk.size();
    if (*got > 0) digester.add(chunk, *got);
  }
  digester.join();
  const auto source = std::move(*stream).finish();
  if (!source) return std::unexpected(source.error());
  if (request.expected_sha256 && *request.expected_sha256 != source->sha256) {
    return fail(request.source.string() + ": SHA-256 is " + source->sha256.text() + ", expected " +
                request.expected_sha256->text());
  }
  return std::move(digester).finish(*source, request.source.filename().string());
}

Fallible<std::unique_ptr<Fetcher>> fetch_image(const std::filesystem::path& source) {
  const auto stream = RawStream::open(source, {.max_raw_octets = kMaxRawOctets});
  if (!stream) return std::unexpected(stream.error());
  if (stream->is_packed()) return std::make_unique<PackedFetcher>(source);
  return fetch_blob(source);
}

Fallible<std::unique_ptr<Fetcher>> fetch_blob(const std::filesystem::path& blob) {
  auto fetcher = std::make_unique<FileFetcher>(blob);
  if (!fetcher->is_open()) return fail("opening " + blob.string() + ": it cannot be read");
  return fetcher;
}

}  // namespace slipway::images
