#include "images/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

}  // namespace

Fallible<NewFile> NewFile::create(const fs::path& folder) {
  auto path = folder / random_hex(16);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno("creating " + path.string(), errno);
  return NewFile(fd, std::move(path));
}

NewFile::NewFile(NewFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, {})) {}

NewFile::~NewFile() {
  if (fd_ >= 0) (void)::close(fd_);                   // unpublished: nobody will read it
  if (!path_.empty()) (void)::unlink(path_.c_str());  // else open() of the store clears it up
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
  auto good = make_folders(target.parent_path(), root);
  if (!good) return good;
  if (::fsync(fd_) != 0) return fail_errno("syncing " + path_.string(), errno);
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    return fail_errno("renaming to " + target.string(), errno);
  }
  path_.clear();
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
