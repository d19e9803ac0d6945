#include "provisioning/config.hpp"

#include "provisioning/config_dhcp.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

Lines mistakes_of(const char* text) {
  Lines lines;
  for (const auto& mistake : parse_config(text, "slipway.yaml").mistakes) {
    lines.push_back(mistake.line());
  }
  return lines;
}

}  // namespace

TEST_CASE("everything has a default but the interfaces", "[provisioning][config]") {
  const auto loaded = parse_config("interfaces: [eth1]\n", "/etc/slipway/slipway.yaml");
  CHECK(loaded.good());
  const auto& config = loaded.config;
  CHECK(config.interfaces == Lines{"eth1"});
  CHECK_FALSE(config.allow_default_route);
  CHECK(config.data_dir == "/var/lib/slipway");
  CHECK(config.inventory == "/etc/slipway/inventory");
  CHECK(config.installer == "/var/lib/slipway/installer");
  CHECK(config.dhcp_port == 67);
  CHECK(config.binl_port == 4011);
  CHECK(config.tftp_port == 69);
  CHECK(config.boot_http_port == 8080);
  CHECK(config.boot_http.connections == 1024);
  CHECK(config.boot_http.connections_per_address == 64);
  CHECK(config.boot_http.header_time == 10s);
  CHECK(config.boot_http.min_rate == 1024);
  CHECK_FALSE(config.boot_http.access_log);
  CHECK(config.tftp_allow.empty());
  CHECK(config.unknown_hosts == UnknownHosts::discover);
}

TEST_CASE("every key is read", "[provisioning][config]") {
  const auto loaded = parse_config(R"(
interfaces: [eth1, eth2]
allow_default_route: true
data_dir: /srv/slipway
inventory: /srv/inventory
loaders: /srv/loaders
boot_folder: own
boot_programs: {bios: ipxe, uefi: shim, uefi_http: secure.img}
installer: /srv/installer
dhcp: {mode: proxy, port: 6767, binl_port: 6411, offer: direct}
tftp: {port: 6969, allow: [10.0.0.0/8, 192.0.2.7], max_blksize: 1024, single_port: true}
boot_http: {port: 8081, connections: 4096, connections_per_address: 128, header_time: 5s, min_rate: 16KiB, access_log: true}
unknown_hosts: ignore
operator: {public_url: "https://depot.example.com/slipway/"}
database: sqlite
images:
  mirrors: {docker.io: "https://mirror.depot/hub"}
  registry_config: registry.json
  ca: /etc/ssl/depot.pem
  require_signed: true
  keys: [vendor.pub, /etc/keys/own.pub]
)",
                                   "/etc/slipway/slipway.yaml");
  CHECK(loaded.mistakes.empty());
  const auto& config = loaded.config;
  CHECK(config.interfaces == Lines{"eth1", "eth2"});
  CHECK(config.offer == dhcp::OfferStyle::direct);
  CHECK(config.allow_default_route);
  CHECK(config.data_dir == "/srv/slipway");
  CHECK(config.loaders == "/srv/loaders");
  CHECK(config.boot_folder == "/etc/slipway/own");
  CHECK(config.boot_programs.bios == "ipxe");
  CHECK(config.boot_programs.uefi == "shim");
  CHECK(config.boot_programs.uefi_http == "secure.img");
  CHECK(config.public_url == "https://depot.example.com/slipway");
  CHECK_THAT(print_config(config),
             ContainsSubstring("operator:\n  public_url: \"https://depot.example.com/slipway\"\n"));
  CHECK(config.installer == "/srv/installer");
  CHECK(config.dhcp_port == 6767);
  CHECK(config.binl_port == 6411);
  CHECK(config.tftp_port == 6969);
  CHECK(config.tftp_max_blksize == 1024);
  CHECK(config.tftp_single_port);
  REQUIRE(config.tftp_allow.size() == 2);
  CHECK(config.tftp_allow[1].text() == "192.0.2.7/32");
  CHECK(config.boot_http_port == 8081);
  CHECK(config.boot_http.connections == 4096);
  CHECK(config.boot_http.connections_per_address == 128);
  CHECK(config.boot_http.header_time == 5s);
  CHECK(config.boot_http.min_rate == 16'384);
  CHECK(config.boot_http.access_log);
  CHECK(config.unknown_hosts == UnknownHosts::ignore);
  CHECK(config.image_sources.mirrors.at("docker.io") == "https://mirror.depot/hub");
  CHECK(config.image_sources.registry_config.filename() == "registry.json");
  CHECK(config.image_sources.registry_config.is_absolute());
  CHECK(config.image_sources.ca == "/etc/ssl/depot.pem");
  CHECK(config.require_signed);
  REQUIRE(config.image_keys.size() == 2);
  CHECK(config.image_keys[0] == "/etc/slipway/vendor.pub");
  CHECK(config.image_keys[1] == "/etc/keys/own.pub");
  CHECK_THAT(print_config(config), ContainsSubstring("\nimages:\n  mirrors:\n    docker.io: "));
}

TEST_CASE("relative paths count from the folder of the file", "[provisioning][config]") {
  const auto loaded = parse_config("interfaces: eth1\ninventory: inventory\ndata_dir: ../data\n",
                                   "/etc/slipway/slipway.yaml");
  CHECK(loaded.config.inventory == "/etc/slipway/inventory");
  CHECK(loaded.config.data_dir == "/etc/data");
  CHECK(loaded.config.installer == "/etc/data/installer");
}

TEST_CASE("a mistake in slipway.yaml is named with its line and column", "[provisioning][config]") {
  struct Row {
    const char* why;
    const char* text;
    Lines mistakes;
  };
  const std::vector<Row> rows{
      {"nothing at all",
       "",
       {"slipway.yaml:1:1: `interfaces` is missing: name at least one interface to serve, as in "
        "[eth1]"}},
      {"an unknown key",
       "interfaces: [eth1]\ninventry: /srv\n",
       {"slipway.yaml:2:1: unknown key `inventry` in slipway.yaml; did you mean `inventory`?"}},
      {"an unknown key that is near to none",
       "interfaces: [eth1]\ntftp: {zzz: 1}\n",
       {"slipway.yaml:2:8: unknown key `zzz` in tftp; known are port, allow, max_blksize "
        "or single_port"}},
      {"an interface that is none",
       "interfaces: [eth1, \"a b\"]\n",
       {"slipway.yaml:1:20: `a b` is no name of a network interface"}},
      {"an interface twice",
       "interfaces: [eth1, eth1]\n",
       {"slipway.yaml:1:20: interface `eth1` stands twice"}},
      {"a port beyond the end",
       "interfaces: [eth1]\nboot_http: {port: 80800}\n",
       {"slipway.yaml:2:19: must be a port, 1 to 65535, not `80800`"}},
      {"too few connections for a rack",
       "interfaces: [eth1]\nboot_http: {connections: 63}\n",
       {"slipway.yaml:2:26: must be a number of connections, 64 to 16384, not `63`"}},
      {"more connections of one address than there are",
       "interfaces: [eth1]\nboot_http: {connections_per_address: 16385}\n",
       {"slipway.yaml:2:38: must be a number of connections, 4 to 16384, not `16385`"}},
      {"no time for a head",
       "interfaces: [eth1]\nboot_http: {header_time: 1s}\n",
       {"slipway.yaml:2:26: must be a time of 2s to 60s, not `1s`"}},
      {"a head that may take for ever",
       "interfaces: [eth1]\nboot_http: {header_time: 61s}\n",
       {"slipway.yaml:2:26: must be a time of 2s to 60s, not `61s`"}},
      {"a time without a unit",
       "interfaces: [eth1]\nboot_http: {header_time: 10}\n",
       {"slipway.yaml:2:26: `10` is no time; write a whole number and a unit, as in 60s, 10m or "
        "2h, at most 24h"}},
      {"a rate that nobody keeps",
       "interfaces: [eth1]\nboot_http: {min_rate: 2MiB}\n",
       {"slipway.yaml:2:23: must be a size of 64B to 1MiB, not `2MiB`"}},
      {"no rate at all",
       "interfaces: [eth1]\nboot_http: {min_rate: 0B}\n",
       {"slipway.yaml:2:23: must be a size of 64B to 1MiB, not `0B`"}},
      {"blocks larger than a frame",
       "interfaces: [eth1]\ntftp: {max_blksize: 1469}\n",
       {"slipway.yaml:2:21: must be a block size, 512 to 1468, not `1469`"}},
      {"blocks smaller than every client takes",
       "interfaces: [eth1]\ntftp: {max_blksize: 511}\n",
       {"slipway.yaml:2:21: must be a block size, 512 to 1468, not `511`"}},
      {"two servers on one port",
       "interfaces: [eth1]\ntftp: {port: 67}\n",
       {"slipway.yaml:2:1: dhcp.port, dhcp.binl_port and tftp.port are UDP ports of one machine: "
        "they must differ"}},
      {"a mirror that is no URL",
       "interfaces: [eth1]\nimages: {mirrors: {docker.io: mirror.depot}}\n",
       {"slipway.yaml:2:31: is no mirror of a registry; write http[s]://HOST[:PORT][/PREFIX]"}},
      {"a flag that is text",
       "interfaces: [eth1]\nallow_default_route: yes\n",
       {"slipway.yaml:2:22: must be true or false, not `yes`"}},
      {"a network that is none",
       "interfaces: [eth1]\ntftp: {allow: [10.0.0.0/33]}\n",
       {"slipway.yaml:2:16: `10.0.0.0/33` is no network; write 10.0.0.0/24"}},
      {"a word that is not allowed",
       "interfaces: [eth1]\nunknown_hosts: drop\n",
       {"slipway.yaml:2:16: `drop` is not allowed here; allowed: ignore or discover"}},
      {"a mode of DHCP that is none",
       "interfaces: [eth1]\ndhcp: {mode: relay}\n",
       {"slipway.yaml:2:14: `relay` is not allowed here; allowed: proxy or server"}},
      {"leases without addresses",
       "interfaces: [eth1]\ndhcp: {mode: server}\n",
       {"slipway.yaml:2:8: mode: server needs `pool: {from: ADDRESS, to: ADDRESS}`, the addresses "
        "that it gives"}},
      {"a boot program that the firmware cannot take",
       "interfaces: [eth1]\nboot_programs: {bios: shim, uefi: secure.img, uefi_http: a.kpxe}\n",
       {"slipway.yaml:2:23: `shim` is no boot program for this firmware; allowed: undionly or "
        "ipxe, or a file in boot_folder",
        "slipway.yaml:2:35: `secure.img` is no boot program for this firmware; allowed: snponly, "
        "ipxe or shim, or NAME.efi in boot_folder",
        "slipway.yaml:2:58: `a.kpxe` is no boot program for this firmware; allowed: snponly, ipxe "
        "or shim, or NAME.efi, .img or .iso in boot_folder"}},
      {"leases as a form of offer, which need a server of them",
       "interfaces: [eth1]\ndhcp: {offer: leased}\n",
       {"slipway.yaml:2:15: `leased` needs mode: server: a proxy has no lease to put the file "
        "into"}},
      {"settings of leases for a proxy",
       "interfaces: [eth1]\ndhcp: {pool: {from: 10.0.0.1, to: 10.0.0.2}, lease: 1h, dns: "
       "10.0.0.9}\n",
       {"slipway.yaml:2:8: `pool` needs mode: server: a proxy gives no leases",
        "slipway.yaml:2:46: `lease` needs mode: server: a proxy gives no leases",
        "slipway.yaml:2:57: `dns` needs mode: server: a proxy gives no leases"}},
      {"a pool without an end",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.5}}\n",
       {"slipway.yaml:2:28: a pool is {from: ADDRESS, to: ADDRESS}, the first and the last address "
        "that is given"}},
      {"a pool that runs backwards",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.5, to: 10.0.0.4}}\n",
       {"slipway.yaml:2:28: a pool of 10.0.0.5 to 10.0.0.4 ends before it begins"}},
      {"addresses that are none",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.256, to: 5}, gateway: "
       "bench}\n",
       {"slipway.yaml:2:35: `10.0.0.256` is no IPv4 address; write 10.77.0.100",
        "slipway.yaml:2:51: `5` is no IPv4 address; write 10.77.0.100",
        "slipway.yaml:2:64: `bench` is no IPv4 address; write 10.77.0.100"}},
      {"a pool beyond its network",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.5, to: 10.0.1.4, network: "
       "10.0.0.0/24}}\n",
       {"slipway.yaml:2:28: the pool 10.0.0.5 to 10.0.1.4 is not within 10.0.0.0/24"}},
      {"pools that overlap, with a gateway in them",
       "interfaces: [eth1]\ndhcp:\n  mode: server\n  pool: [{from: 10.0.0.5, to: 10.0.0.9}, {from: "
       "10.0.0.9, to: 10.0.0.12}]\n  gateway: 10.0.0.7\n",
       {"slipway.yaml:4:3: the pools 10.0.0.5 to 10.0.0.9 and 10.0.0.9 to 10.0.0.12 overlap",
        "slipway.yaml:4:3: the pool holds 10.0.0.7, a gateway or name server"}},
      {"a pool larger than any bench",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.1, to: 10.0.16.1}}\n",
       {"slipway.yaml:2:22: the pools hold 4097 addresses; at most 4096 are given"}},
      {"a network of a pool that is none",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.1, to: 10.0.0.2, network: "
       "10.0.0.0/33}}\n",
       {"slipway.yaml:2:68: `10.0.0.0/33` is no network; write 10.0.0.0/24"}},
      {"more name servers than fit",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.1, to: 10.0.0.2}, dns: "
       "[10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8]}\n",
       {"slipway.yaml:2:106: at most 4 addresses fit here"}},
      {"leases that are too short and too long",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.1, to: 10.0.0.2}, lease: "
       "59s}\n",
       {"slipway.yaml:2:67: a lease lives for 60s to 24h, not `59s`"}},
      {"a domain that is none",
       "interfaces: [eth1]\ndhcp: {mode: server, pool: {from: 10.0.0.1, to: 10.0.0.2}, domain: "
       "a_b}\n",
       {"slipway.yaml:2:68: `a_b` is no domain; write bench.example.com, at most 64 characters"}},
      {"a database of another kind, whose password is not repeated",
       "interfaces: [eth1]\ndatabase: mysql://u:hunter2@db/slipway\n",
       {"slipway.yaml:2:11: `mysql` is not allowed here; allowed: sqlite, or a URL "
        "postgresql://USER@HOST/NAME"}},
      {"a password where logs would show it",
       "interfaces: [eth1]\ndatabase: postgresql://db/slipway?password=hunter2\n",
       {"slipway.yaml:2:11: a password stands before the host, "
        "postgresql://USER:PASSWORD@HOST/NAME, or in the file ~/.pgpass"}},
      {"a password that breaks the URL",
       "interfaces: [eth1]\ndatabase: postgresql://u:hunt/er@db/slipway\n",
       {"slipway.yaml:2:11: /, ? and @ in a password are written %2F, %3F and %40"}},
      {"a blank in a URL",
       "interfaces: [eth1]\ndatabase: \"postgresql://u@db/slip way\"\n",
       {"slipway.yaml:2:11: a blank, a quote or a special character in a URL is written %XX, as in "
        "%20"}},
      {"an operator plane on TCP, which is not built",
       "interfaces: [eth1]\noperator: {listen: \"127.0.0.1:8443\"}\n",
       {"slipway.yaml:2:12: not built yet in this version; operators use the UNIX socket "
        "DATA_DIR/slipway.sock"}},
      {"a public address that is none",
       "interfaces: [eth1]\noperator: {public_url: depot.example.com}\n",
       {"slipway.yaml:2:24: `depot.example.com` is no address of the operators' pages; write "
        "https://HOST, HTTPS or HTTP, without ? and #"}},
      {"a public address with a password in it",
       "interfaces: [eth1]\noperator: {public_url: \"https://u:p@depot\"}\n",
       {"slipway.yaml:2:24: `https://***@depot` is no address of the operators' pages; write "
        "https://HOST, HTTPS or HTTP, without ? and #"}},
      {"a public address that no console can show",
       "interfaces: [eth1]\noperator: {public_url: \"https://depot.example.com/"
       "a/very/long/path/to/the/pages/of/operators\"}\n",
       {"slipway.yaml:2:24: an address of more than 64 characters makes a QR code too large for a "
        "console"}},
      {"a section that is no map",
       "interfaces: [eth1]\ndhcp: proxy\n",
       {"slipway.yaml:2:7: dhcp must be a map of keys, not text"}},
      {"signatures without a key to check them by",
       "interfaces: [eth1]\nimages: {require_signed: true}\n",
       {"slipway.yaml:2:10: images.require_signed needs `keys: [FILE, …]`, public keys of "
        "minisign: "
        "without one no image could be imported"}},
      {"a secret",
       "interfaces: [!secret x]\n",
       {"slipway.yaml:1:14: !secret may stand in the inventory only",
        "slipway.yaml:1:14: must be text of one line, not empty"}},
      {"several at once",
       "interfaces: [1]\ndhcp: {port: 0}\nboot_https: {port: 1}\n",
       {"slipway.yaml:1:14: must be text, not a number; write it in quotes",
        "slipway.yaml:2:14: must be a port, 1 to 65535, not `0`",
        "slipway.yaml:3:1: not built yet in this version; the boot plane is plain HTTP on "
        "boot_http"}},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(mistakes_of(row.text) == row.mistakes);
  }
}

TEST_CASE("what is printed reads back as the same settings", "[provisioning][config]") {
  const auto first = parse_config(
      "interfaces: [eth1, \"1\"]\ntftp: {allow: [10.0.0.0/8]}\nunknown_hosts: ignore\n",
      "/a/b.yaml");
  const auto printed = print_config(first.config);
  CHECK(printed == R"(interfaces:
  - eth1
  - "1"
allow_default_route: false
data_dir: /var/lib/slipway
inventory: /etc/slipway/inventory
loaders: /usr/lib/ipxe
boot_folder: /var/lib/slipway/boot
boot_programs:
  bios: undionly
  uefi: snponly
  uefi_http: snponly
installer: /var/lib/slipway/installer
dhcp:
  mode: proxy
  port: 67
  binl_port: 4011
  offer: auto
tftp:
  port: 69
  allow:
    - "10.0.0.0/8"
  max_blksize: 1468
  single_port: false
boot_http:
  port: 8080
  connections: 1024
  connections_per_address: 64
  header_time: "10s"
  min_rate: "1024B"
  access_log: false
unknown_hosts: ignore
database: sqlite
)");
  const auto second = parse_config(printed, "/elsewhere/c.yaml");
  CHECK(second.mistakes.empty());
  CHECK(print_config(second.config) == printed);
}

TEST_CASE("the database may be PostgreSQL; its password is never shown",
          "[provisioning][config][sg9]") {
  const auto loaded = parse_config(
      "interfaces: [eth1]\ndatabase: postgresql://slipway:hunter2@db.example:5433/depot\n",
      "/etc/slipway.yaml");
  REQUIRE(loaded.mistakes.empty());
  CHECK(loaded.config.database_url == Secret("postgresql://slipway:hunter2@db.example:5433/depot"));
  const auto printed = print_config(loaded.config);
  CHECK_THAT(printed, ContainsSubstring("postgresql://slipway:********@db.example:5433/depot"));
  CHECK(printed.find("hunter2") == std::string::npos);
}

TEST_CASE("a file that is not there is a mistake without a place", "[provisioning][config]") {
  Folder folder;
  const auto loaded = load_config(folder.path() / "slipway.yaml");
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK_FALSE(loaded.good());
  CHECK(folder.lines(loaded.mistakes, false) == Lines{"slipway.yaml: No such file or directory"});
}

TEST_CASE("the example settings are good", "[provisioning][config]") {
  const auto root = std::filesystem::path(SLIPWAY_SOURCE_DIR) / "deploy/examples";
  const auto loaded = load_config(root / "slipway.yaml");
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.line());
  CHECK(loaded.config.inventory == root / "inventory");
}

TEST_CASE("a bench without a DHCP server: what is printed reads back", "[provisioning][config]") {
  const auto first = parse_config(R"(interfaces: [eth1]
dhcp:
  mode: server
  pool:
    - {from: 10.77.0.100, to: 10.77.0.199}
    - {from: 10.98.0.50, to: 10.98.0.60, network: 10.98.0.0/24}
  lease: 2h
  gateway: [10.77.0.1, 10.98.0.1]
  dns: 10.77.0.1
  domain: bench.example.com
  offer: leased
)",
                                  "/a/b.yaml");
  CHECK(first.mistakes.empty());
  const auto& leases = first.config.leases;
  REQUIRE(leases.pools.size() == 2);
  CHECK(leases.pools[0].range.size() == 100);
  CHECK_FALSE(leases.pools[0].network);
  CHECK(leases.pools[1].network->text() == "10.98.0.0/24");
  CHECK(leases.length == std::chrono::hours(2));
  CHECK(leases.gateways.size() == 2);
  CHECK(first.config.offer == dhcp::OfferStyle::leased);
  const auto printed = print_config(first.config);
  const auto second = parse_config(printed, "/elsewhere/c.yaml");
  CHECK(second.mistakes.empty());
  CHECK(print_config(second.config) == printed);
}

TEST_CASE("what hosts say of leases is held against the settings", "[provisioning][config]") {
  Inventory inventory;
  HostEntry leased;
  leased.name = "h1";
  leased.offer = dhcp::OfferStyle::leased;
  leased.offer_mark = {"h1.yaml", 3, 8};
  HostEntry placed;
  placed.name = "h2";
  placed.bench_address = Ipv4::parse("10.77.0.1");
  placed.bench_address_mark = {"h2.yaml", 4, 16};
  inventory.hosts = {leased, placed};
  Config config;
  const auto beside = check_bench(config, inventory);
  REQUIRE(beside.size() == 2);
  CHECK(
      beside[0].line() ==
      "h1.yaml:3:8: `leased` needs `dhcp: {mode: server}` in slipway.yaml: a proxy has no lease to "
      "put the file into");
  CHECK_FALSE(beside[0].is_warning);
  CHECK(beside[1].is_warning);
  config.dhcp_mode = DhcpMode::server;
  CHECK(check_bench(config, inventory).empty());
  config.leases.gateways = {*Ipv4::parse("10.77.0.1")};
  const auto clash = check_bench(config, inventory);
  REQUIRE(clash.size() == 1);
  CHECK(clash[0].line() == "h2.yaml:4:16: 10.77.0.1 is a gateway or name server of slipway.yaml");
}

}  // namespace slipway::provisioning
