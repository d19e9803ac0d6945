// agent/disk_rule.hpp -- which disk is written: exactly one, or none. Pure.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "agent/disks.hpp"
#include "agent/failure.hpp"
#include "agent/plan.hpp"

namespace slipway::agent {

struct DiskVerdict {
  std::string path;
  bool fits = false;
  std::string why;  // "is taken", or the first thing that speaks against it: "is read-only"
};

struct DiskChoice {
  std::vector<DiskVerdict> verdicts;  // one for each disk, in their order
  std::expected<Disk, Failure> disk;  // no-disk-matches, several-disks-match
};

// Never chosen, whatever the conditions say: disks that are removable, read-only, in use or without
// a medium; and USB disks unless a condition names their serial number, because the stick in the
// technician's pocket must not be taken for the host's disk.
[[nodiscard]] DiskChoice choose_disk(const std::vector<Disk>& disks,
                                     const std::vector<DiskCondition>& conditions);

}  // namespace slipway::agent
