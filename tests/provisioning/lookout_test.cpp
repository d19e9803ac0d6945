#include "provisioning/lookout.hpp"

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
const auto kServer = *Ipv4::parse("10.0.0.1");
const auto kPeer = *Ipv4::parse("10.0.0.21");
const auto kMac = *Mac::parse("52:54:00:aa:00:01");

dhcp::Client firmware(const Mac& mac) {
  dhcp::Client who;
  who.mac = mac;
  who.arch = dhcp::Arch::uefi_x64;
  who.arch_code = 7;
  return who;
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

std::string timeline(Depot& depot, const std::string& host) {
  return text_of(depot.show("/api/v1/hosts/" + host + "/timeline"));
}

}  // namespace

TEST_CASE("a host that stands still is said once, with its name and its remedy",
          "[provisioning][lookout]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis").empty());
  CHECK(policy.boot_file(firmware(kMac), kServer) == "snponly.efi");
  depot.advance(10s);
  CHECK_FALSE(policy.boot_file(firmware(kMac), kServer).empty());
  depot.advance(9s);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis").empty());
  depot.advance(6s);
  const auto shown = depot.show("/api/v1/hosts/h1");
  CHECK(member(shown, "diagnosis") == "no-dhcp-server");
  CHECK_THAT(member(shown, "diagnosis_detail"), ContainsSubstring("asked 2 times in 25 s"));
  CHECK_THAT(member(shown, "diagnosis_remedy"), ContainsSubstring("DHCP server"));
  // Firmware that gives up and begins anew is in the same state.
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(policy.boot_file(firmware(kMac), kServer).empty());
    depot.advance(60s);
  }
  CHECK(count(timeline(depot, "h1"), "host.stuck") == 1);
}

TEST_CASE("what another server answers goes to the host that was answered",
          "[provisioning][lookout]") {
  Depot depot;
  CHECK_FALSE(depot.provisioning->boot_policy().boot_file(firmware(kMac), kServer).empty());
  const Sight rival{.ip = *Ipv4::parse("10.0.0.9"),
                    .mac = *Mac::parse("52:54:00:00:00:09"),
                    .at = depot.scheduler.now().steady};
  depot.provisioning->lookout().hear(*Mac::parse("52:54:00:aa:00:02"), Heard::proxy, rival);
  depot.provisioning->lookout().hear(*Mac::parse("52:54:00:99:99:99"), Heard::proxy, rival);
  depot.advance(25s);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis") == "no-dhcp-server");
  depot.provisioning->lookout().hear(kMac, Heard::proxy, rival);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis") == "another-proxy-first");
}

TEST_CASE("the timeline tells what was offered, where it was asked for, and how fast it went",
          "[provisioning][lookout]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  auto& files = depot.provisioning->tftp_files();
  depot.neighbours[kPeer] = kMac;
  auto who = firmware(kMac);
  CHECK_FALSE(policy.boot_file(who, kServer).empty());
  who.address = kPeer;
  CHECK_FALSE(policy.boot_file(who, kServer).empty());
  CHECK(files.open("ipxe.efi", kPeer, kServer) != nullptr);
  depot.advance(2s);
  files.sent("ipxe.efi", kPeer, 1U << 20U);
  const auto text = timeline(depot, "h1");
  for (const auto* part : {"firmware asked by DHCP, architecture 7, was offered snponly.efi",
                           "firmware asked port 4011 from 10.0.0.21, was told snponly.efi",
                           "took ipxe.efi by TFTP, 1048576 octets in 2.0 s, 0.5 MiB/s",
                           R"({"name":"loader_sent","at":)"}) {
    CHECK_THAT(text, ContainsSubstring(part));
  }
  // It gets its script and is armed by nobody: there is nothing to wait for.
  depot.advance(60s);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis") == "loader-refused");
  CHECK_FALSE(depot.script_for("52:54:00:aa:00:01").empty());
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis").empty());
}

TEST_CASE("1a.13 an offer of another form stands in the timeline, twice a boot at most",
          "[provisioning][lookout]") {
  using dhcp::OfferStyle;
  Depot depot;
  auto& lookout = depot.provisioning->lookout();
  lookout.offered(kMac, OfferStyle::binl, false);  // before it was let in: nobody to say it of
  CHECK_FALSE(depot.provisioning->boot_policy().boot_file(firmware(kMac), kServer).empty());
  const Sight server{.ip = *Ipv4::parse("10.0.0.9"), .at = depot.scheduler.now().steady};
  lookout.hear(kMac, Heard::lease, server);
  lookout.offered(kMac, OfferStyle::binl, false);
  depot.advance(25s);
  CHECK_THAT(member(depot.show("/api/v1/hosts/h1"), "diagnosis_detail"),
             ContainsSubstring("was offered the form binl, and asked us for nothing more"));
  for (const auto style : {OfferStyle::direct, OfferStyle::binl, OfferStyle::direct}) {
    lookout.offered(kMac, style, true);
  }
  CHECK_THAT(member(depot.show("/api/v1/hosts/h1"), "diagnosis_detail"),
             ContainsSubstring("was offered both forms, direct last"));
  const auto& events = depot.provisioning->ledger().journey().of(depot.host("h1").id);
  CHECK(std::ranges::count(events, "host.offer_changed", &JourneyEvent::event) == 2);
}

TEST_CASE("1a.5 a host of an architecture that we have nothing for is told so",
          "[provisioning][lookout]") {
  Depot depot;
  constexpr std::uint16_t kArm64 = 11;
  depot.provisioning->boot_policy().unknown_arch(*Mac::parse("52:54:00:99:99:99"), kArm64);
  depot.provisioning->boot_policy().unknown_arch(kMac, kArm64);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis") == "wrong-architecture");
  CHECK_THAT(member(depot.show("/api/v1/hosts/h1"), "diagnosis_detail"), ContainsSubstring("11"));
}

TEST_CASE("a transfer that nobody acknowledges is said at once", "[provisioning][lookout]") {
  Depot depot;
  auto& files = depot.provisioning->tftp_files();
  depot.neighbours[kPeer] = kMac;
  CHECK_FALSE(depot.provisioning->boot_policy().boot_file(firmware(kMac), kServer).empty());
  CHECK(files.open("ipxe.efi", kPeer, kServer) != nullptr);
  files.broke_off("ipxe.efi", kPeer, false);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis") == "tftp-blocked");
  CHECK(files.open("ipxe.efi", kPeer, kServer) != nullptr);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis").empty());
  files.broke_off("ipxe.efi", kPeer, true);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnosis") == "tftp-slow");
}

TEST_CASE("a flood of forged clients that stand still does not fill the log",
          "[provisioning][lookout][sg7]") {
  Depot depot;
  auto& policy = depot.provisioning->boot_policy();
  auto mac = *Mac::parse("02:00:00:00:00:00");
  for (unsigned i = 0; i < 50; ++i) {
    mac.octets[5] = static_cast<std::uint8_t>(i);
    CHECK_FALSE(policy.boot_file(firmware(mac), kServer).empty());
  }
  depot.settle();
  depot.advance(25s);
  std::size_t said = 0;
  depot.provisioning->ledger().hosts().each([&](const Host& host) {
    for (const auto& event : depot.provisioning->ledger().journey().of(host.id)) {
      said += event.event == "host.stuck" ? 1 : 0;
    }
  });
  CHECK(said == Lookout::kStrangersALook);
}

}  // namespace slipway::provisioning
