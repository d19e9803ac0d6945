// images/store.hpp -- the content-addressed store below data_dir, and import into it.
//
//   blobs/sha256/xx/<sha>         immutable; the name is the SHA-256 of the content
//   manifests/NAME/VERSION.json   what is published: the manifest itself (a blob as well)
//   manifests/NAME/VERSION.data   the SHA-256 of the image's data blob, one line
//   manifests/NAME/VERSION.json.minisig   the depot's signature of it
//   tmp/                          what is being made
//
// Everything is made in tmp/, synced and renamed; VERSION.json comes last, so a name either leads
// to a whole image or does not exist, whenever power fails. Several processes may write at once:
// who writes holds the folder blobs/ locked, shared, from its first blob until its Store ends; who
// takes blobs away holds it exclusively, so that no blob vanishes between its making and the name
// that uses it. A name is given under an exclusive lock of manifests/. Readers need no lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/blob_writer.hpp"
#include "images/chunks.hpp"
#include "images/file_set.hpp"
#include "images/files.hpp"
#include "images/manifest.hpp"
#include "images/partial.hpp"

namespace slipway::images {

struct ImageInfo {
  ImageName name;
  Sha256 manifest_sha256;           // blob: the manifest's JSON
  Sha256 data_sha256;               // blob: the image's data, seekable zstd
  std::uint64_t stored_octets = 0;  // of the data blob
  Manifest manifest;
};

inline constexpr std::string_view kSignatureEnding = ".minisig";  // behind VERSION.json

struct FileSetInfo {
  FileSet set;
  Sha256 manifest_sha256;  // blob: its JSON
};

struct Cleared {
  std::size_t files = 0;
  std::uint64_t octets = 0;
  bool others_write = false;  // so blobs were left: collect_garbage() takes them later
};

struct ImportRequest {
  // Raw, gzip, xz, zstd, bzip2 or qcow2, told by content; a regular file, or "-": standard input.
  std::filesystem::path source;
  ImageName name;
  std::optional<Sha256> expected_sha256 = {};  // of the source file
  std::uint64_t max_raw_octets = kMaxRawOctets;
  unsigned threads = 0;              // that compress; 0: one per CPU
  int level = ChunkOptions{}.level;  // of zstd, 1..19
  // Octets of the source read so far, of the whole; called often, from the importing thread. False
  // stops the import.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress =
      [](std::uint64_t, std::uint64_t) { return true; };
  // Called once when an interrupted import of this name was gone on with: how much of the raw image
  // did not have to be packed again.
  std::function<void(std::uint64_t octets)> resumed = [](std::uint64_t) {};
};

// What an interrupted import left; the next import of that name goes on with it.
struct Unfinished {
  std::string name;  // NAME@VERSION
  std::uint64_t octets = 0;
};

class Store {
 public:
  // `root` is made when it is missing (mode 0755; the content is what any booting host may read).
  [[nodiscard]] static Fallible<Store> open(std::filesystem::path root);

  // What gets a name from now on is signed with the depot's key in `keys`, which is made when there
  // is none; so is what has the name already, without a signature, when it is imported again.
  void sign_with(std::filesystem::path keys) { keys_ = std::move(keys); }

  // Nothing is visible under the name unless everything matched and is durable, and a failure
  // leaves the store as it was. The same content under the same name again is a success that
  // changes nothing; other content is an error. An import whose process ended is gone on with by
  // the next one of that name.
  [[nodiscard]] Fallible<ImageInfo> import_image(const ImportRequest& request);

  // The name appears at once and whole; all blobs must be there. The same set under the same name
  // again is a success that changes nothing; another one is an error.
  [[nodiscard]] Fallible<FileSetInfo> publish(const FileSet& set);

  // Disk images. A name that is something else is an error that says what it is.
  [[nodiscard]] Fallible<ImageInfo> show(const ImageName& name) const;
  [[nodiscard]] Fallible<std::vector<ImageInfo>> list() const;  // by name, then version
  // Installers and content, in the same way.
  [[nodiscard]] Fallible<FileSetInfo> show_file_set(const ImageName& name) const;
  [[nodiscard]] Fallible<std::vector<FileSetInfo>> list_file_sets() const;
  // The signature of the name's manifest, as minisign writes it; empty: it has none.
  [[nodiscard]] Fallible<std::string> signature(const ImageName& name) const;
  // What the name is: "disk image", "installer", "content". Fails when there is no such name.
  [[nodiscard]] Fallible<std::string> type_of(const ImageName& name) const;

  // Takes the name away, whatever it is, then those of its blobs that no other name uses. While
  // another process writes, its blobs stay.
  [[nodiscard]] Fallible<Cleared> remove(const ImageName& name);
  // Interrupted imports, and those at work. At most a handful is kept, the oldest go first.
  [[nodiscard]] Fallible<std::vector<Unfinished>> unfinished() const;
  // Takes away every blob that no name uses and all that unfinished imports left. Fails while
  // another process writes.
  [[nodiscard]] Fallible<Cleared> collect_garbage();

  [[nodiscard]] Fallible<std::vector<ImageName>> names() const;  // of either kind, sorted
  [[nodiscard]] Fallible<std::vector<Sha256>> all_blobs() const;
  // The file of a blob that is there; its content never changes.
  [[nodiscard]] std::optional<std::filesystem::path> blob(const Sha256& digest) const;
  // Stores `content` (small: manifests, built artifacts); returns its name.
  [[nodiscard]] Fallible<Sha256> add_blob(ByteView content);
  // A blob of any size, as a stream.
  [[nodiscard]] Fallible<BlobWriter> begin_blob();

  // Where unfinished things lie. Files whose name starts with "import-" or "download-" stay for
  // whoever goes on with them, others are cleared up by the next that writes.
  [[nodiscard]] std::filesystem::path tmp() const { return root_ / "tmp"; }
  // Holds the store's lock, shared, from now on: nobody clears up. begin_blob() and the like call
  // it themselves.
  [[nodiscard]] Fallible<void> begin_writing();

 private:
  explicit Store(std::filesystem::path root) : root_(std::move(root)) {}
  [[nodiscard]] std::filesystem::path manifest_path(const ImageName& name) const;
  // The JSON under the name.
  [[nodiscard]] Fallible<std::string> read_manifest(const ImageName& name) const;
  [[nodiscard]] Fallible<ImageInfo> read_image(const ImageName& name, std::string_view json) const;
  [[nodiscard]] Fallible<FileSetInfo> read_set(const ImageName& name, std::string_view json) const;
  [[nodiscard]] Fallible<std::optional<ImageInfo>> image_before(const ImageName& name,
                                                                const Manifest& manifest) const;
  [[nodiscard]] Fallible<ImageInfo> publish(const ImageName& name, const Manifest& manifest,
                                            const Sha256& data);
  [[nodiscard]] Fallible<void> sign(const ImageName& name, std::string_view json);
  [[nodiscard]] Fallible<void> write_name(const std::filesystem::path& path, std::string_view text);
  [[nodiscard]] Fallible<Partial> begin_import(const ImportRequest& request);
  [[nodiscard]] Fallible<FileSetInfo> publish_set(const FileSet& set, const std::string& json);
  [[nodiscard]] std::unexpected<Error> undone(const Error& error, const std::vector<Sha256>& blobs);
  [[nodiscard]] Fallible<void> drop_unused(const std::vector<Sha256>& blobs, Cleared& cleared);
  [[nodiscard]] Fallible<std::optional<FileLock>> stop_writers();
  [[nodiscard]] Fallible<std::set<Sha256>> used_blobs() const;
  // The blobs that the name uses, its manifest's own first.
  [[nodiscard]] Fallible<std::vector<Sha256>> blobs_of(const ImageName& name) const;

  std::filesystem::path root_, keys_;  // no keys: nothing is signed
  std::optional<FileLock> writing_;
};

}  // namespace slipway::images
