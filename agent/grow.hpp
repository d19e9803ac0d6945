// agent/grow.hpp -- a file system grows to the size of its partition, by the distribution's tools.
#pragma once

#include <atomic>
#include <expected>
#include <string>
#include <vector>

#include "agent/failure.hpp"
#include "agent/file_system.hpp"
#include "agent/loop_device.hpp"

namespace slipway::agent {

// The programs that growing takes; none for an unknown file system, which cannot be grown.
[[nodiscard]] std::vector<std::string> tools_to_grow(FileSystem::Kind kind);

// Grows the file system at the start of `part` up to its end and returns when that is durable and
// was found good by reading the disk: ext by e2fsck and resize2fs, xfs mounted by xfs_growfs, and
// xfs_repair -n where it is installed. Fails with grow-failed; also when `cancel` is set.
[[nodiscard]] std::expected<void, Failure> grow_file_system(const DiskPart& part,
                                                            const std::atomic<bool>* cancel);

}  // namespace slipway::agent
