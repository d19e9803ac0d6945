#include "agent/disk_rule.hpp"

#include <algorithm>
#include <optional>

#include "tests/support/catch.hpp"

using namespace slipway::agent;

namespace {

constexpr std::uint64_t kGib = std::uint64_t{1} << 30;

Disk disk(const std::string& path, const std::string& type, std::uint64_t gib) {
  Disk made;
  made.path = path;
  made.type = type;
  made.model = "M-" + path;
  made.serial = "S-" + path;
  made.size_octets = gib * kGib;
  made.sector_octets = 512;
  return made;
}

// Conditions with one or two members set.
DiskCondition type(const char* text) {
  DiskCondition condition;
  condition.type = text;
  return condition;
}
DiskCondition sizes(std::uint64_t min_octets, std::uint64_t max_octets = 0) {
  DiskCondition condition;
  condition.min_octets = min_octets;
  condition.max_octets = max_octets;
  return condition;
}
DiskCondition model(const char* text) {
  DiskCondition condition;
  condition.model = text;
  return condition;
}
DiskCondition serial(const char* text) {
  DiskCondition condition;
  condition.serial = text;
  return condition;
}
DiskCondition path(const char* text) {
  DiskCondition condition;
  condition.path = text;
  return condition;
}

std::string result(const DiskChoice& choice) {
  return choice.disk ? choice.disk->path : choice.disk.error().reason;
}

}  // namespace

TEST_CASE("the conditions leave exactly one disk or none is taken", "[agent][disk]") {
  const std::vector<Disk> disks = {disk("/dev/nvme0n1", "nvme", 500), disk("/dev/sda", "ssd", 100),
                                   disk("/dev/sdb", "hdd", 2000)};
  struct Row {
    const char* why;
    std::vector<DiskCondition> conditions;
    const char* expected;
  };
  const auto row = GENERATE(values<Row>({
      {"no condition and three disks", {}, "several-disks-match"},
      {"by type", {type("nvme")}, "/dev/nvme0n1"},
      {"a type that is not there", {type("mmc")}, "no-disk-matches"},
      {"at least", {sizes(1000 * kGib)}, "/dev/sdb"},
      {"exactly the minimum counts", {sizes(2000 * kGib)}, "/dev/sdb"},
      {"one octet more does not", {sizes(2000 * kGib + 1)}, "no-disk-matches"},
      {"at most", {sizes(0, 100 * kGib)}, "/dev/sda"},
      {"at least, two fit", {sizes(200 * kGib)}, "several-disks-match"},
      {"both bounds", {sizes(200 * kGib, 600 * kGib)}, "/dev/nvme0n1"},
      {"all entries must hold", {type("nvme"), sizes(600 * kGib)}, "no-disk-matches"},
      {"two entries that agree", {type("hdd"), sizes(600 * kGib)}, "/dev/sdb"},
      {"model", {model("M-/dev/sda")}, "/dev/sda"},
      {"a part of the model is not the model", {model("M-")}, "no-disk-matches"},
      {"serial", {serial("S-/dev/sdb")}, "/dev/sdb"},
      {"path", {path("/dev/sda")}, "/dev/sda"},
  }));
  INFO(row.why);
  CHECK(result(choose_disk(disks, row.conditions)) == row.expected);
}

namespace {

// A property that speaks against a disk, and what happens when its serial number is named.
struct Trait {
  const char* name;
  void (*give)(Disk&);
  const char* why;            // without the serial number
  const char* why_by_serial;  // with it; null: the disk is taken then
};

const std::vector<Trait> kTraits = {
    {"mounted", [](Disk& it) { it.in_use = true; }, "is in use", "is in use"},
    {"read-only", [](Disk& it) { it.read_only = true; }, "is read-only", "is read-only"},
    {"an empty reader", [](Disk& it) { it.size_octets = 0; }, "has no medium", "has no medium"},
    {"boot medium", [](Disk& it) { it.boot_medium = true; },
     "is what the installer was started from", "is what the installer was started from"},
    {"removable", [](Disk& it) { it.removable = true; },
     "is removable, and no condition names its serial number", nullptr},
    {"USB", [](Disk& it) { it.usb = true; },
     "is a USB disk that no condition names by its serial number", nullptr},
    {"a stick", [](Disk& it) { it.usb = it.removable = true; },
     "is removable, and no condition names its serial number", nullptr},
    {"a mounted stick", [](Disk& it) { it.usb = it.removable = it.in_use = true; }, "is in use",
     "is in use"},
    {"a read-only stick", [](Disk& it) { it.usb = it.read_only = true; }, "is read-only",
     "is read-only"},
    {"the stick that the installer came from",
     [](Disk& it) { it.usb = it.removable = it.boot_medium = true; },
     "is what the installer was started from", "is what the installer was started from"},
};

}  // namespace

TEST_CASE("a forbidden disk is left, and only a stick comes in by its serial number",
          "[agent][disk]") {
  for (const auto& trait : kTraits) {
    INFO(trait.name);
    auto forbidden = disk("/dev/sda", "ssd", 100);
    trait.give(forbidden);
    for (const auto& conditions :
         std::vector<std::vector<DiskCondition>>{{}, {path("/dev/sda")}, {type("ssd")}}) {
      const auto choice = choose_disk({forbidden}, conditions);
      CHECK(result(choice) == "no-disk-matches");
      CHECK(choice.verdicts.at(0).why == trait.why);
      CHECK_FALSE(choice.verdicts.at(0).taken);
    }
    for (const auto pick : {DiskPick::one, DiskPick::largest, DiskPick::smallest}) {
      const auto choice = choose_disk({forbidden}, {serial("S-/dev/sda")}, pick);
      CHECK(result(choice) == (trait.why_by_serial == nullptr ? "/dev/sda" : "no-disk-matches"));
      CHECK(choice.verdicts.at(0).taken == (trait.why_by_serial == nullptr));
      if (trait.why_by_serial != nullptr) {
        CHECK(choice.verdicts.at(0).why == trait.why_by_serial);
      }
    }
    // Beside the host's own disk it never wins, however large, and never makes the choice
    // ambiguous.
    forbidden.size_octets = forbidden.size_octets == 0 ? 0 : 9000 * kGib;
    const auto own = disk("/dev/sdb", "ssd", 50);
    CHECK(result(choose_disk({forbidden, own}, {})) == "/dev/sdb");
    CHECK(result(choose_disk({forbidden, own}, {}, DiskPick::largest)) == "/dev/sdb");
  }
}

TEST_CASE("an empty serial number is not named by an empty condition", "[agent][disk]") {
  auto stick = disk("/dev/sdb", "hdd", 64);
  stick.usb = true;
  stick.serial.clear();
  CHECK(result(choose_disk({stick}, {type("hdd")})) == "no-disk-matches");
}

TEST_CASE("WWN and rotation are conditions like others", "[agent][disk]") {
  auto spinning = disk("/dev/sda", "hdd", 100);
  spinning.wwn = "naa.5000C500A1B2C3D4";
  spinning.rotational = true;
  auto solid = disk("/dev/nvme0n1", "nvme", 100);
  solid.wwn = "eui.0025385b71b0a1c2";
  struct Row {
    const char* wwn;
    std::optional<bool> rotational;
    const char* expected;
  };
  const auto row = GENERATE(values<Row>({
      {"naa.5000C500A1B2C3D4", std::nullopt, "/dev/sda"},
      {"naa.5000c500a1b2c3d4", std::nullopt, "/dev/sda"},
      {"0x5000c500a1b2c3d4", std::nullopt, "/dev/sda"},
      {"5000c500a1b2c3d4", std::nullopt, "/dev/sda"},
      {"5000c500a1b2c3d", std::nullopt, "no-disk-matches"},
      {"eui.0025385b71b0a1c2", std::nullopt, "/dev/nvme0n1"},
      {"0025385B71B0A1C2", std::nullopt, "/dev/nvme0n1"},
      {"", true, "/dev/sda"},
      {"", false, "/dev/nvme0n1"},
      {"", std::nullopt, "several-disks-match"},
      {"0x5000c500a1b2c3d4", true, "/dev/sda"},
      {"0x5000c500a1b2c3d4", false, "no-disk-matches"},
  }));
  INFO(row.wwn);
  DiskCondition condition;
  condition.wwn = row.wwn;
  condition.rotational = row.rotational;
  CHECK(result(choose_disk({spinning, solid}, {condition})) == row.expected);
}

TEST_CASE("of several disks that fit, the last resort takes one at an end of the sizes",
          "[agent][disk]") {
  struct Row {
    const char* why;
    std::vector<std::uint64_t> gib;  // of nvme0n1, nvme1n1, ...
    std::vector<DiskCondition> conditions;
    DiskPick pick;
    const char* expected;
  };
  const auto one = DiskPick::one, largest = DiskPick::largest, smallest = DiskPick::smallest;
  const auto row = GENERATE_COPY(values<Row>({
      {"nothing said", {1, 2}, {}, one, "several-disks-match"},
      {"the largest", {1, 3, 2}, {}, largest, "/dev/nvme1n1"},
      {"the smallest", {2, 1, 3}, {}, smallest, "/dev/nvme1n1"},
      {"two largest", {3, 1, 3}, {}, largest, "several-disks-match"},
      {"two smallest", {1, 3, 1}, {}, smallest, "several-disks-match"},
      {"two smallest do not hinder the largest", {1, 3, 1}, {}, largest, "/dev/nvme1n1"},
      {"all equal", {2, 2}, {}, largest, "several-disks-match"},
      {"all equal", {2, 2}, {}, smallest, "several-disks-match"},
      {"one alone", {2}, {}, largest, "/dev/nvme0n1"},
      {"one alone", {2}, {}, smallest, "/dev/nvme0n1"},
      {"none", {}, {}, largest, "no-disk-matches"},
      {"the largest of those that fit", {1, 5, 9}, {sizes(0, 6 * kGib)}, largest, "/dev/nvme1n1"},
      {"the smallest of those that fit", {1, 5, 9}, {sizes(2 * kGib)}, smallest, "/dev/nvme1n1"},
      {"the pick brings in nothing that does not fit",
       {1},
       {type("hdd")},
       largest,
       "no-disk-matches"},
      {"a named one needs no pick", {7, 7}, {serial("S-/dev/nvme1n1")}, largest, "/dev/nvme1n1"},
  }));
  INFO(row.why);
  std::vector<Disk> disks;
  for (std::size_t i = 0; i < row.gib.size(); ++i) {
    disks.push_back(disk("/dev/nvme" + std::to_string(i) + "n1", "nvme", row.gib[i]));
  }
  const auto choice = choose_disk(disks, row.conditions, row.pick);
  CHECK(result(choice) == row.expected);
  const auto taken = std::ranges::count(choice.verdicts, true, &DiskVerdict::taken);
  CHECK(taken == (choice.disk ? 1 : 0));
}

TEST_CASE("two disks of one serial number are two disks", "[agent][disk]") {
  auto first = disk("/dev/sda", "ssd", 100);
  auto second = disk("/dev/sdb", "ssd", 200);
  first.serial = second.serial = "0000000000";  // as cheap controllers say of all their disks
  CHECK(result(choose_disk({first, second}, {serial("0000000000")})) == "several-disks-match");
  CHECK(result(choose_disk({first, second}, {serial("0000000000"), path("/dev/sda")})) ==
        "/dev/sda");
  first.wwn = second.wwn = "naa.5000c500a1b2c3d4";
  second.size_octets = first.size_octets;
  const auto twice = choose_disk({first, second}, {}, DiskPick::largest);
  REQUIRE_FALSE(twice.disk);
  CHECK(twice.disk.error().reason == "several-disks-match");
  CHECK_THAT(twice.disk.error().detail, ContainsSubstring("one disk that the host reaches"));
}

TEST_CASE("the report tells of each disk why it was taken or left", "[agent][disk]") {
  auto stick = disk("/dev/sda", "ssd", 60);
  stick.usb = true;
  const auto choice =
      choose_disk({disk("/dev/nvme0n1", "nvme", 10), disk("/dev/nvme1n1", "nvme", 20), stick,
                   disk("/dev/sdb", "hdd", 30)},
                  {sizes(0, 20 * kGib)}, DiskPick::largest);
  REQUIRE(choice.verdicts.size() == 4);
  const auto said = [&](std::size_t i) {
    const auto& it = choice.verdicts[i];
    return it.path + " " + it.model + " " + it.serial + " " + (it.taken ? "taken" : "left") + ": " +
           it.why;
  };
  CHECK(said(0) == "/dev/nvme0n1 M-/dev/nvme0n1 S-/dev/nvme0n1 left: fits, but is not the largest");
  CHECK(said(1) == "/dev/nvme1n1 M-/dev/nvme1n1 S-/dev/nvme1n1 taken: is the largest that fits");
  CHECK(said(2) ==
        "/dev/sda M-/dev/sda S-/dev/sda left: is a USB disk that no condition names by its serial "
        "number");
  CHECK(said(3) == "/dev/sdb M-/dev/sdb S-/dev/sdb left: has 30.0 GiB, more than 20.0 GiB");
  CHECK(choice.verdicts[1].size_octets == 20 * kGib);
}

TEST_CASE("every disk gets a verdict, and the refusal repeats them", "[agent][disk]") {
  const std::vector<Disk> disks = {disk("/dev/sda", "ssd", 20), disk("/dev/sdb", "hdd", 30)};
  const auto choice = choose_disk(disks, {type("ssd"), sizes(25 * kGib)});
  REQUIRE_FALSE(choice.disk);
  CHECK(choice.disk.error().detail ==
        "No disk fits (/dev/sda has 20.0 GiB, less than 25.0 GiB, /dev/sdb is of type hdd); change "
        "the profile's disk rule or the host's disks.");
  const auto both = choose_disk(disks, {});
  REQUIRE_FALSE(both.disk);
  CHECK(both.disk.error().detail ==
        "More than one disk fits (/dev/sda fits, /dev/sdb fits); make the profile's disk rule "
        "narrower, for example by type, size or serial.");
}

TEST_CASE("a host without a disk says so", "[agent][disk]") {
  const auto choice = choose_disk({}, {});
  REQUIRE_FALSE(choice.disk);
  CHECK_THAT(choice.disk.error().detail, ContainsSubstring("no disk at all"));
}
