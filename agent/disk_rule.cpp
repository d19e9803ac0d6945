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
  if (disk.boot_medium) return "is what the installer was started from";
  if (disk.in_use) return "is in use";
  if (disk.read_only) return "is read-only";
  if (is_named_by_serial(disk, conditions)) return {};
  if (disk.removable) return "is removable, and no condition names its serial number";
  if (disk.usb) return "is a USB disk that no condition names by its serial number";
  return {};
}

// The kernel writes "naa.5000c500a1b2c3d4" where tools write "0x5000c500a1b2c3d4" and labels only
// the digits.
std::string bare_wwn(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  for (const std::string_view prefix : {"naa.", "eui.", "0x"}) {
    if (text.starts_with(prefix)) return text.substr(prefix.size());
  }
  return text;
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
  if (differs(bare_wwn(condition.wwn), bare_wwn(disk.wwn)))
    return "has the WWN " + in_quotes(disk.wwn);
  if (differs(condition.path, disk.path)) return "is not at " + condition.path;
  if (condition.rotational && *condition.rotational != disk.rotational)
    return disk.rotational ? "is rotational" : "is not rotational";
  return {};
}

DiskVerdict judge(const Disk& disk, const std::vector<DiskCondition>& conditions) {
  auto why = objection(disk, conditions);
  for (const auto& condition : conditions) {
    if (why.empty()) why = objection(disk, condition);
  }
  DiskVerdict verdict{.path = disk.path,
                      .model = disk.model,
                      .serial = disk.serial,
                      .size_octets = disk.size_octets,
                      .fits = why.empty(),
                      .why = std::move(why)};
  if (verdict.fits) verdict.why = "fits";
  return verdict;
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

Failure several_disks(const DiskChoice& choice, bool one_disk_twice) {
  return {"several-disks-match",
          "More than one disk fits (" + list_verdicts(choice.verdicts) +
              (one_disk_twice ? "); they are one disk that the host reaches in several ways, so "
                                "name one of them by its path."
                              : "); make the profile's disk rule narrower, for example by type, "
                                "size or serial.")};
}

// Those that fit, by their places in the list.
std::vector<std::size_t> fitting(const std::vector<DiskVerdict>& verdicts) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].fits) places.push_back(i);
  }
  return places;
}

// Whether all of `places` carry the same name of a medium: a shelf with two cables shows each of
// its disks twice.
bool is_one_disk(const std::vector<Disk>& disks, const std::vector<std::size_t>& places) {
  const auto& first = disks[places.front()];
  return !first.wwn.empty() && std::ranges::all_of(places, [&](std::size_t place) {
    return disks[place].wwn == first.wwn && disks[place].size_octets == first.size_octets;
  });
}

// Leaves of `places` those at the wanted end of the sizes.
void keep_end(const std::vector<Disk>& disks, DiskPick pick, std::vector<std::size_t>& places) {
  const auto size = [&](std::size_t place) { return disks[place].size_octets; };
  const auto end = pick == DiskPick::largest ? std::ranges::max(places, {}, size)
                                             : std::ranges::min(places, {}, size);
  std::erase_if(places, [&](std::size_t place) { return size(place) != size(end); });
}

}  // namespace

DiskChoice choose_disk(const std::vector<Disk>& disks, const std::vector<DiskCondition>& conditions,
                       DiskPick pick) {
  DiskChoice choice{{}, std::unexpected(Failure{})};
  for (const auto& disk : disks) choice.verdicts.push_back(judge(disk, conditions));
  auto places = fitting(choice.verdicts);
  if (places.empty()) {
    choice.disk = std::unexpected(no_disk(choice.verdicts));
    return choice;
  }
  const std::string end = pick == DiskPick::largest ? "largest" : "smallest";
  const bool picked = places.size() > 1 && pick != DiskPick::one;
  if (picked) {
    for (const auto place : places) choice.verdicts[place].why = "fits, but is not the " + end;
    keep_end(disks, pick, places);
    for (const auto place : places) choice.verdicts[place].why = "fits and is as large as another";
  }
  if (places.size() > 1) {
    choice.disk = std::unexpected(several_disks(choice, is_one_disk(disks, places)));
    return choice;
  }
  auto& taken = choice.verdicts[places.front()];
  taken.taken = true;
  taken.why = picked ? "is the " + end + " that fits" : "is the only one that fits";
  choice.disk = disks[places.front()];
  return choice;
}

}  // namespace slipway::agent
