// agent/disk_rule.hpp -- which disk is written: exactly one, or none. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "agent/disks.hpp"
#include "agent/failure.hpp"
#include "agent/plan.hpp"

namespace slipway::agent {

// One disk as the report lists it.
struct DiskVerdict {
  std::string path, model, serial;
  std::uint64_t size_octets = 0;
  bool fits = false;   // nothing speaks against it
  bool taken = false;  // of those that fit, this one
  std::string why;     // "is the only one that fits", or what speaks against it: "is read-only"
};

struct DiskChoice {
  std::vector<DiskVerdict> verdicts;  // one for each disk, in their order
  std::expected<Disk, Failure> disk;  // no-disk-matches, several-disks-match
};

// Never chosen, whatever the conditions say: a disk that is mounted or otherwise in use, read-only,
// without a medium, or that the installer itself was started from. Removable and USB-attached ones
// only when a condition names their serial number, because the stick in the technician's pocket
// must not be taken for the host's disk. All conditions must hold. Of several disks that fit,
// `pick` takes the one that is larger (smaller) than every other; disks of equal size stay a
// failure.
[[nodiscard]] DiskChoice choose_disk(const std::vector<Disk>& disks,
                                     const std::vector<DiskCondition>& conditions,
                                     DiskPick pick = DiskPick::one);

}  // namespace slipway::agent
