#include "provisioning/staged_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

namespace slipway::provisioning {
namespace {

namespace fs = std::filesystem;

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return 0;
}

int take_owner_of(int fd, const fs::path& folder) {
  struct stat status{};
  if (::geteuid() != 0) return 0;
  if (::stat(folder.c_str(), &status) != 0) return errno;
  return ::fchown(fd, status.st_uid, status.st_gid) == 0 ? 0 : errno;
}

int fill(int fd, const fs::path& folder, std::string_view text, mode_t mode) {
  if (const int error = take_owner_of(fd, folder); error != 0) return error;
  if (::fchmod(fd, mode) != 0) return errno;  // mkostemp made it 0600, whatever the umask
  if (const int error = write_all(fd, text); error != 0) return error;
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

StagedFile::StagedFile(fs::path target, fs::path hidden)
    : target_(std::move(target)), hidden_(std::move(hidden)) {}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : target_(std::move(other.target_)),
      hidden_(std::move(other.hidden_)),
      former_(std::move(other.former_)),
      state_(std::exchange(other.state_, State::done)) {}

StagedFile::~StagedFile() {
  // Failures here leave a hidden file behind, which no reader of the inventory looks at.
  if (state_ == State::staged) (void)::unlink(hidden_.c_str());
  if (state_ != State::published) return;
  if (former_.empty()) {
    (void)::unlink(target_.c_str());
  } else {
    (void)::rename(former_.c_str(), target_.c_str());
  }
}

Fallible<StagedFile> StagedFile::write(const fs::path& target, std::string_view text, mode_t mode) {
  const auto folder = target.parent_path();
  std::string hidden = folder / ("." + target.filename().string() + ".XXXXXX");
  const int fd = ::mkostemp(hidden.data(), O_CLOEXEC);
  if (fd < 0) return fail_errno("making a file in " + folder.string(), errno);
  StagedFile file(target, hidden);
  const int error = fill(fd, folder, text, mode);
  (void)::close(fd);  // synced already
  if (error != 0) return fail_errno("writing " + target.string(), error);
  return file;
}

const fs::path& StagedFile::path() const { return state_ == State::staged ? hidden_ : target_; }

Fallible<void> StagedFile::publish() {
  // link() and not rename(): it refuses a name that is taken, also one that was taken just now.
  if (::link(hidden_.c_str(), target_.c_str()) != 0) {
    return fail_errno("making " + target_.string(), errno);
  }
  (void)::unlink(hidden_.c_str());  // a second name of the file; hidden, so it does no harm
  state_ = State::published;
  return {};
}

Fallible<void> StagedFile::publish_over() {
  fs::path former = hidden_.string() + ".old";
  if (::link(target_.c_str(), former.c_str()) != 0) {
    return fail_errno("keeping " + target_.string(), errno);
  }
  if (::rename(hidden_.c_str(), target_.c_str()) != 0) {
    const int error = errno;
    (void)::unlink(former.c_str());  // the target itself was not touched
    return fail_errno("replacing " + target_.string(), error);
  }
  former_ = std::move(former);
  state_ = State::published;
  return {};
}

void StagedFile::keep() {
  if (!former_.empty()) (void)::unlink(former_.c_str());  // hidden, so it does no harm
  state_ = State::done;
}

Fallible<void> sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno("opening " + folder.string(), errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  (void)::close(fd);  // only synced through
  if (error != 0) return fail_errno("syncing " + folder.string(), error);
  return {};
}

}  // namespace slipway::provisioning
