#include "base/temporary_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace slipway {

namespace fs = std::filesystem;

Fallible<TemporaryFolder> TemporaryFolder::make() {
  std::error_code error;
  std::string name = fs::temp_directory_path(error) / "slipway-XXXXXX";
  if (error || ::mkdtemp(name.data()) == nullptr) return fail_errno("making " + name, errno);
  return TemporaryFolder(name);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // what cannot be removed is left to the system's own cleaning of /tmp
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace slipway
