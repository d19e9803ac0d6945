// service/installer_tools.hpp -- programs of the distribution that go into the installer, with the
// libraries that they need.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway::service {

struct InstallerTool {
  std::string name;     // "e2fsck", or a path
  std::string package;  // of the distribution, that has it
  std::string use;      // what hosts cannot do without it: "grow ext4 file systems"
};

// What the agent may run: file systems, health of disks, ATA secure erase; with `burn_in` the
// programs that load memory and processors as well.
[[nodiscard]] std::vector<InstallerTool> installer_tools(bool burn_in);

struct CollectedTools {
  std::map<std::string, std::filesystem::path> files;  // path in the initramfs -> file here
  std::vector<std::string> remarks;                    // what is missing, and what to do about it
};

// Finds the tools and asks the dynamic loader which libraries they load: programs go to bin/,
// libraries to lib/, the loader to where programs ask for it. What this machine's processor could
// do besides has no influence: the hosts' may not. A tool that is not installed is a remark; one
// whose libraries are not is an error.
[[nodiscard]] Fallible<CollectedTools> collect_tools(const std::vector<InstallerTool>& tools);

// The files that the loader's --list names in `listing`. Fails when it did not find one of them.
[[nodiscard]] Fallible<std::vector<std::filesystem::path>> listed_libraries(
    const std::string& listing);

}  // namespace slipway::service
