#include "agent/oem.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/mounted.hpp"
#include "base/descriptor.hpp"

namespace slipway::agent {
namespace {

Fallible<void> write_all(int file, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail_errno("writing " + name, written < 0 ? errno : ENOSPC);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fchmod(file, 0600) != 0 || ::fsync(file) != 0) {
    return fail_errno("writing " + name, errno);
  }
  return {};
}

// A new file takes the name when it is whole.
Fallible<void> put_file(const std::filesystem::path& root, const Document& document) {
  const Descriptor folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return fail_errno("opening the file system's root folder", errno);
  const auto fresh = "." + document.name + ".new";
  if (::unlinkat(folder.get(), fresh.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno("removing " + fresh, errno);
  }
  {
    const Descriptor file(::openat(folder.get(), fresh.c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.get() < 0) return fail_errno("making " + document.name, errno);
    auto done = write_all(file.get(), document.text, document.name);
    if (!done) return done;
  }
  if (::renameat(folder.get(), fresh.c_str(), folder.get(), document.name.c_str()) != 0) {
    return fail_errno("naming it " + document.name, errno);
  }
  if (::fsync(folder.get()) != 0) return fail_errno("flushing " + document.name, errno);
  return {};
}

Fallible<void> check_file(const std::filesystem::path& root, const Document& document) {
  const auto path = root / document.name;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat about{};
  if (file.get() < 0 || ::fstat(file.get(), &about) != 0) {
    return fail_errno("reading " + document.name + " back", errno);
  }
  std::string text(document.text.size() + 1, '\0');
  std::size_t octets = 0;
  for (ssize_t got = 1; got > 0 && octets < text.size(); octets += static_cast<std::size_t>(got)) {
    got = ::read(file.get(), text.data() + octets, text.size() - octets);
    if (got < 0) return fail_errno("reading " + document.name + " back", errno);
  }
  text.resize(octets);
  if (!S_ISREG(about.st_mode) || (about.st_mode & 07777) != 0600 ||
      Sha256::of(text) != document.sha256) {
    return fail(document.name + " is not on the disk as it was written");
  }
  return {};
}

}  // namespace

std::expected<void, Failure> write_document(const DiskPart& part, const Document& document) {
  auto done = with_mounted(part, "ext4", Mount::Access::read_write,
                           [&](const auto& root) { return put_file(root, document); });
  if (done) {
    done = with_mounted(part, "ext4", Mount::Access::read_only,
                        [&](const auto& root) { return check_file(root, document); });
  }
  if (done) return {};
  return std::unexpected(
      Failure{"oem-write-failed", "The host's document could not be put into " +
                                      std::string(kOemLabel) + " (" + done.error().text() +
                                      "); look into that file system of the image."});
}

}  // namespace slipway::agent
