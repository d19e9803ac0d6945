// service/doctor/machine.hpp -- whether this machine can serve as its settings say.
//
// Reads and tries; changes nothing and sends nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "provisioning/config.hpp"
#include "service/doctor/finding.hpp"
#include "service/interfaces.hpp"

namespace slipway::service {

// The interface is there, up, has an address and not the default route. `found` is set when hosts
// can be asked for there.
[[nodiscard]] Findings check_interface(const provisioning::Config& config, const std::string& name,
                                       std::optional<Interface>& found);

// Ports that the service will bind; those of one that runs are its own.
[[nodiscard]] Findings check_ports(const provisioning::Config& config, const Interface& interface,
                                   bool service_runs);

// Loaders, installer, inventory.
[[nodiscard]] Findings check_files(const provisioning::Config& config);

// The clock, against this program's own time and the newest file of the database.
[[nodiscard]] Finding check_clock(std::chrono::system_clock::time_point now,
                                  const std::filesystem::path& data_dir);

// Room of one file system, in octets. Pure.
[[nodiscard]] Finding judge_space(const std::filesystem::path& folder, std::uint64_t free,
                                  std::uint64_t size);
[[nodiscard]] Finding check_space(const std::filesystem::path& data_dir);

}  // namespace slipway::service
