// service/installer_build.hpp -- `slipway installer build`: kernel and initramfs of our installer.
//
// The kernel is the distribution's, octet for octet, so that Secure Boot takes it. The initramfs
// holds drivers of that kernel with their firmware, busybox, the scripts of agent/initramfs, the
// agent and the programs that it runs. Same inputs, same octets: no time, no user, no order of a
// folder goes in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "service/installer_kernel.hpp"
#include "service/installer_tools.hpp"

namespace slipway::service {

struct InstallerOptions {
  KernelChoice kernel;
  std::vector<std::string> drivers;       // sets and modules, see installer_drivers.hpp
  std::vector<std::string> add_modules;   // modules besides
  std::vector<std::string> add_firmware;  // files below `firmware` besides: "rtl_nic/rtl8168h-2.fw"
  std::vector<InstallerTool> tools = installer_tools(false);
  // The depot's public key: hosts take only manifests that it signed. Empty, or not there: any.
  std::filesystem::path depot_key;
  std::filesystem::path agent;  // slipway-agent; empty: beside this program, or installed
  std::filesystem::path busybox = "/usr/bin/busybox";  // must be static
  std::filesystem::path firmware = "/lib/firmware";
  std::uint64_t firmware_octets = std::uint64_t{16} << 20;  // budget; what exceeds it is left out
  std::filesystem::path
      output;  // folder, made when missing: vmlinuz, initramfs.img, installer.json
};

struct InstallerPart {
  std::string name;  // "kernel", "modules", "firmware", "agent", "busybox", "tools", "scripts",
                     // "initramfs"
  std::uint64_t octets = 0;  // before compression, but for "kernel" and "initramfs"
};

struct BuiltInstaller {
  std::string kernel_version;
  std::vector<InstallerPart> parts;
  std::uint64_t boot_octets = 0;  // kernel and initramfs: what a host downloads
};

// `say` hears what a person should know while it runs: the kernel chosen, drivers that it lacks,
// firmware left out. The files in `output` are replaced only when all are made; installer.json,
// which names the digests of the other two, comes last.
[[nodiscard]] Fallible<BuiltInstaller> build_installer(const InstallerOptions& options,
                                                       const Say& say);

// The parts with their sizes, a line each, and the sum that a host downloads.
[[nodiscard]] std::string size_table(const BuiltInstaller& built);

}  // namespace slipway::service
