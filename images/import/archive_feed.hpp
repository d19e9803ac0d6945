// images/import/archive_feed.hpp -- a local file as libarchive reads it, with an account of what it
// took.
//
// libarchive holds a directory of an ISO in memory and trusts what the medium says of its size. So
// what it reads while it looks for members is counted, and the file ends for it at a limit.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <limits>

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "images/archive.hpp"

namespace slipway::images {

class ArchiveFeed {
 public:
  // A regular file. Fails when it cannot be opened.
  [[nodiscard]] static Fallible<ArchiveFeed> open(const std::filesystem::path& path);

  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  // Exactly `out.size()` octets of the file, or fewer where it ends.
  [[nodiscard]] Fallible<std::size_t> read_at(std::uint64_t offset,
                                              std::span<std::uint8_t> out) const;

  // Lets `handle` read the file from its start. This must stay where it is until the handle is
  // freed. From now on libarchive may read `index_octets` until expect_content(true).
  [[nodiscard]] Fallible<void> attach(archive* handle, std::uint64_t index_octets);
  // Whether a member's content is read next, which is not counted.
  void expect_content(bool is_content) { in_content_ = is_content; }
  [[nodiscard]] bool is_index_too_large() const { return index_read_ > index_limit_; }

  // Fails when the file is not the one any more that was opened: its size or time changed.
  [[nodiscard]] Fallible<void> check_unchanged() const;

 private:
  ArchiveFeed(Descriptor file, const struct stat& status);
  static la_ssize_t read(archive* handle, void* self, const void** out);
  static la_int64_t skip(archive* handle, void* self, la_int64_t octets);
  static la_int64_t seek(archive* handle, void* self, la_int64_t offset, int whence);

  Descriptor file_;
  struct stat status_;
  std::uint64_t octets_ = 0;
  std::uint64_t at_ = 0;
  std::uint64_t index_limit_ = std::numeric_limits<std::uint64_t>::max(), index_read_ = 0;
  bool in_content_ = false;
  Bytes buffer_;
};

}  // namespace slipway::images
