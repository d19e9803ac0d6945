// service/installer_drivers.hpp -- the sets of drivers that `installer build --drivers` knows.
#pragma once

#include <string>
#include <vector>

#include "service/installer_modules.hpp"

namespace slipway::service {

// The modules that the words of --drivers stand for, each either a set or a module's own name:
//   server   network adapters and disk controllers of x86 servers, PCs, edge boxes and their
//            virtual machines
//   all      every Ethernet, SCSI, ATA, NVMe, MMC, UFS and USB storage driver of this kernel
//   virtio   what QEMU and clouds like it show, for tests
// No word at all means server. Whatever the words are, `loop` and the file systems that the agent
// can grow are among the modules, and so are the firmware's variables.
[[nodiscard]] std::vector<std::string> expand_drivers(const std::vector<std::string>& words,
                                                      const ModuleTables& tables);

}  // namespace slipway::service
