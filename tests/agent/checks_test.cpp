#include "agent/checks.hpp"

#include "tests/support/catch.hpp"

using namespace slipway::agent;

TEST_CASE("the first requirement that is not met has a name", "[agent][checks]") {
  Inventory host;
  host.cpus = 2;
  host.memory_octets = 4'000;
  host.firmware = "bios";
  struct Row {
    const char* why;
    Requirements asked;
    const char* expected;
  };
  const auto row = GENERATE(values<Row>({
      {"nothing asked", {}, ""},
      {"exactly enough", {.memory_octets = 4'000, .cpus = 2, .firmware = "bios"}, ""},
      {"one octet too few", {.memory_octets = 4'001}, "memory-too-small"},
      {"one CPU too few", {.cpus = 3}, "cpus-too-few"},
      {"other firmware", {.firmware = "uefi"}, "firmware-wrong"},
      {"memory is named first", {.memory_octets = 5'000, .cpus = 9}, "memory-too-small"},
  }));
  INFO(row.why);
  const auto failure = check_host(row.asked, host);
  CHECK((failure ? failure->reason : "") == row.expected);
}

TEST_CASE("the detail names what is there, what is asked, and a remedy", "[agent][checks]") {
  Inventory host;
  host.memory_octets = std::uint64_t{512} << 20;
  host.firmware = "uefi";
  const auto failure =
      check_host({.memory_octets = std::uint64_t{4} << 30, .firmware = "any"}, host);
  REQUIRE(failure);
  CHECK(failure->detail ==
        "The host has 512.0 MiB of memory and the profile asks for 4.0 GiB; fit more memory or "
        "assign another profile.");
}

TEST_CASE("a disk smaller than asked is refused, an equal one is not", "[agent][checks]") {
  Disk disk;
  disk.path = "/dev/vda";
  disk.size_octets = 100;
  CHECK_FALSE(check_disk({.disk_octets = 100}, disk));
  const auto failure = check_disk({.disk_octets = 101}, disk);
  REQUIRE(failure);
  CHECK(failure->reason == "disk-too-small");
}
