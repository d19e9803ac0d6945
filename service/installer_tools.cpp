#include "service/installer_tools.hpp"

#include <sstream>

#include "base/tool.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

// The x86-64 psABI's name for it, in the header of every program.
constexpr std::string_view kLoader = "lib64/ld-linux-x86-64.so.2";

fs::path loader() { return fs::path("/") / kLoader; }

// LD_LIBRARY_PATH and the like must not choose what goes to the hosts, nor libraries that are
// made for this machine's processor (glibc-hwcaps).
Fallible<std::vector<fs::path>> libraries_of(const fs::path& program) {
  const auto verified = call_tool({.arguments = {loader(), "--verify", program}});
  if (!verified) return std::unexpected(verified.error());
  if (verified->code == 1) return std::vector<fs::path>{};  // static
  const auto listing =
      run_tool({"env", "-i", loader(), "--glibc-hwcaps-mask", "none", "--list", program});
  if (!listing) return std::unexpected(listing.error());
  return listed_libraries(*listing);
}

}  // namespace

std::vector<InstallerTool> installer_tools(bool burn_in) {
  std::vector<InstallerTool> tools = {
      {"e2fsck", "e2fsprogs", "grow ext4 file systems"},
      {"resize2fs", "e2fsprogs", "grow ext4 file systems"},
      {"xfs_growfs", "xfsprogs", "grow xfs file systems"},
      {"smartctl", "smartmontools", "check the health of SATA and SAS disks"},
      {"hdparm", "hdparm", "erase SATA disks securely"}};
  if (burn_in) {
    tools.push_back({"stress-ng", "stress-ng", "burn processors in"});
    tools.push_back({"memtester", "memtester", "burn memory in"});
  }
  return tools;
}

Fallible<std::vector<fs::path>> listed_libraries(const std::string& listing) {
  std::vector<fs::path> files;
  std::istringstream lines(listing);
  for (std::string line; std::getline(lines, line);) {
    // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)", "libx.so.1 => not found"; the loader
    // itself and the kernel's vDSO stand without an arrow.
    std::istringstream words(line);
    std::string name, arrow, path;
    if (!(words >> name >> arrow >> path) || arrow != "=>") continue;
    if (!path.starts_with('/')) return fail("the library " + name + " is not installed");
    files.emplace_back(path);
  }
  return files;
}

Fallible<CollectedTools> collect_tools(const std::vector<InstallerTool>& tools) {
  CollectedTools collected;
  for (const auto& tool : tools) {
    const auto program = find_tool(tool.name);
    if (!program) {
      collected.remarks.push_back(tool.name + " is not installed here, so hosts cannot " +
                                  tool.use + ". If yours must, install " + tool.package +
                                  " and build again.");
      continue;
    }
    const auto libraries = libraries_of(*program);
    if (!libraries) return fail(libraries.error(), tool.name);
    collected.files.emplace("bin/" + program->filename().native(), *program);
    if (libraries->empty()) continue;
    collected.files.emplace(kLoader, loader());
    for (const auto& library : *libraries) {
      collected.files.emplace("lib/" + library.filename().native(), library);
    }
  }
  return collected;
}

}  // namespace slipway::service
