// agent/disks.hpp -- the block devices that could hold an operating system, from /sys/block.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace slipway::agent {

struct Disk {
  std::string path;  // /dev/nvme0n1
  std::string type;  // nvme | ssd | hdd | mmc | virtio
  std::string model, serial, wwn;
  std::uint64_t size_octets = 0;    // 0: no medium
  std::uint64_t sector_octets = 0;  // logical: 512 or 4096
  bool removable = false;
  bool read_only = false;
  bool usb = false;
  bool in_use = false;  // mounted, swap, or part of a RAID or a mapping
  bool rotational = false;
  bool boot_medium = false;  // the installer itself was started from it
  bool operator==(const Disk&) const = default;
};

// Every whole disk, by path. Left out are devices that are never a host's disk: loop, RAM, zram,
// device-mapper and MD devices, optical and floppy drives, network block devices, the boot and
// RPMB areas of eMMC, and hidden paths of a multipath NVMe.
//
// The boot medium is known by the GUID of the partition that the installer came from, which stands
// in the disk's partition table: `slipway.medium=GUID` on the kernel's command line, or else the
// variable LoaderDevicePartUUID that UEFI loaders and unified kernel images leave. A host that came
// through the network has none.
[[nodiscard]] std::vector<Disk> read_disks(const std::filesystem::path& root);

}  // namespace slipway::agent
