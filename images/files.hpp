// images/files.hpp -- files of the store: written whole, synced, and only then named.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/result.hpp"

namespace slipway::images {

// A file without a place yet. It is removed again unless it was published.
class NewFile {
 public:
  // Makes a file of a random name in `folder`.
  [[nodiscard]] static Fallible<NewFile> create(const std::filesystem::path& folder,
                                                unsigned mode = 0644);
  NewFile(NewFile&& other) noexcept;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  [[nodiscard]] Fallible<void> write(ByteView octets);

  // Syncs, renames to `target` (replacing it), syncs the folders above it. Afterwards the file is
  // there for good, whatever happens to the power. Folders up to `root` are made.
  [[nodiscard]] Fallible<void> publish(const std::filesystem::path& target,
                                       const std::filesystem::path& root) &&;

 private:
  NewFile(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::filesystem::path path_;
};

// What NewFile::publish() does, for an open file at `path`.
[[nodiscard]] Fallible<void> publish_file(int fd, const std::filesystem::path& path,
                                          const std::filesystem::path& target,
                                          const std::filesystem::path& root);

// A lock of flock(2) on a folder or file that is there; the kernel gives it up with the process,
// however that ends. Between processes, and between two locks of one process.
class FileLock {
 public:
  // Waits until nobody holds it exclusively.
  [[nodiscard]] static Fallible<FileLock> shared(const std::filesystem::path& path);
  // Waits until nobody holds it.
  [[nodiscard]] static Fallible<FileLock> exclusive(const std::filesystem::path& path);
  // None: somebody holds it.
  [[nodiscard]] static Fallible<std::optional<FileLock>> try_exclusive(
      const std::filesystem::path& path);

  // Exclusive becomes shared; in between others may have held it.
  [[nodiscard]] Fallible<void> make_shared();

 private:
  explicit FileLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

// Makes `folder` and those between it and `root` durably.
[[nodiscard]] Fallible<void> make_folders(const std::filesystem::path& folder,
                                          const std::filesystem::path& root);
// Removes a file durably; it may be missing.
[[nodiscard]] Fallible<void> remove_file(const std::filesystem::path& path);
// Names of the entries of a folder, sorted; none when there is no such folder.
[[nodiscard]] Fallible<std::vector<std::string>> names_in(const std::filesystem::path& folder);
// A small file whole; fails beyond `max_octets`.
[[nodiscard]] Fallible<std::string> read_file(const std::filesystem::path& path,
                                              std::size_t max_octets);

}  // namespace slipway::images
