#include "dhcp/offer_styles.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kStart{1000h};

Mac mac_of(std::uint32_t number) {
  Mac mac{{0x52, 0x54, 0, 0, 0, 0}};
  Writer(std::span(mac.octets).subspan(2)).u32(number);
  return mac;
}

// One client that asks, and whose offers are made as the table says.
struct Firmware {
  OfferStyle ask(std::chrono::milliseconds at, std::uint32_t xid = 1) {
    const OfferStyles::Ask one{.mac = mac, .arch = arch, .xid = xid, .now = kStart + at};
    const auto style = styles.next(one);
    changed = styles.offered(one, style);
    return style;
  }
  OfferStyles styles{7};
  Mac mac = mac_of(1);
  Arch arch = Arch::uefi_x64;
  bool changed = false;
};

}  // namespace

TEST_CASE("1a.13 an architecture begins with the form that most of its firmware takes",
          "[dhcp][offer]") {
  Firmware host;
  CHECK(host.ask(0s) == OfferStyle::binl);
  host.mac = mac_of(2);
  host.arch = Arch::bios;
  CHECK(host.ask(0s) == OfferStyle::direct);
  CHECK_FALSE(host.changed);
}

TEST_CASE("1a.13 a client that asks again without going on gets the other form", "[dhcp][offer]") {
  Firmware host;
  SECTION("as EDK2 retries, with one transaction") {
    CHECK(host.ask(0s) == OfferStyle::binl);
    CHECK(host.ask(4s) == OfferStyle::direct);
    CHECK(host.changed);
    CHECK(host.ask(12s) == OfferStyle::binl);
    CHECK(host.ask(28s) == OfferStyle::direct);
  }
  SECTION("with a new transaction soon afterwards") {
    CHECK(host.ask(0s, 1) == OfferStyle::binl);
    CHECK(host.ask(136s, 2) == OfferStyle::direct);
  }
  SECTION("a new transaction much later is another boot") {
    CHECK(host.ask(0s, 1) == OfferStyle::binl);
    CHECK(host.ask(5min, 2) == OfferStyle::binl);
    CHECK_FALSE(host.changed);
  }
}

TEST_CASE("1a.13 copies of one request get the same form and do not put the change off",
          "[dhcp][offer]") {
  Firmware host;
  CHECK(host.ask(0ms) == OfferStyle::binl);
  CHECK(host.ask(2ms) == OfferStyle::binl);  // through a second relay
  CHECK(host.ask(2999ms) == OfferStyle::binl);
  CHECK(host.ask(3000ms) == OfferStyle::direct);
  CHECK(host.ask(5999ms) == OfferStyle::direct);
}

TEST_CASE("1a.13 what worked is remembered for the next boot", "[dhcp][offer]") {
  Firmware host;
  CHECK(host.ask(0s) == OfferStyle::binl);
  CHECK(host.ask(4s) == OfferStyle::direct);
  host.styles.went_on(host.mac);
  CHECK(host.styles.worked(host.mac) == OfferStyle::direct);
  CHECK(host.ask(60s, 2) == OfferStyle::direct);  // soon: it went on, so this is a new boot
  CHECK_FALSE(host.changed);
  CHECK(host.ask(64s, 2) == OfferStyle::binl);  // it ignores what worked before
  CHECK(host.ask(10h, 3) == OfferStyle::direct);
}

TEST_CASE("1a.13 whether a client waits for something it can take is known", "[dhcp][offer]") {
  Firmware host;
  CHECK_FALSE(host.styles.waits_since(host.mac));
  (void)host.ask(0s);
  (void)host.ask(1s);
  CHECK(host.styles.waits_since(host.mac) == kStart);
  host.styles.went_on(host.mac);
  CHECK_FALSE(host.styles.waits_since(host.mac));
}

TEST_CASE("1a.13 the same card in another architecture begins anew", "[dhcp][offer]") {
  Firmware host;
  CHECK(host.ask(0s) == OfferStyle::binl);
  host.arch = Arch::bios;
  CHECK(host.ask(4s) == OfferStyle::direct);
  CHECK(host.ask(8s) == OfferStyle::binl);
}

namespace {

Client client_of(const Firmware& host) {
  Client client;
  client.mac = host.mac;
  client.arch = host.arch;
  return client;
}

}  // namespace

TEST_CASE("1a.13 an offer after which something was fetched was a good one", "[dhcp][offer]") {
  Firmware host;
  test::FixedPolicy policy;
  const auto client = client_of(host);
  const auto ask_at = [&](std::chrono::seconds at) {
    return OfferStyles::Ask{.mac = host.mac, .arch = host.arch, .xid = 1, .now = kStart + at};
  };
  CHECK(host.styles.choose(client, ask_at(0s), policy) == OfferStyle::binl);
  CHECK_FALSE(policy.asked_since);  // nothing was offered yet
  (void)host.ask(0s);
  CHECK(host.styles.choose(client, ask_at(4s), policy) == OfferStyle::direct);
  CHECK(policy.asked_since == kStart);
  policy.fetched = true;
  CHECK(host.styles.choose(client, ask_at(4s), policy) == OfferStyle::binl);
  CHECK(host.styles.worked(host.mac) == OfferStyle::binl);
}

TEST_CASE("1a.13 what the settings say goes before experience", "[dhcp][offer]") {
  Firmware host;
  test::FixedPolicy policy;
  const auto client = client_of(host);
  const OfferStyles::Ask ask{.mac = host.mac, .arch = host.arch, .now = kStart};
  policy.style = OfferStyle::direct;
  CHECK(host.styles.choose(client, ask, policy) == OfferStyle::direct);
  policy.style = OfferStyle::binl;
  CHECK(host.styles.choose(client, ask, policy) == OfferStyle::binl);
}

TEST_CASE("a client that was never offered anything cannot go on", "[dhcp][offer]") {
  OfferStyles styles(7);
  styles.went_on(mac_of(1));
  CHECK(styles.worked(mac_of(1)) == OfferStyle::automatic);
  CHECK_FALSE(styles.waits_since(mac_of(1)));
}

TEST_CASE("a flood of clients pushes out those without experience first", "[dhcp][offer]") {
  Firmware host;
  (void)host.ask(0s);
  (void)host.ask(4s);
  host.styles.went_on(host.mac);
  const auto known = host.mac;
  for (std::uint32_t number = 2; number < 20'000; ++number) {
    host.mac = mac_of(number);
    CHECK(host.ask(10s) == OfferStyle::binl);
  }
  CHECK(host.styles.worked(known) == OfferStyle::direct);
}

TEST_CASE("clients share sets evenly for any seed", "[dhcp][offer]") {
  const auto seed = GENERATE(std::uint64_t{0}, std::uint64_t{7}, ~std::uint64_t{0});
  OfferStyles styles(seed);
  constexpr std::uint32_t kClients = 256;
  for (std::uint32_t number = 0; number < kClients; ++number) {
    (void)styles.offered({.mac = mac_of(number), .arch = Arch::uefi_x64, .now = kStart},
                         OfferStyle::binl);
  }
  std::uint32_t kept = 0;
  for (std::uint32_t number = 0; number < kClients; ++number) {
    kept += styles.waits_since(mac_of(number)) ? 1 : 0;
  }
  CHECK(kept > kClients * 9 / 10);
}
