// service/installer_firmware.hpp -- files that devices load at start, as far as they are installed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway::service {

// By module, the firmware files that it may ask for; modules without any are not named.
using FirmwareNeeds = std::map<std::string, std::set<std::string>>;

// Asks modinfo about each of `files` (modules relative to `folder`).
[[nodiscard]] Fallible<FirmwareNeeds> firmware_of(const std::filesystem::path& folder,
                                                  const std::vector<std::string>& files);

struct ChosenFirmware {
  std::vector<std::string> files;    // relative to the firmware folder, sorted
  std::vector<std::string> remarks;  // what was left out, and what to do about it
};

// Takes what exists in `folder`, module by module, until `budget_octets` are used. Patterns
// ("intel/ice/ddp/*.pkg") are expanded.
[[nodiscard]] ChosenFirmware choose_firmware(const FirmwareNeeds& needs,
                                             const std::filesystem::path& folder,
                                             std::uint64_t budget_octets);

}  // namespace slipway::service
