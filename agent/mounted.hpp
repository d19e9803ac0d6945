// agent/mounted.hpp -- work on a file system in a part of a disk, mounted for as long as it takes.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "agent/loop_device.hpp"
#include "agent/mount.hpp"

namespace slipway::agent {

// Mounts the file system on `part` with the kernel's driver `type`, runs `work` on its root folder,
// unmounts. When it succeeds, all that was written is durable and the disk is free again.
[[nodiscard]] Fallible<void> with_mounted(
    const DiskPart& part, const std::string& type, Mount::Access access,
    const std::function<Fallible<void>(const std::filesystem::path& root)>& work);

}  // namespace slipway::agent
