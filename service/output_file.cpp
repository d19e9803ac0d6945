#include "service/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace slipway::service {

namespace fs = std::filesystem;

namespace {

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

}  // namespace

Fallible<OutputFile> OutputFile::create(const fs::path& target, mode_t mode) {
  std::error_code error;
  const auto status = fs::symlink_status(target, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return fail(target.native() + " is no regular file; write to a file and copy that");
  }
  std::string hidden = folder_of(target) / ("." + target.filename().native() + ".XXXXXX");
  Descriptor file(::mkostemp(hidden.data(), O_CLOEXEC));  // mode 0600
  if (file.get() < 0) return fail_errno("making " + target.native(), errno);
  OutputFile made(target, hidden, std::move(file));
  if (::fchmod(made.file_.get(), mode) != 0) return fail_errno("making " + target.native(), errno);
  return made;
}

OutputFile::~OutputFile() {
  if (file_.get() >= 0) (void)::unlink(hidden_.c_str());
}

Fallible<void> OutputFile::write(ByteView octets) {
  while (!octets.empty()) {
    const auto written = ::write(file_.get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      return fail_errno("writing " + target_.native(), written < 0 ? errno : ENOSPC);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Fallible<void> OutputFile::publish() && {
  if (::fsync(file_.get()) != 0) return fail_errno("writing " + target_.native(), errno);
  if (::rename(hidden_.c_str(), target_.c_str()) != 0) {
    return fail_errno("making " + target_.native(), errno);
  }
  file_.close();
  const Descriptor folder(::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
    return fail_errno("flushing the folder of " + target_.native(), errno);
  }
  return {};
}

Fallible<void> write_output(const fs::path& target, ByteView octets, mode_t mode) {
  auto file = OutputFile::create(target, mode);
  if (!file) return std::unexpected(file.error());
  const auto done = file->write(octets);
  return done ? std::move(*file).publish() : done;
}

}  // namespace slipway::service
