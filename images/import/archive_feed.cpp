#include "images/import/archive_feed.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway::images {
namespace {

constexpr std::size_t kContentOctets = std::size_t{256} << 10;  // at once
// Of directories, which are small and lie apart: little is read that nobody asked for, so that the
// account means what libarchive holds.
constexpr std::size_t kIndexOctets = 4096;

bool is_same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

ArchiveFeed::ArchiveFeed(Descriptor file, const struct stat& status)
    : file_(std::move(file)),
      status_(status),
      octets_(static_cast<std::uint64_t>(status.st_size)),
      buffer_(kContentOctets) {}

Fallible<ArchiveFeed> ArchiveFeed::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK the open of a named pipe waits for a writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return fail_errno("opening " + path.string(), errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_errno("opening " + path.string(), errno);
  if (!S_ISREG(status.st_mode)) return fail(path.string() + " is not a regular file");
  return ArchiveFeed(std::move(file), status);
}

Fallible<std::size_t> ArchiveFeed::read_at(std::uint64_t offset,
                                           std::span<std::uint8_t> out) const {
  std::size_t got = 0;
  while (got < out.size()) {
    const auto rest = out.subspan(got);
    const auto n = ::pread(file_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("reading", errno);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

la_ssize_t ArchiveFeed::read(archive* handle, void* self, const void** out) {
  auto& feed = *static_cast<ArchiveFeed*>(self);
  *out = feed.buffer_.data();
  const auto wanted = feed.in_content_ ? kContentOctets : kIndexOctets;
  if (!feed.in_content_) feed.index_read_ += wanted;
  if (!feed.in_content_ && feed.is_index_too_large()) {
    archive_set_error(handle, ENOMEM, "its table of contents is too large");
    return -1;
  }
  const auto got = feed.read_at(feed.at_, std::span(feed.buffer_).first(wanted));
  if (!got) {
    archive_set_error(handle, EIO, "%s", got.error().text().c_str());
    return -1;
  }
  feed.at_ += *got;
  return static_cast<la_ssize_t>(*got);
}

la_int64_t ArchiveFeed::skip(archive*, void* self, la_int64_t octets) {
  auto& feed = *static_cast<ArchiveFeed*>(self);
  const auto left = feed.octets_ - std::min(feed.at_, feed.octets_);
  const auto moved = std::min(left, static_cast<std::uint64_t>(std::max<la_int64_t>(octets, 0)));
  feed.at_ += moved;
  return static_cast<la_int64_t>(moved);
}

la_int64_t ArchiveFeed::seek(archive*, void* self, la_int64_t offset, int whence) {
  auto& feed = *static_cast<ArchiveFeed*>(self);
  const auto end = static_cast<la_int64_t>(feed.octets_);
  const auto base = whence == SEEK_END ? end : static_cast<la_int64_t>(feed.at_);
  const auto target = whence == SEEK_SET ? offset : base + offset;
  if (target < 0) return ARCHIVE_FATAL;
  // Behind the end there is nothing to read, which libarchive finds out when it reads.
  feed.at_ = static_cast<std::uint64_t>(target);
  return target;
}

Fallible<void> ArchiveFeed::attach(archive* handle, std::uint64_t index_octets) {
  at_ = 0;
  index_read_ = 0;
  index_limit_ = index_octets;
  in_content_ = false;
  if (archive_read_set_read_callback(handle, &ArchiveFeed::read) != ARCHIVE_OK ||
      archive_read_set_skip_callback(handle, &ArchiveFeed::skip) != ARCHIVE_OK ||
      archive_read_set_seek_callback(handle, &ArchiveFeed::seek) != ARCHIVE_OK ||
      archive_read_set_callback_data(handle, this) != ARCHIVE_OK ||
      archive_read_open1(handle) != ARCHIVE_OK) {
    return archive_failure("reading its table of contents", handle);
  }
  return {};
}

Fallible<void> ArchiveFeed::check_unchanged() const {
  struct stat now{};
  if (::fstat(file_.get(), &now) != 0) return fail_errno("reading", errno);
  if (now.st_size != status_.st_size || !is_same(now.st_mtim, status_.st_mtim) ||
      !is_same(now.st_ctim, status_.st_ctim)) {
    return fail("the file was changed while it was read");
  }
  return {};
}

}  // namespace slipway::images
