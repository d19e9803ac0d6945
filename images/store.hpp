// images/store.hpp -- the content-addressed store below data_dir, and import into it.
//
//   blobs/sha256/xx/<sha>         immutable; the name is the SHA-256 of the content
//   manifests/NAME/VERSION.json   what is published: the manifest itself (a blob as well)
//   manifests/NAME/VERSION.data   the SHA-256 of the image's data blob, one line
//   tmp/                          what is being made; emptied by open()
//
// Everything is made in tmp/, synced and renamed; VERSION.json comes last, so a name either leads
// to a whole image or does not exist, whenever power fails. One process imports at a time; readers
// need no lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/manifest.hpp"

namespace slipway::images {

// "debian-edge@12.5"
struct ImageName {
  std::string name, version;

  // Fails when either part is not an is_image_name() or there is no '@'.
  [[nodiscard]] static Fallible<ImageName> parse(std::string_view text);
  [[nodiscard]] std::string text() const { return name + "@" + version; }
};

struct ImageInfo {
  ImageName name;
  Sha256 manifest_sha256;           // blob: the manifest's JSON
  Sha256 data_sha256;               // blob: the image's data, seekable zstd
  std::uint64_t stored_octets = 0;  // of the data blob
  Manifest manifest;
};

struct ImportRequest {
  std::filesystem::path source;  // raw, gzip, xz or zstd, told by content; a regular file
  ImageName name;
  std::optional<Sha256> expected_sha256 = {};  // of the source file
  std::uint64_t max_raw_octets = kMaxRawOctets;
  unsigned threads = 0;  // that compress; 0: one per CPU
  // Octets of the source read so far, of the whole; called often, from the importing thread. False
  // stops the import.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress =
      [](std::uint64_t, std::uint64_t) { return true; };
};

class Store {
 public:
  // `root` is made when it is missing (mode 0755; the content is what any booting host may read).
  [[nodiscard]] static Fallible<Store> open(std::filesystem::path root);

  // Nothing is visible under the name unless everything matched and is durable. The same content
  // under the same name again is a success that changes nothing; other content is an error.
  [[nodiscard]] Fallible<ImageInfo> import_image(const ImportRequest& request);

  [[nodiscard]] Fallible<ImageInfo> show(const ImageName& name) const;
  [[nodiscard]] Fallible<std::vector<ImageInfo>> list() const;  // by name, then version
  // Takes the name away, then those of its two blobs that no other name uses.
  [[nodiscard]] Fallible<void> remove(const ImageName& name);

  // The file of a blob that is there; its content never changes.
  [[nodiscard]] std::optional<std::filesystem::path> blob(const Sha256& digest) const;
  // Stores `content` (small: manifests, built artifacts); returns its name.
  [[nodiscard]] Fallible<Sha256> add_blob(ByteView content);

 private:
  explicit Store(std::filesystem::path root) : root_(std::move(root)) {}
  [[nodiscard]] std::filesystem::path blob_path(const Sha256& digest) const;
  [[nodiscard]] std::filesystem::path manifest_path(const ImageName& name) const;
  [[nodiscard]] Fallible<void> publish(const ImageName& name, const Manifest& manifest,
                                       const Sha256& data);
  [[nodiscard]] bool is_used(const Sha256& digest) const;

  std::filesystem::path root_;
};

}  // namespace slipway::images
