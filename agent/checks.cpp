#include "agent/checks.hpp"

#include <algorithm>

#include "agent/disk_rule.hpp"
#include "base/progress.hpp"

namespace slipway::agent {
namespace {

std::optional<Failure> check_secure_boot(const Requirements& requirements,
                                         const Inventory& inventory) {
  const std::string state = inventory.secure_boot ? "on" : "off";
  if (requirements.secure_boot == "any" || requirements.secure_boot == state) return std::nullopt;
  return Failure{"secure-boot-wrong", "Secure Boot is " + state + " and the profile asks for " +
                                          requirements.secure_boot +
                                          "; change it in the firmware's set-up or assign another "
                                          "profile."};
}

// The one that booted; where no loader said which, the only one with a link.
const Nic* boot_nic(const Inventory& inventory) {
  const auto& nics = inventory.nics;
  const auto booted = std::ranges::find(nics, true, &Nic::booted);
  if (booted != nics.end()) return &*booted;
  if (std::ranges::count(nics, true, &Nic::link) != 1) return nullptr;
  return &*std::ranges::find(nics, true, &Nic::link);
}

std::optional<Failure> check_nic(const Requirements& requirements, const Inventory& inventory) {
  if (requirements.nic_speed_mbit == 0) return std::nullopt;
  const auto asked = std::to_string(requirements.nic_speed_mbit) + " Mbit/s";
  const auto* nic = boot_nic(inventory);
  if (nic == nullptr) {
    return Failure{"nic-too-slow", "The profile asks for " + asked +
                                       " on the network interface that booted, and the host does "
                                       "not know which that was; pull the other cables or leave "
                                       "nic_speed out of the profile."};
  }
  if (nic->speed_mbit >= requirements.nic_speed_mbit) return std::nullopt;
  if (nic->speed_mbit == 0) {
    return Failure{"nic-too-slow", nic->name +
                                       " does not say how fast it runs (virtual ones "
                                       "never do) and the profile asks for " +
                                       asked +
                                       "; leave nic_speed out of the profile for such hosts."};
  }
  return Failure{"nic-too-slow", nic->name + " runs at " + std::to_string(nic->speed_mbit) +
                                     " Mbit/s and the profile asks for " + asked +
                                     "; check the cable and the switch's port."};
}

}  // namespace

std::optional<Failure> check_host(const Requirements& requirements, const Inventory& inventory) {
  if (inventory.memory_octets < requirements.memory_octets) {
    return Failure{"memory-too-small", "The host has " + human_octets(inventory.memory_octets) +
                                           " of memory and the profile asks for " +
                                           human_octets(requirements.memory_octets) +
                                           "; fit more memory or assign another profile."};
  }
  if (inventory.cpus < requirements.cpus) {
    return Failure{"cpus-too-few", "The host has " + std::to_string(inventory.cpus) +
                                       " CPUs and the profile asks for " +
                                       std::to_string(requirements.cpus) +
                                       "; assign another profile or use another host."};
  }
  if (requirements.firmware != "any" && requirements.firmware != inventory.firmware) {
    return Failure{"firmware-wrong", "The host booted through " + inventory.firmware +
                                         " and the profile asks for " + requirements.firmware +
                                         "; change the boot mode in the firmware's set-up."};
  }
  if (auto failure = check_secure_boot(requirements, inventory)) return failure;
  if (requirements.tpm && !inventory.tpm) {
    return Failure{"tpm-missing",
                   "The host shows no TPM and the profile asks for one; switch it on in the "
                   "firmware's set-up (TPM, PTT or fTPM) or assign another profile."};
  }
  return check_nic(requirements, inventory);
}

std::optional<Failure> check_disk(const Requirements& requirements, const Disk& disk) {
  if (disk.size_octets >= requirements.disk_octets) return std::nullopt;
  return Failure{"disk-too-small", disk.path + " has " + human_octets(disk.size_octets) +
                                       " and the profile asks for " +
                                       human_octets(requirements.disk_octets) +
                                       "; fit a larger disk or assign another profile."};
}

}  // namespace slipway::agent
