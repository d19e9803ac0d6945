// agent/checks.hpp -- does this host meet the profile's requirements? Pure.
#pragma once

#include <optional>

#include "agent/failure.hpp"
#include "agent/inventory.hpp"
#include "agent/plan.hpp"

namespace slipway::agent {

// The first requirement that is not met: memory-too-small, cpus-too-few, firmware-wrong,
// secure-boot-wrong, tpm-missing or nic-too-slow.
[[nodiscard]] std::optional<Failure> check_host(const Requirements& requirements,
                                                const Inventory& inventory);

// disk-too-small when the chosen disk has less than the profile asks for.
[[nodiscard]] std::optional<Failure> check_disk(const Requirements& requirements, const Disk& disk);

}  // namespace slipway::agent
