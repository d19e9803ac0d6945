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

TEST_CASE("Secure Boot, TPM and the speed of the NIC that booted are held to the profile",
          "[agent][checks]") {
  const Nic booted{.name = "eth1", .link = true, .speed_mbit = 1000, .booted = true};
  const Nic fast{.name = "eth0", .link = true, .speed_mbit = 10000};
  const Nic unplugged{.name = "eth2"};
  auto silent = booted;
  silent.speed_mbit = 0;
  struct Row {
    const char* why;
    Requirements asked;
    bool secure_boot, tpm;
    std::vector<Nic> nics;
    const char* expected;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"nothing asked", {}, false, false, {}, ""},
      {"Secure Boot on", {.secure_boot = "on"}, true, false, {}, ""},
      {"Secure Boot off", {.secure_boot = "off"}, false, false, {}, ""},
      {"Secure Boot is off", {.secure_boot = "on"}, false, false, {}, "secure-boot-wrong"},
      {"Secure Boot is on", {.secure_boot = "off"}, true, false, {}, "secure-boot-wrong"},
      {"a TPM", {.tpm = true}, false, true, {}, ""},
      {"no TPM", {.tpm = true}, false, false, {}, "tpm-missing"},
      {"a TPM that nobody asked for", {}, false, true, {}, ""},
      {"fast enough", {.nic_speed_mbit = 1000}, false, false, {fast, booted}, ""},
      {"another NIC is faster",
       {.nic_speed_mbit = 2500},
       false,
       false,
       {fast, booted},
       "nic-too-slow"},
      {"no speed and none asked", {}, false, false, {silent}, ""},
      {"no speed", {.nic_speed_mbit = 10}, false, false, {silent}, "nic-too-slow"},
      {"no BOOTIF, one link", {.nic_speed_mbit = 10000}, false, false, {unplugged, fast}, ""},
      {"no BOOTIF, two links", {.nic_speed_mbit = 10}, false, false, {fast, fast}, "nic-too-slow"},
      {"no NIC at all", {.nic_speed_mbit = 10}, false, false, {}, "nic-too-slow"},
  }));
  INFO(row.why);
  Inventory host;
  host.secure_boot = row.secure_boot;
  host.tpm = row.tpm;
  host.nics = row.nics;
  const auto failure = check_host(row.asked, host);
  CHECK((failure ? failure->reason : "") == row.expected);
}

TEST_CASE("a NIC that does not tell its speed is refused with a sentence", "[agent][checks]") {
  Inventory host;
  host.nics = {{.name = "eth0", .link = true, .booted = true}};
  const auto failure = check_host({.nic_speed_mbit = 1000}, host);
  REQUIRE(failure);
  CHECK(failure->detail ==
        "eth0 does not say how fast it runs (virtual ones never do) and the profile asks for 1000 "
        "Mbit/s; leave nic_speed out of the profile for such hosts.");
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
