#include "agent/diagnosis.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "tests/agent/fake_root.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using slipway::test::FakeRoot;

namespace {

Findings findings() {
  Findings all;
  all.reason = "disk-write-error";
  all.detail = "sda: LBA 8: Input/output error";
  all.kernel = "[1.0] one\n[2.0] two";
  all.console = {"Attempt 1", "Writing /dev/sda"};
  all.inventory.nics = {{"eth0", "52:54:00:aa:00:01", "e1000", true}};
  Disk disk;
  disk.path = "/dev/sda";
  disk.type = "hdd";
  disk.model = "Old";
  disk.size_octets = 1 << 30;
  all.inventory.disks = {disk};
  return all;
}

std::vector<std::string> lines_of(const std::string& bundle, const std::string& title) {
  const auto document = boost::json::parse(bundle);
  for (const auto& section : document.at("bundle").at("sections").as_array()) {
    if (section.at("title").as_string() != title.c_str()) continue;
    std::vector<std::string> lines;
    for (const auto& line : section.at("lines").as_array()) lines.emplace_back(line.as_string());
    return lines;
  }
  return {};
}

}  // namespace

TEST_CASE("a bundle holds what a technician asks for", "[agent][diagnosis]") {
  FakeRoot root;
  root.file("sys/block/sda/device/state", "offline\n");
  root.file("sys/class/net/eth0/operstate", "up\n");
  root.file("sys/class/net/eth0/speed", "1000\n");
  root.file("sys/class/net/eth0/statistics/rx_crc_errors", "7\n");
  root.file("bin/smartctl", "#!/bin/sh\necho \"asked: $*\"\necho PASSED\nexit 4\n");
  std::filesystem::permissions(root.path() / "bin/smartctl", std::filesystem::perms::owner_all);
  const auto bundle = diagnosis_json(root.path(), findings());
  CHECK_THAT(bundle, ContainsSubstring(R"("reason":"disk-write-error")"));
  CHECK(lines_of(bundle, "kernel messages") == std::vector<std::string>{"[1.0] one", "[2.0] two"});
  CHECK(lines_of(bundle, "console") == std::vector<std::string>{"Attempt 1", "Writing /dev/sda"});
  REQUIRE(lines_of(bundle, "disks").size() == 1);
  CHECK_THAT(lines_of(bundle, "disks")[0], ContainsSubstring("offline"));
  REQUIRE(lines_of(bundle, "network cards").size() == 1);
  CHECK_THAT(lines_of(bundle, "network cards")[0], ContainsSubstring("rx_crc_errors 7"));
  CHECK(lines_of(bundle, "health of /dev/sda") ==
        std::vector<std::string>{"asked: -H -A -l error /dev/sda", "PASSED"});
}

TEST_CASE("SG9: no secret is in a bundle, wherever it stood", "[agent][diagnosis][sg9]") {
  FakeRoot root;
  auto all = findings();
  all.secrets = {Secret("tok-canary"), Secret("session-canary"), Secret()};
  all.kernel = "Command line: x=tok-canary tok-canary\nsession-canary";
  all.console.emplace_back("GET /h/tok-canary/initrd");
  all.detail = "refused session-canary";
  all.inventory.disks[0].serial = "tok-canary";
  const auto bundle = diagnosis_json(root.path(), all);
  CHECK_THAT(bundle, !ContainsSubstring("canary"));
  CHECK(lines_of(bundle, "kernel messages") ==
        std::vector<std::string>{"Command line: x=*** ***", "***"});
}

TEST_CASE("a bundle is bounded and keeps what is newest", "[agent][diagnosis]") {
  FakeRoot root;
  auto all = findings();
  const auto* const flood = GENERATE("plain line ", "\"\\\"\\", "\x01\xff");
  all.kernel.clear();
  for (int line = 0; line < 100'000; ++line) all.kernel += flood + std::to_string(line) + "\n";
  all.console.assign(100'000, std::string(5000, 'x'));
  const Disk disk = all.inventory.disks[0];
  all.inventory.disks.assign(500, disk);
  const auto bundle = diagnosis_json(root.path(), all);
  CHECK(bundle.size() <= kBundleOctets);
  CHECK(bundle.size() > kBundleOctets / 2);
  const auto kernel = lines_of(bundle, "kernel messages");
  REQUIRE_FALSE(kernel.empty());
  CHECK_THAT(kernel.back(), ContainsSubstring("99999"));
}
