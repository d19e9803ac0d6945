#include "images/partial.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "images/chunks.hpp"
#include "images/files.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

// Whether `path` still leads to the file: its owner before us may have published it by renaming.
bool is_at(int fd, const fs::path& path) {
  struct stat mine{};
  struct stat there{};
  return ::fstat(fd, &mine) == 0 && ::stat(path.c_str(), &there) == 0 &&
         mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

}  // namespace

Fallible<Partial> Partial::open(const fs::path& folder, const std::string& name) {
  auto path = folder / (std::string(kPartialPrefix) + name);
  while (true) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (file.get() < 0) return fail_errno("creating " + path.string(), errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return fail("another process is importing " + name);
      return fail_errno("locking " + path.string(), errno);
    }
    if (is_at(file.get(), path)) return Partial(std::move(file), std::move(path));
  }
}

Partial::Partial(Partial&& other) noexcept
    : file_(std::move(other.file_)),
      path_(std::exchange(other.path_, {})),
      ahead_(std::move(other.ahead_)),
      read_at_(other.read_at_) {}

Partial::~Partial() {
  // Failing that, it stays as after an interruption, and the next import goes on with it.
  if (!path_.empty()) (void)::unlink(path_.c_str());
}

// Reads until there is as much ahead as the largest frame has, or to the end.
Fallible<void> Partial::fill() {
  const auto have = ahead_.size();
  ahead_.resize(kMaxStoredOctets);
  auto rest = std::span(ahead_).subspan(have);
  while (!rest.empty()) {
    const auto got = ::pread(file_.get(), rest.data(), rest.size(), static_cast<off_t>(read_at_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("reading " + path_.string(), errno);
    if (got == 0) break;
    read_at_ += static_cast<std::uint64_t>(got);
    rest = rest.subspan(static_cast<std::size_t>(got));
  }
  ahead_.resize(ahead_.size() - rest.size());
  return {};
}

Fallible<Bytes> Partial::next_frame() {
  if (ahead_.size() < kMaxStoredOctets) {
    auto good = fill();
    if (!good) return std::unexpected(good.error());
  }
  const auto end = ahead_.begin() + static_cast<std::ptrdiff_t>(frame_length(ahead_));
  Bytes frame(ahead_.begin(), end);
  ahead_.erase(ahead_.begin(), end);
  return frame;
}

Fallible<void> Partial::cut(std::uint64_t octets) {
  const auto at = static_cast<off_t>(octets);
  if (::ftruncate(file_.get(), at) != 0) return fail_errno("cutting " + path_.string(), errno);
  if (::lseek(file_.get(), at, SEEK_SET) != at) return fail_errno("in " + path_.string(), errno);
  return {};
}

Fallible<void> Partial::write(ByteView octets) {
  while (!octets.empty()) {
    const auto done = ::write(file_.get(), octets.data(), octets.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno("writing " + path_.string(), errno);
    octets = octets.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Fallible<void> Partial::publish(const fs::path& target, const fs::path& root) && {
  auto good = publish_file(file_.get(), path_, target, root);
  if (good) path_.clear();
  return good;
}

}  // namespace slipway::images
