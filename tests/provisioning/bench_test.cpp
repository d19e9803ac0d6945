// Figures, not checks of time: 10,000 hosts are read, and come into force.
//   build/dev/tests/provisioning/provisioning_test "[.bench]"
#include <chrono>
#include <cstdio>
#include <ctime>

#include "tests/provisioning/depot.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

constexpr unsigned kHosts = 10'000;
constexpr unsigned kYamlFiles = 100;
constexpr unsigned kSites = 500;

std::string mac_text(unsigned i) {
  char text[24];
  std::snprintf(text, sizeof text, "52:54:00:%02x:%02x:%02x", i >> 16U, (i >> 8U) & 0xFFU,
                i & 0xFFU);
  return text;
}

std::string address_text(unsigned i) {
  return "10.4." + std::to_string(i / kSites) + "." + std::to_string(10 + i % 2);
}

void write_inventory(Folder& folder) {
  folder.write("profiles/edge.yaml", R"(version: 1.2.0
installer: {kind: flash, image: debian-edge@12.5}
layers:
  - name: os
    kind: os
    stages:
      initramfs:
        - users: {palette: {groups: [sudo], passwd: palette}}
          files: [{path: /etc/motd, permissions: 0644, content: hello}]
)");
  for (unsigned i = 0; i < kSites; ++i) {
    folder.write("sites/site-" + std::to_string(i) + ".yaml",
                 "stylus: {site: {paletteEndpoint: api.example.com, tags: {region: north}}}\n"
                 "network: {type: static, mask: 16, gateway: 10.4.255.254, nameserver: "
                 "10.4.255.254}\n");
  }
  std::string csv = "name,macs,serial,site,profile,network.ipAddress\n";
  for (unsigned i = 0; i < kHosts; ++i) {
    const auto number = std::to_string(i);
    const auto site = "site-" + std::to_string(i % kSites);
    if (i < kYamlFiles) {
      folder.write("hosts/h" + number + ".yaml",
                   "macs: [\"" + mac_text(i) + "\"]\nserial: SN" + number + "\nsite: " + site +
                       "\nprofile: edge@1.2.0\nnetwork: {ipAddress: " + address_text(i) + "}\n");
    } else {
      csv += "h" + number + "," + mac_text(i) + ",SN" + number + "," + site + ",edge," +
             address_text(i) + "\n";
    }
  }
  folder.write("hosts.csv", csv);
}

long long milliseconds_since(std::chrono::steady_clock::time_point start) {
  const auto spent = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::milliseconds>(spent).count();
}

}  // namespace

TEST_CASE("10,000 hosts are read and come into force", "[.bench]") {
  Folder folder;
  write_inventory(folder);
  auto start = std::chrono::steady_clock::now();
  const auto clock = std::clock();
  auto loaded = load_inventory(folder.path());
  std::printf("read and checked: %lld ms, of which %ld ms of computing\n",
              milliseconds_since(start), (std::clock() - clock) / (CLOCKS_PER_SEC / 1000));
  for (const auto& line : folder.lines(loaded.mistakes, false)) FAIL(line);
  REQUIRE(loaded.inventory.hosts.size() == kHosts);

  Depot depot;
  start = std::chrono::steady_clock::now();
  (void)depot.provisioning->use_inventory(
      std::make_shared<const Inventory>(std::move(loaded.inventory)));
  std::printf("use_inventory() returned after: %lld ms\n", milliseconds_since(start));
  depot.scheduler.longest = {};
  depot.settle();
  std::printf("all assigned and stored after: %lld ms\n", milliseconds_since(start));
  const auto longest =
      std::chrono::duration_cast<std::chrono::milliseconds>(depot.scheduler.longest);
  std::printf("longest that the deciding thread was busy at a stretch: %lld ms\n",
              static_cast<long long>(longest.count()));
  CHECK(depot.state("h9999") == "assigned");
}

}  // namespace slipway::provisioning
