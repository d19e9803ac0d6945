// Mistakes that take two files, rows of hosts.csv, secrets; and what is only a warning.
#include "provisioning/inventory.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

constexpr auto kProfile = "installer: {kind: flash, image: debian-edge@12.5}\n";
constexpr auto kKairos = "installer: {kind: flash, image: kairos@3.2}\nformat: kairos\n";

Lines mistakes_of(const Folder& folder) {
  return folder.lines(load_inventory(folder.path()).mistakes, false);
}

Lines warnings_of(const Folder& folder) {
  return folder.lines(load_inventory(folder.path()).mistakes, true);
}

}  // namespace

TEST_CASE("a site with a static address holds one host", "[provisioning][check]") {
  Folder folder;
  folder.write("sites/s.yaml",
               "network: {type: static, ipAddress: 10.0.0.5/24, gateway: 10.0.0.1}\n");
  folder.write("hosts/a.yaml", "serial: A\nsite: s\n");
  folder.write("hosts/b.yaml", "serial: B\nsite: s\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/b.yaml:2:7: site `s` has a static address, so it holds one host, and `a` at "
              "hosts/a.yaml:2:7 is in it"});
}

TEST_CASE("a site with an edge-host ID holds one host", "[provisioning][check]") {
  Folder folder;
  folder.write("sites/s.yaml", "stylus: {site: {name: store-1}}\n");
  folder.write("hosts/a.yaml", "serial: A\nsite: s\n");
  folder.write("hosts/b.yaml", "serial: B\nsite: s\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/b.yaml:2:7: site `s` has an edge-host ID (stylus.site.name), so it holds one "
              "host, and `a` at hosts/a.yaml:2:7 is in it"});
}

TEST_CASE("an edge-host ID stands for one host", "[provisioning][check]") {
  Folder folder;
  folder.write("sites/s.yaml", "stylus: {site: {name: store-1}}\n");
  folder.write("hosts/a.yaml", "serial: A\nsite: s\n");
  folder.write("hosts/b.yaml", "serial: B\nstylus: {site: {name: store-1}}\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/b.yaml:2:23: edge-host ID `store-1` stands twice, also at sites/s.yaml:1:23"});
}

TEST_CASE("an address stands for one host of a site", "[provisioning][check]") {
  Folder folder;
  folder.write("sites/s.yaml", "network: {type: static, mask: 24, gateway: 10.0.0.1}\n");
  folder.write("sites/t.yaml", "network: {type: static, mask: 24, gateway: 10.0.0.1}\n");
  folder.write("hosts/a.yaml", "serial: A\nsite: s\nnetwork: {ipAddress: 10.0.0.5}\n");
  folder.write("hosts/b.yaml", "serial: B\nsite: s\nnetwork: {ipAddress: 10.0.0.5}\n");
  folder.write("hosts/c.yaml", "serial: C\nsite: t\nnetwork: {ipAddress: 10.0.0.5}\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/b.yaml:3:22: address 10.0.0.5 in site `s` stands twice, "
              "also at hosts/a.yaml:3:22"});
}

TEST_CASE("a clash of kinds names both places", "[provisioning][check]") {
  Folder folder;
  folder.write("profiles/p.yaml", std::string(kProfile) + "user_data:\n  packages: [vim]\n");
  folder.write("hosts/a.yaml", "serial: A\nprofile: p\nuser_data:\n  packages: vim\n");
  CHECK(mistakes_of(folder) == Lines{"hosts/a.yaml:4:13: text cannot be merged with a list, which "
                                     "stands at profiles/p.yaml:3:13"});
}

TEST_CASE("format kairos asks for what Palette needs", "[provisioning][check]") {
  Folder folder;
  folder.write("profiles/p.yaml", kKairos);
  folder.write("hosts/a.yaml", "serial: A\nprofile: p\nstylus: {site: {prefix: edge}}\n");
  CHECK(mistakes_of(folder) == Lines{"hosts/a.yaml:3:1: stylus.site.paletteEndpoint is missing: "
                                     "format kairos needs it beside `stylus`"});
  folder.write("hosts/a.yaml",
               "serial: A\nprofile: p\nstylus: {site: {paletteEndpoint: api.example.com}}\n"
               "network: {type: static, ipAddress: 10.0.0.5/24, gateway: 10.0.0.1}\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/a.yaml:4:1: a static network in format kairos needs the "
              "NIC's name: `interface: eth0`"});
}

TEST_CASE("a mistake in hosts.csv is named with its line and column",
          "[provisioning][check][csv]") {
  struct Row {
    const char* why;
    std::string text;
    Lines mistakes;
  };
  const std::vector<Row> rows{
      {"an unknown column",
       "name,macs,seriel\na,52:54:00:aa:00:01,X\n",
       {"hosts.csv:1:11: unknown column `seriel`; did you mean `serial`?"}},
      {"a column twice",
       "name,serial,serial\na,X,X\n",
       {"hosts.csv:1:13: column `serial` stands twice"}},
      {"a row that is too short",
       "name,serial,site\na,X\n",
       {"hosts.csv:2:1: this row has 2 fields, the first 3"}},
      {"a MAC that is none",
       "name,macs\na,52:54:00\n",
       {"hosts.csv:2:3: `52:54:00` is no MAC; write \"52:54:00:aa:00:01\""}},
      {"a MAC twice",
       "name,macs\na,52:54:00:aa:00:01\nb,52:54:00:aa:00:02;52:54:00:aa:00:01\n",
       {"hosts.csv:3:3: MAC 52:54:00:aa:00:01 stands twice, also at hosts.csv:2:3"}},
      {"a bench address twice",
       "name,serial,bench_address\na,X,10.77.0.21\nb,Y,10.77.0.21\n",
       {"hosts.csv:3:5: bench address 10.77.0.21 stands twice, also at hosts.csv:2:5"}},
      {"a quote that is not closed",
       "name,serial\n\"a,X\n",
       {"hosts.csv:2:1: a quoted field must end with a quote before the next comma"}},
      {"more columns than any inventory has",
       "name,serial\na,X" + std::string(199, ',') + "\n",
       {"hosts.csv:2:1: more than 200 columns"}},
      {"no name", "name,serial\n,X\n", {"hosts.csv:2:1: `name` is missing in this row"}},
      {"an address that is none",
       "name,serial,network.ipAddress\na,X,10.0.0\n",
       {"hosts.csv:2:5: network.ipAddress must be an IPv4 address, as in 10.4.2.10 or "
        "10.4.2.10/24, "
        "not `10.0.0`"}},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Folder folder;
    folder.write("hosts.csv", row.text);
    CHECK(mistakes_of(folder) == row.mistakes);
  }
}

TEST_CASE("a secret must be a readable file that others cannot read", "[provisioning][check]") {
  Folder folder;
  folder.write("sites/s.yaml", "stylus: {site: {edgeHostToken: !secret tokens/retail}}\n");
  CHECK(mistakes_of(folder) ==
        Lines{"sites/s.yaml:1:32: secret tokens/retail: No such file or directory"});
  folder.write("tokens/retail", "s3cret\n", 0644);
  CHECK(mistakes_of(folder) ==
        Lines{"sites/s.yaml:1:32: secret tokens/retail must be a file of mode 0600 or 0640"});
  folder.write("tokens/retail", "\n", 0600);
  CHECK(mistakes_of(folder) == Lines{"sites/s.yaml:1:32: secret tokens/retail is empty"});
  folder.write("tokens/retail", "s3cret\n", 0640);
  CHECK(mistakes_of(folder) == Lines{});
}

TEST_CASE("what is odd but works is a warning", "[provisioning][check]") {
  struct Row {
    const char* why;
    const char* text;
    Lines warnings;
  };
  const std::vector<Row> rows{
      {"an unknown key below stylus",
       "stylus: {site: {palletteEndpoint: a.example.com}}\n",
       {"sites/s.yaml:1:17: warning: unknown key `stylus.site.palletteEndpoint` passes as it "
        "stands; "
        "did you mean `paletteEndpoint`?"}},
      {"an unknown key below user_data",
       "user_data: {runcmnd: [ls]}\n",
       {"sites/s.yaml:1:13: warning: unknown key `runcmnd` passes as it stands; did you mean "
        "`runcmd`?"}},
      {"reboot below stylus, as in the vendor's sample",
       "stylus:\n  reboot: false\n",
       {"sites/s.yaml:2:3: warning: `reboot` belongs beside `stylus`, not below it; taken as if it "
        "stood there"}},
      {"a token in the clear",
       "stylus: {site: {edgeHostToken: s3cret}}\n",
       {"sites/s.yaml:1:32: warning: stylus.site.edgeHostToken stands in the clear; better !secret "
        "FILE"}},
      {"a stage that cloud-init does not have",
       "stages: {boot: [{commands: [ls]}]}\n",
       {"sites/s.yaml:1:10: warning: stage `boot` has no equivalent in format cloud-init and is "
        "left "
        "out; use initramfs"}},
      {"a step that cloud-init does not have",
       "stages: {initramfs: [{sysctl: {a: b}}]}\n",
       {"sites/s.yaml:1:23: warning: `sysctl` of a stage has no equivalent in format cloud-init "
        "and "
        "is left out"}},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Folder folder;
    folder.write("profiles/p.yaml", kProfile);
    folder.write("sites/s.yaml", row.text);
    folder.write("hosts/a.yaml", "serial: A\nprofile: p\nsite: s\n");
    CHECK(warnings_of(folder) == row.warnings);
    CHECK(mistakes_of(folder) == Lines{});
  }
}

TEST_CASE("a file that ends in .yml is not lost silently", "[provisioning][check]") {
  Folder folder;
  folder.write("hosts/a.yml", "serial: A\n");
  CHECK(warnings_of(folder) == Lines{"hosts/a.yml:1:1: warning: is not read; name it .yaml"});
}

TEST_CASE("all mistakes of all files are said at once, in order", "[provisioning][check]") {
  Folder folder;
  folder.write("hosts/b.yaml", "serial: 1\nsit: x\n");
  folder.write("hosts/a.yaml", "serial: [\n");
  folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\nfinish: off\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/a.yaml:2:1: not YAML: end of sequence flow not found",
              "hosts/b.yaml:1:9: must be text, not a number; write it in quotes",
              "hosts/b.yaml:2:1: unknown key `sit` in a host; did you mean `site`?",
              "profiles/p.yaml:2:9: `off` is not allowed here; allowed: poweroff or reboot"});
}

TEST_CASE("a folder that does not exist is a mistake", "[provisioning][check]") {
  Folder folder;
  const auto loaded = load_inventory(folder.path() / "nowhere");
  CHECK(folder.lines(loaded.mistakes, false) ==
        Lines{"nowhere: the inventory folder does not exist"});
}

}  // namespace slipway::provisioning
