// agent/health.hpp -- what a disk says of its own health (SMART, NVMe), as smartctl reads it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "agent/disks.hpp"
#include "agent/failure.hpp"
#include "agent/tools.hpp"

namespace slipway::agent {

struct Health {
  enum class Verdict : std::uint8_t { good, bad, unknown };
  Verdict verdict = Verdict::unknown;
  std::string summary;  // one line: "SMART passed, 12345 hours, 0 pending sectors"
};

[[nodiscard]] std::string_view to_text(Health::Verdict verdict);  // good, bad, unknown

// What `smartctl --json` (7.0 and later) printed. Bad: the disk itself expects to fail (SMART
// status, an NVMe critical warning), or has sectors that it cannot read (pending, uncorrectable).
// Unknown: it keeps no such data, or they are switched off. Fails when the text is no such report.
[[nodiscard]] Fallible<Health> parse_health(std::string_view json);

// Asks the disk at `device`; eMMC and virtio disks have nothing to say and are not asked. Fails
// with tool-missing when smartctl is not in the installer.
[[nodiscard]] std::expected<Health, Failure> read_health(const Disk& disk,
                                                         const std::string& device,
                                                         const Tools& tools);

// disk-unhealthy when `health` is bad.
[[nodiscard]] std::optional<Failure> check_health(const Disk& disk, const Health& health);

}  // namespace slipway::agent
