#include "dhcp/leases.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/lease_bench.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kStart{1000h};

struct Bench {
  [[nodiscard]] Moment now() const { return {kStart + at, 1'700'000'000'000 + at.count()}; }
  [[nodiscard]] LeaseAsk ask(std::uint32_t client, std::string_view wanted = "0.0.0.0") {
    const auto mac = mac_of(client);
    return {.client = ClientId::of(mac),
            .mac = mac,
            .wanted = *Ipv4::parse(wanted),
            .reserved = policy.reserved_address(mac),
            .now = now()};
  }
  std::string offer(std::uint32_t client, std::string_view wanted = "0.0.0.0") {
    const auto address = leases.offer(ask(client, wanted), network, policy);
    return address ? address->text() : "none";
  }
  Claim claim(std::uint32_t client, std::string_view address, bool selects = true) {
    return leases.claim(ask(client, address), network, selects, policy).claim;
  }
  // The whole way to a lease; the address.
  std::string lease(std::uint32_t client) {
    const auto address = offer(client);
    REQUIRE(address != "none");
    REQUIRE(claim(client, address) == Claim::keep);
    leases.kept(ip(address), true, now().steady);
    return address;
  }
  LeasePolicy policy;
  Leases leases{small_network(), 7};
  const LeaseNetwork& network = leases.settings().networks[0];
  std::chrono::milliseconds at{};
};

}  // namespace

TEST_CASE("each client gets an address of its own, and the same one again", "[dhcp][leases]") {
  Bench bench;
  std::set<std::string> given;
  for (std::uint32_t client = 1; client <= 4; ++client) given.insert(bench.lease(client));
  CHECK(given == std::set<std::string>{"10.77.0.100", "10.77.0.101", "10.77.0.102", "10.77.0.103"});
  CHECK(bench.offer(5) == "none");
  bench.at = 59min;
  const auto first = bench.offer(1);
  CHECK(bench.offer(1) == first);
  CHECK(bench.claim(1, first) == Claim::keep);
  CHECK(bench.leases.count(bench.now().steady).leased == 4);
}

TEST_CASE("the lease that was free longest goes to a new client", "[dhcp][leases]") {
  Bench bench;
  const auto oldest = bench.lease(1);
  for (std::uint32_t client = 2; client <= 4; ++client) {
    bench.at += 1min;
    (void)bench.lease(client);
  }
  bench.at = 2h;
  CHECK(bench.offer(2) != oldest);  // what it had
  CHECK(bench.offer(9) == oldest);
}

TEST_CASE("an address that a client wishes for is its own when it is free", "[dhcp][leases]") {
  Bench bench;
  CHECK(bench.offer(1, "10.77.0.102") == "10.77.0.102");
  CHECK(bench.offer(2, "10.77.0.102") != "10.77.0.102");  // offered already
  CHECK(bench.offer(3, "10.77.0.7") != "10.77.0.7");      // not in the pool
  CHECK(bench.offer(3, "192.168.1.5") != "192.168.1.5");
}

TEST_CASE("offers that nobody takes keep no address from others", "[dhcp][leases][threats]") {
  Bench bench;
  const auto mine = bench.offer(1);
  for (std::uint32_t forged = 1000; forged < 6000; ++forged) CHECK(bench.offer(forged) != "none");
  CHECK(bench.offer(2) != "none");
  CHECK(bench.claim(1, mine) == Claim::keep);  // whoever was offered it meanwhile
  CHECK(bench.leases.count(bench.now().steady).leased == 0);
  bench.leases.kept(ip(mine), true, bench.now().steady);
  CHECK(bench.leases.count(bench.now().steady).leased == 1);
}

TEST_CASE("a request is kept, repeated, refused or left alone", "[dhcp][leases][rfc2131]") {
  Bench bench;
  const auto mine = bench.lease(1);
  const auto other = bench.lease(2);
  std::string free = "10.77.0.100";
  while (free == mine || free == other) ++free.back();
  struct Row {
    const char* why;
    std::uint32_t client;
    std::string address;
    bool selects;
    Claim claim;
  };
  const std::vector<Row> rows{
      {"the ACK was lost", 1, mine, true, Claim::repeat},
      {"INIT-REBOOT right after", 1, mine, false, Claim::repeat},
      {"another's lease, selecting", 1, other, true, Claim::refused},
      {"another's lease, renewing", 3, mine, false, Claim::refused},
      {"not in the pool, selecting", 3, "10.77.0.7", true, Claim::refused},
      {"of another network, INIT-REBOOT", 3, "10.88.0.9", false, Claim::refused},
      {"its memory is out of date", 1, "10.77.0.7", false, Claim::refused},
      {"nobody knows it, INIT-REBOOT", 3, "10.77.0.7", false, Claim::unknown},
      {"free and never its own, INIT-REBOOT", 3, free, false, Claim::unknown},
      {"our own address", 3, "10.77.0.2", true, Claim::refused},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(bench.claim(row.client, row.address, row.selects) == row.claim);
  }
}

TEST_CASE("a lease that is over is its former client's as long as nobody has it",
          "[dhcp][leases][rfc2131]") {
  Bench bench;
  const auto mine = bench.lease(1);
  bench.at = 2h;
  CHECK(bench.claim(1, mine, false) == Claim::keep);
}

TEST_CASE("while a record is on its way its client waits and others are refused",
          "[dhcp][leases]") {
  Bench bench;
  const auto address = bench.offer(1);
  REQUIRE(bench.claim(1, address) == Claim::keep);
  CHECK(bench.claim(1, address) == Claim::pending);
  CHECK(bench.claim(2, address) == Claim::refused);
  CHECK(bench.offer(2) != address);
  bench.leases.kept(ip(address), false, bench.now().steady);
  CHECK(bench.leases.count(bench.now().steady).leased == 0);
  CHECK(bench.claim(1, address) == Claim::keep);
}

TEST_CASE("a renewal that does not reach the disk leaves the lease as it was", "[dhcp][leases]") {
  Bench bench;
  const auto address = bench.lease(1);
  bench.at = 40min;
  REQUIRE(bench.claim(1, address, false) == Claim::keep);
  bench.leases.kept(ip(address), false, bench.now().steady);
  bench.at = 59min;
  CHECK(bench.leases.count(bench.now().steady).leased == 1);
  bench.at = 61min;
  CHECK(bench.leases.count(bench.now().steady).leased == 0);
}

TEST_CASE("an ACK that is said again tells how much of the lease is left", "[dhcp][leases]") {
  Bench bench;
  const auto address = bench.lease(1);
  bench.at = 20s;
  const auto again = bench.leases.claim(bench.ask(1, address), bench.network, false, bench.policy);
  CHECK(again.claim == Claim::repeat);
  CHECK(again.length == 3580s);
  bench.at = 31s;
  const auto renewed =
      bench.leases.claim(bench.ask(1, address), bench.network, false, bench.policy);
  CHECK(renewed.claim == Claim::keep);
  CHECK(renewed.length == 3600s);
}

TEST_CASE("a reserved address is its host's alone, in the pool or beside it", "[dhcp][leases]") {
  const auto* address = GENERATE("10.77.0.101", "10.77.0.20");
  Bench bench;
  bench.policy.reserved[mac_of(1)] = ip(address);
  for (std::uint32_t stranger = 2; stranger < 9; ++stranger) {
    CHECK(bench.offer(stranger) != address);
    CHECK(bench.claim(stranger, address) == Claim::refused);
  }
  CHECK(bench.offer(1) == address);
  CHECK(bench.claim(1, address) == Claim::keep);
  bench.leases.kept(ip(address), true, bench.now().steady);
  // The same machine under another name: its system has an identifier of its own.
  auto system = bench.ask(1, address);
  system.client = ClientId::of(system.mac, as_bytes("a DUID"));
  CHECK(bench.leases.offer(system, bench.network, bench.policy) == ip(address));
  CHECK(bench.leases.claim(system, bench.network, true, bench.policy).claim == Claim::keep);
}

TEST_CASE("a host whose reserved address another holds gets one of the pool", "[dhcp][leases]") {
  Bench bench;
  const auto taken = bench.lease(5);
  bench.policy.reserved[mac_of(1)] = ip(taken);
  const auto instead = bench.offer(1);
  CHECK(instead != taken);
  CHECK(instead != "none");
  bench.at = 2h;
  CHECK(bench.offer(1) == taken);
}

TEST_CASE("a client that takes its reserved address gives the one before back", "[dhcp][leases]") {
  Bench bench;
  (void)bench.lease(1);
  bench.policy.reserved[mac_of(1)] = ip("10.77.0.20");
  CHECK(bench.lease(1) == "10.77.0.20");
  CHECK(bench.leases.count(bench.now().steady).leased == 1);
}

TEST_CASE("what a client gives back is free at once, and offered to it again",
          "[dhcp][leases][rfc2131]") {
  Bench bench;
  const auto address = bench.lease(1);
  CHECK_FALSE(bench.leases.release(ClientId::of(mac_of(2)), ip(address), bench.now().steady));
  CHECK(bench.leases.release(ClientId::of(mac_of(1)), ip(address), bench.now().steady));
  CHECK_FALSE(bench.leases.release(ClientId::of(mac_of(1)), ip(address), bench.now().steady));
  CHECK_FALSE(bench.leases.release(ClientId::of(mac_of(1)), ip("10.9.9.9"), bench.now().steady));
  CHECK(bench.leases.count(bench.now().steady).leased == 0);
  CHECK(bench.offer(1) == address);
}

TEST_CASE("an address that a client found in use is given to nobody for ten minutes",
          "[dhcp][leases][rfc2131]") {
  Bench bench;
  const auto address = bench.lease(1);
  CHECK_FALSE(bench.leases.decline(ClientId::of(mac_of(2)), ip(address), bench.now().steady));
  CHECK(bench.leases.decline(ClientId::of(mac_of(1)), ip(address), bench.now().steady));
  CHECK_FALSE(bench.leases.decline(ClientId::of(mac_of(1)), ip(address), bench.now().steady));
  CHECK(bench.claim(1, address) == Claim::refused);
  std::set<std::string> others;
  for (std::uint32_t client = 1; client <= 3; ++client) others.insert(bench.lease(client));
  CHECK(others.size() == 3);
  CHECK_FALSE(others.contains(address));
  CHECK(bench.offer(4) == "none");
  bench.at = 11min;
  CHECK(bench.offer(4) == address);
}

TEST_CASE("an offer is free again when its client takes another server's", "[dhcp][leases]") {
  Bench bench;
  CHECK(bench.offer(1, "10.77.0.102") == "10.77.0.102");
  bench.leases.forget_offer(ClientId::of(mac_of(1)), bench.now().steady);
  CHECK(bench.leases.count(bench.now().steady).offered == 0);
  CHECK(bench.offer(2, "10.77.0.102") == "10.77.0.102");
}

TEST_CASE("leases that were kept are taken up as far as the wall clock can be believed",
          "[dhcp][leases]") {
  struct Row {
    const char* why;
    std::int64_t left_ms;
    std::chrono::minutes later;
    std::size_t leased;
  };
  const std::vector<Row> rows{
      {"half an hour is left", 30 * 60'000, 29min, 1},
      {"and is over then", 30 * 60'000, 31min, 0},
      {"it is over", -1, 0min, 0},
      {"the clock was set back by years", 400LL * 86'400'000, 23h, 1},
      {"and does not make it endless", 400LL * 86'400'000, 25h, 0},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Bench bench;
    const auto address = ip("10.77.0.102");
    bench.leases.restore({.network = bench.network.network,
                          .address = address,
                          .client = ClientId::of(mac_of(1)),
                          .mac = mac_of(1),
                          .expires_ms = bench.now().unix_ms + row.left_ms},
                         bench.now());
    bench.at = row.later;
    CHECK(bench.leases.count(bench.now().steady).leased == row.leased);
    CHECK(bench.offer(1) == "10.77.0.102");  // it is remembered in any case
    CHECK((bench.claim(2, "10.77.0.102") == Claim::refused) == (row.leased == 1));
  }
}

TEST_CASE("a kept lease of a network that is not given any more is left alone", "[dhcp][leases]") {
  Bench bench;
  bench.leases.restore({.network = *Cidr::parse("10.1.0.0/24"),
                        .address = ip("10.1.0.7"),
                        .client = ClientId::of(mac_of(1)),
                        .mac = mac_of(1),
                        .expires_ms = bench.now().unix_ms + 1000},
                       bench.now());
  CHECK(bench.leases.count(bench.now().steady).leased == 0);
}

TEST_CASE("networks do not give each other's addresses", "[dhcp][leases]") {
  auto settings = small_network();
  settings.networks.push_back(
      {*Cidr::parse("10.98.0.0/24"), {{ip("10.98.0.50"), ip("10.98.0.51")}}, {}});
  Leases leases(std::move(settings), 7);
  LeasePolicy policy;
  const auto& far = *leases.network_at(ip("10.98.0.1"));
  std::set<Ipv4> given;
  for (std::uint32_t client = 1; client <= 2; ++client) {
    const LeaseAsk ask{
        .client = ClientId::of(mac_of(client)), .mac = mac_of(client), .now = {kStart, 0}};
    const auto address = leases.offer(ask, far, policy);
    REQUIRE(address);
    given.insert(*address);
  }
  CHECK(given == std::set{ip("10.98.0.50"), ip("10.98.0.51")});
  CHECK(leases.network_at(ip("10.99.0.1")) == nullptr);
}
