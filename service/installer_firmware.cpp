#include "service/installer_firmware.hpp"

#include <glob.h>

#include <algorithm>
#include <sstream>

#include "base/tool.hpp"
#include "service/installer_modules.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

// What of `pattern` exists below `folder`, relative to it.
std::set<std::string> existing(const fs::path& folder, const std::string& pattern) {
  std::set<std::string> files;
  glob_t found{};
  if (::glob((folder / pattern).c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      const fs::path path = found.gl_pathv[i];
      if (fs::is_regular_file(path)) files.insert(path.lexically_relative(folder));
    }
  }
  ::globfree(&found);
  return files;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Fallible<FirmwareNeeds> firmware_of(const fs::path& folder, const std::vector<std::string>& files) {
  FirmwareNeeds needs;
  for (const auto& file : files) {
    const auto names = run_tool({"modinfo", "-F", "firmware", folder / file});
    if (!names) return std::unexpected(names.error());
    std::istringstream lines(*names);
    for (std::string name; std::getline(lines, name);) {
      // A name is looked up below one folder and must stay there.
      if (name.empty() || name.find("..") != std::string::npos) continue;
      needs[module_name(file)].insert(name);
    }
  }
  return needs;
}

ChosenFirmware choose_firmware(const FirmwareNeeds& needs, const fs::path& folder,
                               std::uint64_t budget_octets) {
  ChosenFirmware chosen;
  std::set<std::string> taken;
  std::vector<std::string> without, too_large;
  std::uint64_t used = 0;
  for (const auto& [module, patterns] : needs) {
    std::set<std::string> found;
    for (const auto& pattern : patterns) found.merge(existing(folder, pattern));
    if (found.empty()) without.push_back(module);
    for (const auto& file : found) {
      const auto octets = fs::file_size(folder / file);
      if (taken.contains(file)) continue;
      if (used + octets > budget_octets) {
        too_large.push_back(file);
        continue;
      }
      used += octets;
      taken.insert(file);
    }
  }
  chosen.files.assign(taken.begin(), taken.end());
  if (!without.empty()) {
    chosen.remarks.push_back("No firmware is installed here for " + joined(without) +
                             ". Most of these devices work without; if yours do not, enable "
                             "non-free-firmware, install the package, and build again.");
  }
  if (!too_large.empty()) {
    chosen.remarks.push_back(
        "Left out because the firmware budget of " + std::to_string(budget_octets >> 20) +
        " MiB is used up: " + joined(too_large) + ". Name single files by --add-firmware.");
  }
  return chosen;
}

}  // namespace slipway::service
