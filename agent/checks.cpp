#include "agent/checks.hpp"

#include "agent/disk_rule.hpp"
#include "base/progress.hpp"

namespace slipway::agent {

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
  return std::nullopt;
}

std::optional<Failure> check_disk(const Requirements& requirements, const Disk& disk) {
  if (disk.size_octets >= requirements.disk_octets) return std::nullopt;
  return Failure{"disk-too-small", disk.path + " has " + human_octets(disk.size_octets) +
                                       " and the profile asks for " +
                                       human_octets(requirements.disk_octets) +
                                       "; fit a larger disk or assign another profile."};
}

}  // namespace slipway::agent
