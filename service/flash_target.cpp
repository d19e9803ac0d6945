#include "service/flash_target.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

std::string number_text(dev_t number) {
  return std::to_string(major(number)) + ":" + std::to_string(minor(number));
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

struct Mount {
  std::string device_number, place;
};

// proc(5): number, parent, MAJOR:MINOR, root, place, options, tags..., "-", type, source, ... Btrfs
// shows a made-up device number; its source says which device it is.
std::vector<Mount> read_mounts(const fs::path& root) {
  std::vector<Mount> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string skipped, type, source;
    Mount mount;
    words >> skipped >> skipped >> mount.device_number >> skipped >> mount.place;
    while (words >> skipped && skipped != "-") {
    }
    words >> type >> source;
    struct stat info{};
    if (mount.device_number.starts_with("0:") && source.starts_with("/dev/") &&
        ::stat(source.c_str(), &info) == 0 && S_ISBLK(info.st_mode)) {
      mount.device_number = number_text(info.st_rdev);
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<std::string> read_swaps(const fs::path& root) {
  std::vector<std::string> numbers;
  std::ifstream file(root / "proc/swaps");
  for (std::string line; std::getline(file, line);) {
    struct stat info{};
    const auto path = line.substr(0, line.find_first_of(" \t"));
    if (::stat(path.c_str(), &info) == 0 && S_ISBLK(info.st_mode)) {
      numbers.push_back(number_text(info.st_rdev));
    }
  }
  return numbers;
}

// The numbers of the disks that a block device lies on, itself included when it is one.
std::set<std::string> disks_below(const fs::path& root, const std::string& device_number) {
  std::set<std::string> disks;
  std::error_code error;
  auto place = fs::canonical(root / "sys/dev/block" / device_number, error);
  if (error) return disks;
  if (fs::exists(place / "partition")) place = place.parent_path();
  disks.insert(first_line(place / "dev"));
  for (const auto& slave : fs::directory_iterator(place / "slaves", error)) {
    disks.merge(disks_below(root, first_line(slave.path() / "dev")));
  }
  return disks;
}

bool is_below(const std::string& folder, const std::string& place) {
  if (place == "/" || folder == place) return true;
  return folder.starts_with(place) && folder[place.size()] == '/';
}

// The mount that a folder belongs to: the last of those with the longest place.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& folder) {
  const Mount* found = nullptr;
  for (const auto& mount : mounts) {
    if (!is_below(folder, mount.place)) continue;
    if (found == nullptr || mount.place.size() >= found->place.size()) found = &mount;
  }
  return found;
}

Fallible<void> check_file(const fs::path& root, const FlashTarget& target) {
  std::error_code error;
  const auto file = fs::canonical(target.path, error);
  for (const auto& block : fs::directory_iterator(root / "sys/block", error)) {
    if (first_line(block.path() / "loop/backing_file") == file.native()) {
      return fail(target.path + ": " + block.path().filename().string() + " uses it");
    }
  }
  return {};
}

Fallible<void> check_itself(const fs::path& root, const FlashTarget& target) {
  const auto place = root / "sys/dev/block" / target.device_number;
  if (fs::exists(place / "partition")) {
    return fail(target.path + ": is a partition; name the whole disk");
  }
  if (first_line(place / "ro") == "1") return fail(target.path + ": is read-only");
  return {};
}

}  // namespace

Fallible<FlashTarget> find_flash_target(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(path, errno);
  if (S_ISREG(info.st_mode)) return FlashTarget{path};
  if (S_ISBLK(info.st_mode)) return FlashTarget{path, number_text(info.st_rdev)};
  return fail(path + ": neither a disk nor a file");
}

Fallible<void> check_flash_target(const fs::path& root, const FlashTarget& target,
                                  const std::vector<fs::path>& precious) {
  if (target.device_number.empty()) return check_file(root, target);
  auto good = check_itself(root, target);
  if (!good) return good;
  const auto mounts = read_mounts(root);
  const auto is_on = [&](const std::string& number) {
    return disks_below(root, number).contains(target.device_number);
  };
  for (const auto& folder : precious) {
    const auto* mount = mount_of(mounts, folder.native());
    if (mount != nullptr && is_on(mount->device_number)) {
      return fail(target.path + ": holds " + folder.string() + " of the running system");
    }
  }
  for (const auto& mount : mounts) {
    if (is_on(mount.device_number)) {
      return fail(target.path + ": is in use, mounted at " + mount.place + "; unmount it first");
    }
  }
  if (std::ranges::any_of(read_swaps(root), is_on)) {
    return fail(target.path + ": is in use, holds swap; swapoff first");
  }
  return {};
}

}  // namespace slipway::service
