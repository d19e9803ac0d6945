#include "agent/disk_rule.hpp"

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

TEST_CASE("no condition brings a forbidden disk in", "[agent][disk]") {
  auto forbidden = disk("/dev/sda", "ssd", 100);
  std::string why;
  SECTION("removable") { forbidden.removable = true, why = "is removable"; }
  SECTION("read-only") { forbidden.read_only = true, why = "is read-only"; }
  SECTION("mounted") { forbidden.in_use = true, why = "is in use"; }
  SECTION("an empty card reader") { forbidden.size_octets = 0, why = "has no medium"; }
  const auto choice = choose_disk({forbidden}, {serial("S-/dev/sda"), path("/dev/sda")});
  CHECK(result(choice) == "no-disk-matches");
  REQUIRE(choice.verdicts.size() == 1);
  CHECK(choice.verdicts[0].why == why);
}

TEST_CASE("a USB disk is taken only when its serial number is named", "[agent][disk]") {
  auto stick = disk("/dev/sdb", "hdd", 64);
  stick.usb = true;
  CHECK(result(choose_disk({stick}, {})) == "no-disk-matches");
  CHECK(result(choose_disk({stick}, {path("/dev/sdb")})) == "no-disk-matches");
  CHECK(result(choose_disk({stick}, {serial("S-/dev/sdb")})) == "/dev/sdb");
  stick.serial.clear();  // an empty condition must not name an empty serial number
  CHECK(result(choose_disk({stick}, {type("hdd")})) == "no-disk-matches");
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
