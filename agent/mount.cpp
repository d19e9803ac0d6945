#include "agent/mount.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace slipway::agent {

namespace fs = std::filesystem;

Fallible<Mount> Mount::make(const std::string& device, const std::string& type, Access access) {
  std::error_code error;
  std::string folder = fs::temp_directory_path(error) / "slipway-mount-XXXXXX";
  if (error || ::mkdtemp(folder.data()) == nullptr) return fail_errno("making " + folder, errno);
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;
  if (access == Access::read_only) flags |= MS_RDONLY;
  // Two disks of one image have the same UUID, which xfs otherwise refuses.
  const char* options = type == "xfs" ? "nouuid" : "";
  if (::mount(device.c_str(), folder.c_str(), type.c_str(), flags, options) != 0) {
    const int reason = errno;
    ::rmdir(folder.c_str());
    return fail_errno("mounting " + device + " as " + type, reason);
  }
  return Mount(folder);
}

Mount::Mount(Mount&& other) noexcept : path_(std::exchange(other.path_, {})) {}

Mount::~Mount() {
  if (path_.empty()) return;
  // Never remove_all(): what is still mounted there would be emptied.
  (void)::umount2(path_.c_str(), MNT_DETACH);
  ::rmdir(path_.c_str());
}

Fallible<void> Mount::unmount() {
  if (path_.empty()) return {};
  if (::umount2(path_.c_str(), UMOUNT_NOFOLLOW) != 0) {
    return fail_errno("unmounting " + path_.native(), errno);
  }
  ::rmdir(path_.c_str());
  path_.clear();
  return {};
}

}  // namespace slipway::agent
