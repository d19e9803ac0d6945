// By what a host is known: any of its MACs, then its UUID, then its serial number; and NICs that go
// from host to host, which identify nobody.
#include <array>

#include "provisioning/host_table.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;
const auto kServer = *Ipv4::parse("10.0.0.1");
const auto kDongle = *Mac::parse("52:54:00:dd:00:01");
constexpr auto kUuidA = "4c4c4544-0042-4a10-8054-c3c04f563032";
constexpr auto kUuidB = "00112233-4455-6677-8899-aabbccddeeff";

Lines mistakes_of(const Folder& folder) {
  return folder.lines(load_inventory(folder.path()).mistakes, false);
}

// a by UUID, b by serial number; both boot through the dongle. Also h1, h2 and spare.
void add_sharers(Depot& depot) {
  HostEntry a;
  a.name = "a";
  a.shared_macs = {kDongle};
  a.uuid = Uuid::parse(kUuidA);
  a.profile = "edge";
  auto b = a;
  b.name = "b";
  b.uuid.reset();
  b.serial = "SN-B";
  depot.inventory.hosts.push_back(a);
  depot.inventory.hosts.push_back(b);
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  depot.settle();
}

dhcp::Client client(const Mac& mac, const char* uuid = "") {
  dhcp::Client who;
  who.mac = mac;
  who.uuid = Uuid::parse(uuid);
  return who;
}

std::string script(Depot& depot, const std::string& identity) {
  return text_of(depot.ask("/boot.ipxe?mac=" + kDongle.text() + "&platform=efi&" + identity));
}

}  // namespace

TEST_CASE("a MAC in two hosts is a mistake unless each shares it", "[provisioning][identity]") {
  Folder folder;
  const auto write = [&folder](const char* a, const char* b) {
    folder.write("hosts/a.yaml", a);
    folder.write("hosts/b.yaml", b);
    return mistakes_of(folder);
  };
  CHECK(write("shared_macs: [\"52:54:00:dd:00:01\"]\nserial: A\n",
              "shared_macs: [\"52-54-00-DD-00-01\"]\nserial: B\n") == Lines{});
  CHECK(write("macs: [\"52:54:00:dd:00:01\"]\nserial: A\n",
              "macs: [\"52:54:00:dd:00:01\"]\nserial: B\n") ==
        Lines{"hosts/b.yaml:1:8: MAC 52:54:00:dd:00:01 stands twice, also at hosts/a.yaml:1:8"});
  CHECK(write("macs: [\"52:54:00:dd:00:01\"]\nserial: A\n",
              "shared_macs: [\"52:54:00:dd:00:01\"]\nserial: B\n") ==
        Lines{"hosts/b.yaml:1:15: MAC 52:54:00:dd:00:01 is shared here, but one host's own at "
              "hosts/a.yaml:1:8; every host with it must list it in shared_macs"});
  CHECK(write("serial: A\n",
              "macs: [\"52:54:00:dd:00:01\"]\nshared_macs: [\"52:54:00:dd:00:01\"]\nserial: B\n") ==
        Lines{"hosts/b.yaml:2:15: MAC 52:54:00:dd:00:01 stands twice in this host"});
}

TEST_CASE("a host with a shared MAC needs a UUID or a serial number", "[provisioning][identity]") {
  Folder folder;
  folder.write("hosts/a.yaml",
               "macs: [\"52:54:00:aa:00:01\"]\nshared_macs: [\"52:54:00:dd:00:01\"]\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/a.yaml:2:1: a shared MAC tells nobody apart: this host needs `uuid` or "
              "`serial` beside `shared_macs`"});
  folder.write("hosts.csv",
               "name,shared_macs,serial\nb,52:54:00:dd:00:01;52:54:00:dd:00:02,\n"
               "c,52:54:00:dd:00:01,C\n");
  folder.write("hosts/a.yaml", "serial: A\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts.csv:2:3: a shared MAC tells nobody apart: this host needs `uuid` or `serial` "
              "beside `shared_macs`"});
}

TEST_CASE("a file of hosts may hold a list of them, each with its name",
          "[provisioning][identity][inventory]") {
  Folder folder;
  folder.write("hosts/rack.yaml",
               "- name: a\n  serial: A\n- name: b\n  serial: B\n- serial: C\n- 7\n");
  CHECK(mistakes_of(folder) == Lines{"hosts/rack.yaml:5:3: each host of a list needs a `name`",
                                     "hosts/rack.yaml:6:3: a host must be a map of keys, not a "
                                     "number"});
  folder.write("hosts/rack.yaml", "- name: a\n  serial: A\n- name: b\n  serial: A\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/rack.yaml:4:11: serial number `A` stands twice, also at "
              "hosts/rack.yaml:2:11"});
  folder.write("hosts/rack.yaml", "- name: a\n  serial: A\n- name: b\n  serial: B\n");
  const auto loaded = load_inventory(folder.path());
  CHECK(loaded.good());
  REQUIRE(loaded.inventory.host("b") != nullptr);
  CHECK(loaded.inventory.host("b")->serial == "B");
}

TEST_CASE("hosts are found in the inventory by name, site, profile and MAC",
          "[provisioning][identity][inventory]") {
  const auto own = *Mac::parse("52:54:00:aa:00:01");
  Inventory inventory;
  HostEntry host;
  host.name = "a";
  host.macs = {own};
  host.shared_macs = {kDongle};
  inventory.hosts = {host};
  const auto check = [&] {
    CHECK(inventory.host("a") == &inventory.hosts[0]);
    CHECK(inventory.host("b") == nullptr);
    CHECK(inventory.host_by_mac(own) == &inventory.hosts[0]);
    CHECK(inventory.host_by_mac(kDongle) == nullptr);
    CHECK(inventory.sharers(kDongle) == std::vector<const HostEntry*>{&inventory.hosts[0]});
    CHECK(inventory.sharers(own).empty());
  };
  check();
  inventory.index();
  check();
  host.name = "b";
  inventory.hosts.insert(inventory.hosts.begin(), host);  // the index is out of date
  CHECK(inventory.host("b") == &inventory.hosts[0]);
}

TEST_CASE("DHCP's mixed-endian UUID is the one of the inventory",
          "[provisioning][identity][gate]") {
  Depot depot;
  add_sharers(depot);
  depot.arm("a");
  depot.config.unknown_hosts = UnknownHosts::ignore;
  // Option 97 as firmware sends it for kUuidA: the first three fields little-endian.
  constexpr std::array<std::uint8_t, 16> kOnTheWire{0x44, 0x45, 0x4c, 0x4c, 0x42, 0x00, 0x10, 0x4a,
                                                    0x80, 0x54, 0xc3, 0xc0, 0x4f, 0x56, 0x30, 0x32};
  auto who = client(*Mac::parse("52:54:00:ee:00:09"));  // a NIC that nobody wrote down
  auto& policy = depot.provisioning->boot_policy();
  CHECK(policy.boot_file(who, kServer).empty());
  who.uuid = Uuid::from_mixed_endian(kOnTheWire);
  CHECK(policy.boot_file(who, kServer) == "undionly.kpxe");
  CHECK(depot.host("a").dhcp_seen.has_value());
}

TEST_CASE("through a shared NIC a host is known by UUID, then by serial number",
          "[provisioning][identity][gate]") {
  Depot depot;
  add_sharers(depot);
  depot.arm("a");
  depot.arm("b");
  const auto both = std::string("uuid=") + kUuidA + "&serial=SN-B";
  CHECK_THAT(script(depot, both), ContainsSubstring("BOOTIF=01-52-54-00-dd-00-01"));
  CHECK(depot.state("a") == "booting");  // the UUID goes before the serial number
  CHECK(depot.state("b") == "armed");
  CHECK_THAT(script(depot, "serial=SN-B"), ContainsSubstring("BOOTIF=01-52-54-00-dd-00-01"));
  CHECK(depot.state("b") == "booting");
  CHECK(depot.host("a").macs.empty());  // nobody learns it
  CHECK(depot.host("b").macs.empty());
  CHECK(depot.provisioning->ledger().hosts().by_mac(kDongle) == nullptr);
  // The token is bound to the NIC of the request all the same.
  CHECK(depot.host("a").session()->mac == kDongle);
}

TEST_CASE("what a host takes through a shared NIC is counted as its own",
          "[provisioning][identity][gate]") {
  Depot depot;
  add_sharers(depot);
  depot.arm("b");
  depot.neighbours[*Ipv4::parse("10.0.0.21")] = kDongle;
  CHECK_THAT(script(depot, "serial=SN-B"), ContainsSubstring("BOOTIF=01-52-54-00-dd-00-01"));
  CHECK_FALSE(depot.host("b").kernel_asked);
  CHECK(depot.ask("/artifacts/" + Sha256::of("vmlinuz").text() + "/vmlinuz").status == 200);
  CHECK(depot.host("b").kernel_asked);
}

TEST_CASE("a stranger with a shared NIC starts its disk and leaves no record",
          "[provisioning][identity][gate]") {
  Depot depot;
  add_sharers(depot);
  depot.arm("a");
  const auto before = depot.provisioning->ledger().hosts().size();
  for (const auto* identity : {"serial=ELSE", "uuid=00112233-4455-6677-8899-aabbccddeeff", "x=1"}) {
    INFO(identity);
    CHECK_THAT(script(depot, identity), ContainsSubstring("sanboot"));
  }
  CHECK(depot.state("a") == "armed");
  (void)depot.provisioning->boot_policy().boot_file(client(kDongle, kUuidB), kServer);
  CHECK(depot.provisioning->ledger().hosts().size() == before);
}

TEST_CASE("DHCP answers a shared NIC while one of its hosts may boot",
          "[provisioning][identity][gate]") {
  Depot depot;
  add_sharers(depot);
  auto& policy = depot.provisioning->boot_policy();
  CHECK_FALSE(policy.boot_file(client(kDongle), kServer).empty());  // strangers are discovered
  depot.config.unknown_hosts = UnknownHosts::ignore;
  CHECK(policy.boot_file(client(kDongle), kServer).empty());
  depot.arm("b");
  CHECK_FALSE(policy.boot_file(client(kDongle), kServer).empty());
  CHECK(policy.boot_file(client(kDongle, kUuidA), kServer).empty());  // a itself is not armed
}

TEST_CASE("a MAC that becomes shared is taken from the host that had learnt it",
          "[provisioning][identity][gate]") {
  Depot depot;
  (void)depot.script_for(kDongle.text());
  REQUIRE(depot.state(kDongle.text()) == "discovered");
  const auto id = depot.host(kDongle.text()).id;
  add_sharers(depot);
  CHECK(depot.host(id).macs.empty());
  depot.restart();
  CHECK(depot.host(id).macs.empty());
  CHECK(depot.provisioning->ledger().hosts().by_mac(kDongle) == nullptr);
}

TEST_CASE("what an operator wrote down is found until it is written otherwise",
          "[provisioning][identity]") {
  HostTable table;
  Host host;
  host.id = "a";
  auto& a = table.add(std::move(host));
  table.declare(a, Uuid::parse(kUuidA), "S1");
  CHECK(table.by_uuid(*Uuid::parse(kUuidA)) == &a);
  table.declare(a, Uuid::parse(kUuidB), "S2");
  CHECK(table.by_uuid(*Uuid::parse(kUuidA)) == nullptr);
  CHECK(table.by_uuid(*Uuid::parse(kUuidB)) == &a);
  CHECK(table.by_serial("S1") == nullptr);
  CHECK(table.by_serial("S2") == &a);
  table.declare(a, std::nullopt, "");
  CHECK(table.by_uuid(*Uuid::parse(kUuidB)) == nullptr);
  CHECK(table.by_serial("S2") == nullptr);
}

}  // namespace slipway::provisioning
