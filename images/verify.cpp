#include "images/verify.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/descriptor.hpp"
#include "images/chunks.hpp"

namespace slipway::images {
namespace {

constexpr std::size_t kPieceOctets = std::size_t{1} << 20;
constexpr std::size_t kMaxMistakes = 20;  // a blob of another image has thousands

// A blob from its start to its end; every octet passes its digest.
class BlobReader {
 public:
  static Fallible<BlobReader> open(const Store& store, const Sha256& digest) {
    const auto path = store.blob(digest);
    if (!path) return fail("blob " + digest.text() + " is missing");
    Descriptor file(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return fail_errno("opening " + path->string(), errno);
    return BlobReader(std::move(file), path->string());
  }

  // Fewer octets than asked for: the end.
  Fallible<std::size_t> read(std::span<std::uint8_t> out) {
    std::size_t filled = 0;
    while (filled < out.size()) {
      const auto got = ::read(file_.get(), out.data() + filled, out.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno("reading " + path_ + " at " + std::to_string(at_), errno);
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    digest_.update(out.first(filled));
    at_ += filled;
    return filled;
  }

  Fallible<void> skip_to_end() {
    Bytes piece(kPieceOctets);
    while (true) {
      const auto got = read(piece);
      if (!got) return std::unexpected(got.error());
      if (*got < piece.size()) return {};
    }
  }

  [[nodiscard]] std::uint64_t at() const { return at_; }
  [[nodiscard]] Sha256 digest() { return digest_.finish(); }

 private:
  BlobReader(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Descriptor file_;
  std::string path_;
  std::uint64_t at_ = 0;
  Sha256Stream digest_;
};

// One pass over a disk image's data blob, in the order of the raw image.
class ImageCheck {
 public:
  ImageCheck(const ImageInfo& image, BlobReader blob, const VerifyProgress& progress)
      : image_(image), blob_(std::move(blob)), progress_(progress) {}

  std::vector<Error> run() && {
    const auto& [chunks, zero] = std::tie(image_.manifest.chunks, image_.manifest.zero);
    std::size_t z = 0;
    for (std::size_t c = 0; c < chunks.size() && can_go_on(); ++c) {
      std::uint64_t zeros = 0;
      for (; z < zero.size() && zero[z].offset < chunks[c].raw_offset; ++z) zeros += zero[z].length;
      check_zeros(zeros, chunks[c].stored_offset);
      if (can_go_on()) check_chunk(c, chunks[c]);
    }
    std::uint64_t zeros = 0;
    for (; z < zero.size(); ++z) zeros += zero[z].length;
    if (can_go_on()) check_tail(zeros);
    return std::move(mistakes_);
  }

 private:
  [[nodiscard]] bool can_go_on() const { return !broken_ && mistakes_.size() < kMaxMistakes; }
  void mistake(const std::string& text) {
    mistakes_.emplace_back(image_.name.text() + ": " + text);
  }
  // What cannot be read leaves nothing to say about the rest.
  void give_up(const std::string& text) {
    mistake(text);
    broken_ = true;
  }

  void check_chunk(std::size_t index, const Chunk& chunk) {
    const auto where = "chunk " + std::to_string(index) + " at octet " +
                       std::to_string(chunk.raw_offset) + " of the image, " +
                       std::to_string(chunk.stored_offset) + " of its blob " +
                       image_.data_sha256.text() + ": ";
    if (!progress_(blob_.at(), image_.stored_octets)) return give_up("stopped");
    stored_.resize(chunk.stored_length);
    const auto got = blob_.read(stored_);
    if (!got) return give_up(where + got.error().text());
    if (*got < stored_.size()) return give_up(where + "the blob ends within it");
    if (Sha256::of(stored_) != chunk.stored_sha256) mistake(where + "its stored octets changed");
    raw_.resize(chunk.raw_length);
    const auto unpacked = decompress_frame(stored_, raw_);
    if (!unpacked) {
      whole_is_known_ = false;
      return mistake(where + "it cannot be unpacked: " + unpacked.error().text());
    }
    if (Sha256::of(raw_) != chunk.raw_sha256) mistake(where + "it unpacks to other octets");
    whole_.update(raw_);
  }

  // The frames up to `stored_end` must hold `octets` zeros.
  void check_zeros(std::uint64_t octets, std::uint64_t stored_end) {
    const auto where = "zeros at octet " + std::to_string(blob_.at()) + " of the blob " +
                       image_.data_sha256.text() + ": ";
    const auto read = [&](std::span<std::uint8_t> out) {
      const auto left = stored_end - std::min(stored_end, blob_.at());
      return blob_.read(
          out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left))));
    };
    const auto found = count_zeros(read);
    if (!found) return give_up(where + found.error().text());
    if (blob_.at() != stored_end) return give_up(where + "the blob ends within them");
    if (*found != octets) {
      mistake(where + "they are " + std::to_string(*found) + " octets, and " +
              std::to_string(octets) + " in the manifest");
    }
    static const Bytes kZeros(kPieceOctets);
    for (auto left = octets; left > 0;) {
      const auto part = std::min<std::uint64_t>(left, kZeros.size());
      whole_.update(ByteView(kZeros).first(static_cast<std::size_t>(part)));
      left -= part;
    }
  }

  // Behind the last chunk: zeros and the seek table, which zstd skips.
  void check_tail(std::uint64_t zeros) {
    check_zeros(zeros, image_.stored_octets);
    if (broken_) return;
    const auto rest = blob_.skip_to_end();
    if (!rest) return give_up(rest.error().text());
    if (!progress_(blob_.at(), image_.stored_octets)) return give_up("stopped");
    if (blob_.digest() != image_.data_sha256) {
      mistake("its blob " + image_.data_sha256.text() + " does not hash to its name");
    }
    if (whole_is_known_ && whole_.finish() != image_.manifest.raw_sha256) {
      mistake("the whole raw image does not hash to raw_sha256");
    }
  }

  const ImageInfo& image_;
  BlobReader blob_;
  const VerifyProgress& progress_;
  std::vector<Error> mistakes_;
  bool broken_ = false;
  bool whole_is_known_ = true;
  Sha256Stream whole_;
  Bytes stored_, raw_;
};

std::vector<Error> verify_set(const Store& store, const FileSet& set,
                              const VerifyProgress& progress) {
  std::vector<Error> mistakes;
  std::uint64_t done = 0;
  for (const auto& file : set.files) {
    const auto where = set.name.text() + ": " + file.name;
    if (!progress(done, set.octets())) {
      mistakes.emplace_back(where + ": stopped");
      return mistakes;
    }
    const auto good = verify_blob(store, file.sha256);
    if (!good) mistakes.push_back(good.error().within(where));
    const auto path = store.blob(file.sha256);
    std::error_code error;
    if (path && std::filesystem::file_size(*path, error) != file.octets) {
      mistakes.emplace_back(where + ": is not of " + std::to_string(file.octets) + " octets");
    }
    done += file.octets;
  }
  return mistakes;
}

std::vector<Error> verify_data(const Store& store, const ImageName& name,
                               const VerifyProgress& progress) {
  const auto image = store.show(name);
  if (!image) return {image.error()};
  auto blob = BlobReader::open(store, image->data_sha256);
  if (!blob) return {blob.error().within(name.text())};
  return ImageCheck(*image, std::move(*blob), progress).run();
}

}  // namespace

Fallible<void> verify_blob(const Store& store, const Sha256& digest) {
  auto blob = BlobReader::open(store, digest);
  if (!blob) return std::unexpected(blob.error());
  auto good = blob->skip_to_end();
  if (good && blob->digest() != digest) {
    return fail("blob " + digest.text() + " does not hash to its name");
  }
  return good;
}

std::vector<Error> verify_image(const Store& store, const ImageName& name,
                                const VerifyProgress& progress) {
  const auto type = store.type_of(name);
  if (!type) return {type.error()};
  std::vector<Error> mistakes;
  Sha256 manifest;
  if (*type == "disk image") {
    mistakes = verify_data(store, name, progress);
    if (const auto image = store.show(name)) manifest = image->manifest_sha256;
  } else {
    const auto set = store.show_file_set(name);
    if (!set) return {set.error()};
    mistakes = verify_set(store, set->set, progress);
    manifest = set->manifest_sha256;
  }
  // The hosts get the manifest from its blob, which what stands under the name must equal.
  const auto good = verify_blob(store, manifest);
  if (!good) mistakes.push_back(good.error().within(name.text() + ": manifest"));
  return mistakes;
}

}  // namespace slipway::images
