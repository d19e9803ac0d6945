#include "images/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <utility>

#include "base/crypto.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

Fallible<void> sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno("opening " + folder.string(), errno);
  const int result = ::fsync(fd);
  const int error = errno;
  (void)::close(fd);  // only synced through
  if (result != 0) return fail_errno("syncing " + folder.string(), error);
  return {};
}

Fallible<Descriptor> open_to_lock(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return fail_errno("opening " + path.string(), errno);
  return file;
}

int flock_patiently(int fd, int operation) {
  int result = 0;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result;
}

Fallible<Descriptor> lock(const fs::path& path, int operation) {
  auto file = open_to_lock(path);
  if (file && flock_patiently(file->get(), operation) != 0) {
    return fail_errno("locking " + path.string(), errno);
  }
  return file;
}

}  // namespace

Fallible<FileLock> FileLock::shared(const fs::path& path) {
  auto file = lock(path, LOCK_SH);
  if (!file) return std::unexpected(file.error());
  return FileLock(std::move(*file));
}

Fallible<FileLock> FileLock::exclusive(const fs::path& path) {
  auto file = lock(path, LOCK_EX);
  if (!file) return std::unexpected(file.error());
  return FileLock(std::move(*file));
}

Fallible<std::optional<FileLock>> FileLock::try_exclusive(const fs::path& path) {
  auto file = open_to_lock(path);
  if (!file) return std::unexpected(file.error());
  if (flock_patiently(file->get(), LOCK_EX | LOCK_NB) == 0) return FileLock(std::move(*file));
  if (errno == EWOULDBLOCK) return std::nullopt;
  return fail_errno("locking " + path.string(), errno);
}

Fallible<void> FileLock::make_shared() {
  if (flock_patiently(file_.get(), LOCK_SH) != 0) return fail_errno("locking", errno);
  return {};
}

Fallible<NewFile> NewFile::create(const fs::path& folder, unsigned mode) {
  auto path = folder / random_hex(16);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return fail_errno("creating " + path.string(), errno);
  return NewFile(fd, std::move(path));
}

NewFile::NewFile(NewFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, {})) {}

NewFile::~NewFile() {
  if (fd_ >= 0) (void)::close(fd_);                   // unpublished: nobody will read it
  if (!path_.empty()) (void)::unlink(path_.c_str());  // else the next import clears it up
}

Fallible<void> NewFile::write(ByteView octets) {
  while (!octets.empty()) {
    const auto done = ::write(fd_, octets.data(), octets.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno("writing " + path_.string(), errno);
    octets = octets.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Fallible<void> NewFile::publish(const fs::path& target, const fs::path& root) && {
  auto good = publish_file(fd_, path_, target, root);
  if (good) path_.clear();
  return good;
}

Fallible<void> publish_file(int fd, const fs::path& path, const fs::path& target,
                            const fs::path& root) {
  auto good = make_folders(target.parent_path(), root);
  if (!good) return good;
  if (::fsync(fd) != 0) return fail_errno("syncing " + path.string(), errno);
  if (::rename(path.c_str(), target.c_str()) != 0) {
    return fail_errno("renaming to " + target.string(), errno);
  }
  return sync_folder(target.parent_path());
}

Fallible<void> make_folders(const fs::path& folder, const fs::path& root) {
  if (folder == root || folder == folder.parent_path()) return {};
  auto good = make_folders(folder.parent_path(), root);
  if (!good) return good;
  if (::mkdir(folder.c_str(), 0755) == 0) return sync_folder(folder.parent_path());
  if (errno != EEXIST) return fail_errno("making " + folder.string(), errno);
  return {};
}

Fallible<void> remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0) return sync_folder(path.parent_path());
  if (errno != ENOENT) return fail_errno("removing " + path.string(), errno);
  return {};
}

Fallible<std::vector<std::string>> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail("listing " + folder.string() + ": " + error.message());
  }
  std::ranges::sort(names);
  return names;
}

Fallible<std::string> read_file(const fs::path& path, std::size_t max_octets) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail_errno("opening " + path.string(), errno);
  std::string text;
  std::string part(65536, '\0');
  while (file) {
    file.read(part.data(), static_cast<std::streamsize>(part.size()));
    text.append(part, 0, static_cast<std::size_t>(file.gcount()));
    if (text.size() > max_octets) return fail(path.string() + ": is too large");
  }
  if (file.bad()) return fail_errno("reading " + path.string(), errno);
  return text;
}

}  // namespace slipway::images
