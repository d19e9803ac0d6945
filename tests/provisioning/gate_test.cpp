#include "provisioning/gate.hpp"

#include "provisioning/said_text.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/log_capture.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
const auto kServer = *Ipv4::parse("10.0.0.1");
const auto kPeer = *Ipv4::parse("10.0.0.50");

dhcp::Client client(const char* mac) {
  dhcp::Client who;
  who.mac = *Mac::parse(mac);
  return who;
}

}  // namespace

TEST_CASE("1a.14 each kind of client gets its boot file and a good iPXE never iPXE again",
          "[provisioning][gate]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  auto who = client("52:54:00:bb:00:01");
  CHECK(policy.boot_file(who, kServer) == "undionly.kpxe");
  who.ipxe = true;
  CHECK(policy.boot_file(who, kServer) == "ipxe.pxe");  // lacks HTTP: gets one with own drivers
  who.ipxe_can_boot = true;
  CHECK(policy.boot_file(who, kServer) == "http://10.0.0.1:8080/boot.ipxe");
  CHECK(policy.boot_file(who, *Ipv4::parse("10.9.0.1")) == "http://10.9.0.1:8080/boot.ipxe");
  who.ipxe = who.ipxe_can_boot = false;
  who.arch = dhcp::Arch::uefi_x64;
  CHECK(policy.boot_file(who, kServer) == "snponly.efi");
  who.arch = dhcp::Arch::http_x64;
  CHECK(policy.boot_file(who, kServer) == "http://10.0.0.1:8080/loader/snponly.efi");
}

TEST_CASE("a firmware is sent the boot program of the host, else that of the depot",
          "[provisioning][gate]") {
  Depot depot;
  depot.config.boot_programs = {.bios = "ipxe", .uefi = "ipxe", .uefi_http = "depot.iso"};
  depot.inventory.hosts[0].boot_program = "shim";
  depot.inventory.hosts[1].boot_program = "secure.img";
  depot.restart();
  struct Row {
    const char* mac;
    dhcp::Arch arch;
    bool has_ipxe;
    const char* file;
  };
  using enum dhcp::Arch;
  const std::string here = "http://10.0.0.1:8080/loader/";
  const auto row = GENERATE(Row{"52:54:00:bb:00:01", bios, false, "ipxe.pxe"},
                            Row{"52:54:00:bb:00:01", uefi_x64, false, "ipxe.efi"},
                            Row{"52:54:00:bb:00:01", http_x64, false, "@depot.iso"},
                            Row{"52:54:00:aa:00:01", bios, false, "ipxe.pxe"},
                            Row{"52:54:00:aa:00:01", uefi_x64, false, "shim/shimx64.efi"},
                            Row{"52:54:00:aa:00:01", http_x64, false, "@shim/shimx64.efi"},
                            Row{"52:54:00:aa:00:02", uefi_x64, false, "ipxe.efi"},
                            Row{"52:54:00:aa:00:02", http_x64, false, "@secure.img"},
                            Row{"52:54:00:aa:00:01", uefi_x64, true, "@../boot.ipxe"});
  auto who = client(row.mac);
  who.arch = row.arch;
  who.ipxe = who.ipxe_can_boot = row.has_ipxe;
  std::string file = row.file;
  if (file.starts_with("@../")) file = "http://10.0.0.1:8080/" + file.substr(4);
  if (file.starts_with('@')) file = here + file.substr(1);
  CHECK(depot.provisioning->boot_policy().boot_file(who, kServer) == file);
}

TEST_CASE("1a.13 the form of the offer is the host's own or the depot's", "[provisioning][gate]") {
  using dhcp::OfferStyle;
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  const auto h1 = client("52:54:00:aa:00:01");
  const auto stranger = client("52:54:00:bb:00:01");
  CHECK(policy.offer_style(h1) == OfferStyle::automatic);
  depot.config.offer = OfferStyle::direct;
  CHECK(policy.offer_style(h1) == OfferStyle::direct);
  CHECK(policy.offer_style(stranger) == OfferStyle::direct);
  depot.inventory.hosts[0].offer = OfferStyle::automatic;
  depot.restart();
  auto& again = depot.provisioning->boot_policy();
  CHECK(again.offer_style(h1) == OfferStyle::automatic);
  CHECK(again.offer_style(client("52:54:00:aa:00:02")) == OfferStyle::direct);
}

TEST_CASE("leases: a host's bench address is its own alone", "[provisioning][gate][lease]") {
  Depot depot;
  depot.inventory.hosts[0].bench_address = Ipv4::parse("10.77.0.21");
  depot.restart();
  auto& policy = depot.provisioning->boot_policy();
  CHECK(policy.reserved_address(*Mac::parse("52:54:00:aa:00:01")) == Ipv4::parse("10.77.0.21"));
  CHECK_FALSE(policy.reserved_address(*Mac::parse("52:54:00:aa:00:02")));
  CHECK(policy.is_reserved(*Ipv4::parse("10.77.0.21")));
  CHECK_FALSE(policy.is_reserved(*Ipv4::parse("10.77.0.22")));
}

TEST_CASE("leases: a host is known by the address that we gave it, also behind a router",
          "[provisioning][gate][lease]") {
  Depot depot;
  depot.arm("h1");
  auto& gate = depot.provisioning->boot_policy();
  const auto h1 = client("52:54:00:aa:00:01");
  const auto address = *Ipv4::parse("10.98.0.50");
  gate.leased(h1.mac, address, kServer);
  CHECK_FALSE(dynamic_cast<Gate&>(gate).may_ask(address));  // it did not ask to boot
  REQUIRE_FALSE(gate.boot_file(h1, kServer).empty());
  gate.leased(h1.mac, address, kServer);
  CHECK(dynamic_cast<Gate&>(gate).may_ask(address));
  const auto& passage = depot.provisioning->ledger().journey().passage(depot.host("h1").id);
  REQUIRE(passage.lease);
  CHECK(passage.lease->ip == kServer);
}

TEST_CASE("the form `leased` is for leases; a proxy goes by experience", "[provisioning][gate]") {
  Depot depot;
  depot.config.offer = dhcp::OfferStyle::leased;
  auto& policy = depot.provisioning->boot_policy();
  CHECK(policy.offer_style(client("52:54:00:aa:00:01")) == dhcp::OfferStyle::automatic);
  depot.config.dhcp_mode = DhcpMode::server;
  CHECK(policy.offer_style(client("52:54:00:aa:00:01")) == dhcp::OfferStyle::leased);
}

TEST_CASE("1a.13 a request for a file by TFTP shows that an offer was taken",
          "[provisioning][gate]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  auto& files = depot.provisioning->tftp_files();
  const auto mac = *Mac::parse("52:54:00:aa:00:01");
  const auto before = depot.scheduler.now().steady;
  depot.neighbours[kPeer] = mac;
  CHECK_FALSE(files.may_ask(kPeer));
  CHECK_FALSE(policy.has_fetched(mac, before));  // a stranger's request says nothing
  (void)policy.boot_file(client("52:54:00:aa:00:01"), kServer);
  CHECK(files.may_ask(kPeer));
  CHECK(policy.has_fetched(mac, before));
  CHECK_FALSE(policy.has_fetched(mac, before + 1s));
}

TEST_CASE("1a.16 a flood of forged MACs does not fill the log; hosts of the inventory are told all",
          "[provisioning][gate][sg7]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  const test::LogCapture capture;
  for (std::uint8_t i = 0; i < 60; ++i) {
    auto who = client("02:00:00:00:00:00");
    who.mac.octets[5] = i;
    CHECK_FALSE(policy.boot_file(who, kServer).empty());
  }
  CHECK(capture.lines("host.discovered").size() == Ledger::kStrangerLinesASecond);
  CHECK(capture.lines("host.dhcp_asked").size() == Ledger::kStrangerLinesASecond);
  (void)policy.boot_file(client("52:54:00:aa:00:01"), kServer);
  CHECK(capture.lines("host.dhcp_asked").size() == Ledger::kStrangerLinesASecond + 1);
  auto& journey = depot.provisioning->ledger().journey();
  CHECK(journey.of(depot.host("02:00:00:00:00:3b").id).size() == 2);  // the timeline has all
}

TEST_CASE("strangers are discovered, or get silence where they are to be ignored",
          "[provisioning][gate]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  depot.config.unknown_hosts = UnknownHosts::ignore;
  CHECK(policy.boot_file(client("52:54:00:bb:00:01"), kServer).empty());
  CHECK(policy.boot_file(client("52:54:00:aa:00:01"), kServer).empty());  // assigned, not armed
  CHECK_THAT(depot.script_for("52:54:00:bb:00:01"), ContainsSubstring("sanboot"));
  CHECK(depot.provisioning->ledger().hosts().size() == 3);
  depot.config.unknown_hosts = UnknownHosts::discover;
  CHECK_FALSE(policy.boot_file(client("52:54:00:bb:00:01"), kServer).empty());
  depot.settle();
  CHECK(depot.state("52:54:00:bb:00:01") == "discovered");
  depot.restart();
  CHECK(depot.state("52:54:00:bb:00:01") == "discovered");
}

TEST_CASE("a flood of forged MACs is answered and remembered in bounds",
          "[provisioning][gate][sg7]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  const auto flood = [&](unsigned from, unsigned count) {
    for (unsigned i = from; i < from + count; ++i) {
      auto who = client("02:00:00:00:00:00");
      who.mac.octets[4] = static_cast<std::uint8_t>(i >> 8U);
      who.mac.octets[5] = static_cast<std::uint8_t>(i);
      CHECK_FALSE(policy.boot_file(who, kServer).empty());
    }
    depot.settle();
  };
  flood(0, 1000);
  CHECK(depot.provisioning->ledger().hosts().size() == 3 + Ledger::kMaxNewPerSecond);
  for (unsigned second = 0; second < 70; ++second) {
    depot.scheduler.advance(1s);
    flood(1000 + second * 64, 64);
  }
  CHECK(depot.provisioning->ledger().hosts().size() == 3 + Ledger::kMaxDiscovered);
  CHECK(depot.state("h1") == "assigned");
}

TEST_CASE("TFTP answers those whom DHCP answered, for ten minutes (SG8)",
          "[provisioning][gate][sg8]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  auto& files = depot.provisioning->tftp_files();
  CHECK_FALSE(files.may_ask(kPeer));
  SECTION("by address") {
    auto who = client("52:54:00:bb:00:01");
    who.address = kPeer;
    (void)policy.boot_file(who, kServer);
  }
  SECTION("by the MAC of a stranger") {
    depot.neighbours[kPeer] = *Mac::parse("52:54:00:bb:00:01");
    CHECK_FALSE(files.may_ask(kPeer));
    (void)policy.boot_file(client("52:54:00:bb:00:01"), kServer);
  }
  SECTION("by the MAC of a known host") {
    depot.neighbours[kPeer] = *Mac::parse("52:54:00:aa:00:01");
    CHECK_FALSE(files.may_ask(kPeer));
    (void)policy.boot_file(client("52:54:00:aa:00:01"), kServer);
  }
  CHECK(files.may_ask(kPeer));
  depot.advance(10min);
  CHECK(files.may_ask(kPeer));
  depot.advance(1s);
  CHECK_FALSE(files.may_ask(kPeer));
  depot.config.tftp_allow = {*Cidr::parse("10.0.0.0/24")};
  CHECK(files.may_ask(kPeer));
}

TEST_CASE("only published loaders can be had", "[provisioning][gate]") {
  Depot depot;
  auto& files = depot.provisioning->tftp_files();
  const auto loader = files.open("undionly.kpxe", kPeer, kServer);
  REQUIRE(loader != nullptr);
  CHECK(loader->size_octets() == 24);
  std::array<std::uint8_t, 8> out{};
  CHECK(*loader->read(20, out) == 4);
  CHECK(*loader->read(24, out) == 0);
  CHECK(files.open("secret.txt", kPeer, kServer) == nullptr);
  CHECK(files.open("../slipway.db", kPeer, kServer) == nullptr);
  CHECK(depot.ask("/loader/ipxe.efi").status == 200);
  CHECK(depot.ask("/loader/secret.txt").status == 404);
  const auto missing = depot.provisioning->missing_programs();
  REQUIRE(missing.size() == 2);
  CHECK(missing[0].file == "ipxe.pxe");
  CHECK(missing[1].file == "snponly.efi");
  CHECK(missing[1].who == "boot_programs.uefi");
}

TEST_CASE("artifacts are served by digest, immutable", "[provisioning][gate]") {
  Depot depot;
  const auto digest = Sha256::of("vmlinuz").text();
  const auto response = depot.ask("/artifacts/" + digest + "/vmlinuz");
  REQUIRE(response.status == 200);
  const auto* body = std::get_if<http::FileBody>(&response.body);
  REQUIRE(body != nullptr);
  CHECK(body->etag == "\"" + digest + "\"");
  CHECK(depot.ask("/artifacts/" + Sha256::of("else").text() + "/x").status == 404);
  CHECK(depot.ask("/artifacts/zz/x").status == 404);
}

TEST_CASE("a script request with a bad MAC is an error, without one a chain",
          "[provisioning][gate]") {
  Depot depot;
  CHECK(depot.ask("/boot.ipxe?mac=52:54").status == 400);
  CHECK_THAT(text_of(depot.ask("/boot.ipxe")), ContainsSubstring("mac=${netX/mac}"));
}

TEST_CASE("what a client says does not reach the script", "[provisioning][gate]") {
  Depot depot;
  depot.arm("h1");
  const auto response =
      depot.ask("/boot.ipxe?mac=52:54:00:aa:00:01&serial=%0Ashell&product=%0Ashell");
  CHECK(text_of(response).find("shell") == std::string::npos);
}

TEST_CASE("a host known by its serial number alone is found and learnt", "[provisioning][gate]") {
  Depot depot;
  HostEntry entry;
  entry.name = "by-serial";
  entry.serial = "SN-7";
  entry.profile = "edge";
  depot.inventory.hosts.push_back(entry);
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  depot.settle();
  depot.arm("by-serial");
  const auto response = depot.ask("/boot.ipxe?mac=52:54:00:cc:00:01&serial=SN-7");
  CHECK_THAT(text_of(response), ContainsSubstring("BOOTIF=01-52-54-00-cc-00-01"));
  CHECK(depot.state("52:54:00:cc:00:01") == "booting");
  depot.restart();
  CHECK(depot.host("52:54:00:cc:00:01").name == "by-serial");
}

TEST_CASE("without an installer an armed host is told to ask again", "[provisioning][gate]") {
  Depot depot;
  depot.arm("h1");
  depot.artifacts.has_installer = false;
  CHECK(depot.script_for("52:54:00:aa:00:01") == "status 503");
  CHECK_THAT(depot.script_for("52:54:00:aa:00:02"), ContainsSubstring("sanboot"));
  CHECK(depot.host("h1").arming->attempts_used == 0);
}

TEST_CASE("what a machine says of itself cannot spoil what an operator reads",
          "[provisioning][gate]") {
  struct Row {
    const char* said;
    std::string kept;
  };
  const Row rows[] = {{"Dell%20Inc.", "Dell Inc."},
                      {"Fran%C3%A7ois", "Fran\xc3\xa7ois"},
                      {"%ff%1b%5b2J%00x", "? [2J x"},
                      {"%C3", "?"}};
  for (const auto& [said, kept] : rows) {
    INFO(said);
    Depot depot;
    depot.ask("/boot.ipxe?mac=52:54:00:aa:00:01&product=" + std::string(said) + "&serial=" + said +
              "&manufacturer=" + said);
    const auto shown = depot.show("/api/v1/hosts/h1");
    CHECK(member(shown, "manufacturer") == kept);  // and so the document is JSON
    CHECK(member(shown, "product") == kept);
    CHECK(member(shown, "serial") == kept);
  }
  CHECK(said_text(std::string(126, 'a') + "\xc3\xa9\xc3\xa9") ==
        std::string(126, 'a') + "\xc3\xa9");
  CHECK(said_text(std::string(127, 'a') + "\xc3\xa9") == std::string(127, 'a'));
}

}  // namespace slipway::provisioning
