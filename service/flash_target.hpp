// service/flash_target.hpp -- which disks `slipway flash` leaves alone, and why.
//
// Reads /sys and /proc below `root`, so that tests can give made-up ones; opens no device.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway::service {

struct FlashTarget {
  std::string path;             // as messages name it: /dev/sdb, or a file
  std::string device_number{};  // "8:16" of a block device; empty: a regular file
};

// What the path leads to. Fails when it is neither a block device nor a regular file.
[[nodiscard]] Fallible<FlashTarget> find_flash_target(const std::string& path);

// Fails, saying why, for a partition, a read-only disk, one with a mounted file system or swap on
// it (also through RAID, LVM or encryption), one that holds the running system or one of `precious`
// (folders), and a file that a loop device uses.
[[nodiscard]] Fallible<void> check_flash_target(const std::filesystem::path& root,
                                                const FlashTarget& target,
                                                const std::vector<std::filesystem::path>& precious);

}  // namespace slipway::service
