// agent/inventory.hpp -- what this host is made of, from /proc and /sys.
//
// Reads only; a property that a device does not have stays empty or 0. The disks' part is in
// disks.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/disks.hpp"

namespace slipway::agent {

struct Nic {
  std::string name;
  std::string mac = {};          // 52:54:00:aa:00:01
  std::string driver = {};       // "e1000e"
  bool link = false;             // carrier
  std::uint64_t speed_mbit = 0;  // 0: the driver does not say, or there is no link
  bool booted = false;           // the firmware or loader came through it (BOOTIF)
  bool operator==(const Nic&) const = default;
};

struct Inventory {
  std::uint64_t cpus = 0;  // logical
  std::uint64_t memory_octets = 0;
  std::string firmware;  // bios | uefi
  bool secure_boot = false;
  bool tpm = false;
  std::string uuid, serial, manufacturer, product;  // SMBIOS, as the vendor wrote them
  std::vector<Nic> nics;                            // Ethernet with hardware behind it, by name
  std::vector<Disk> disks;                          // by path
  bool operator==(const Inventory&) const = default;
};

[[nodiscard]] Inventory read_inventory(const std::filesystem::path& root);

// Body of POST /agent/v1/inventory.
[[nodiscard]] std::string inventory_json(const Inventory& inventory);

// Body of POST /agent/v1/session: the token and what identifies the host.
[[nodiscard]] std::string session_json(const Inventory& inventory, const std::string& token);

}  // namespace slipway::agent
