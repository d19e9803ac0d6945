#include "agent/disk_rule.hpp"

#include <algorithm>
#include <string_view>

#include "base/progress.hpp"

namespace slipway::agent {
namespace {

bool is_named_by_serial(const Disk& disk, const std::vector<DiskCondition>& conditions) {
  return !disk.serial.empty() && std::ranges::any_of(conditions, [&](const auto& condition) {
    return condition.serial == disk.serial;
  });
}

// Empty when nothing forbids the disk as such.
std::string objection(const Disk& disk, const std::vector<DiskCondition>& conditions) {
  if (disk.size_octets == 0) return "has no medium";
  if (disk.read_only) return "is read-only";
  if (disk.in_use) return "is in use";
  if (disk.removable) return "is removable";
  if (disk.usb && !is_named_by_serial(disk, conditions)) {
    return "is a USB disk that no condition names by its serial number";
  }
  return {};
}

bool differs(const std::string& wanted, const std::string& found) {
  return !wanted.empty() && wanted != found;
}

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

// Empty when `condition` holds.
std::string objection(const Disk& disk, const DiskCondition& condition) {
  if (differs(condition.type, disk.type)) return "is of type " + disk.type;
  if (disk.size_octets < condition.min_octets) {
    return "has " + human_octets(disk.size_octets) + ", less than " +
           human_octets(condition.min_octets);
  }
  if (condition.max_octets != 0 && disk.size_octets > condition.max_octets) {
    return "has " + human_octets(disk.size_octets) + ", more than " +
           human_octets(condition.max_octets);
  }
  if (differs(condition.model, disk.model)) return "is of model " + in_quotes(disk.model);
  if (differs(condition.serial, disk.serial))
    return "has the serial number " + in_quotes(disk.serial);
  if (differs(condition.path, disk.path)) return "is not at " + condition.path;
  return {};
}

DiskVerdict judge(const Disk& disk, const std::vector<DiskCondition>& conditions) {
  auto why = objection(disk, conditions);
  for (const auto& condition : conditions) {
    if (why.empty()) why = objection(disk, condition);
  }
  if (!why.empty()) return {disk.path, false, why};
  return {disk.path, true, "fits"};
}

std::string list_verdicts(const std::vector<DiskVerdict>& verdicts) {
  std::string text;
  for (const auto& verdict : verdicts) {
    if (!text.empty()) text += ", ";
    text += verdict.path + " " + verdict.why;
  }
  return text;
}

Failure no_disk(const std::vector<DiskVerdict>& verdicts) {
  if (verdicts.empty()) {
    return {"no-disk-matches",
            "The host shows no disk at all; check cabling and the firmware's storage settings, or "
            "add the driver with installer build --add-module."};
  }
  return {"no-disk-matches", "No disk fits (" + list_verdicts(verdicts) +
                                 "); change the profile's disk rule or the host's disks."};
}

Failure several_disks(const std::vector<DiskVerdict>& verdicts) {
  return {"several-disks-match",
          "More than one disk fits (" + list_verdicts(verdicts) +
              "); make the profile's disk rule narrower, for example by type, size or serial."};
}

}  // namespace

DiskChoice choose_disk(const std::vector<Disk>& disks,
                       const std::vector<DiskCondition>& conditions) {
  std::vector<DiskVerdict> verdicts;
  const Disk* fitting = nullptr;
  for (const auto& disk : disks) {
    verdicts.push_back(judge(disk, conditions));
    if (verdicts.back().fits) fitting = &disk;
  }
  const auto count = std::ranges::count_if(verdicts, &DiskVerdict::fits);
  if (count == 0) return {verdicts, std::unexpected(no_disk(verdicts))};
  if (count > 1) return {verdicts, std::unexpected(several_disks(verdicts))};
  return {verdicts, *fitting};
}

}  // namespace slipway::agent
