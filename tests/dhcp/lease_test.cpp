#include "dhcp/lease.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::string_literals;

namespace {

Ipv4 ip(std::string_view text) { return *Ipv4::parse(text); }
Cidr net(std::string_view text) { return *Cidr::parse(text); }
const Mac kMac = *Mac::parse("52:54:00:aa:00:01");

AddressPool pool(std::string_view first, std::string_view last,
                 std::optional<Cidr> network = std::nullopt) {
  return {{ip(first), ip(last)}, network};
}

}  // namespace

TEST_CASE("a client is known by option 61, else by its MAC, which are one when they say the same",
          "[dhcp][lease][rfc2131]") {
  const auto [why, option, text] = GENERATE(table<std::string, std::string, std::string>({
      {"absent", "", "01525400aa0001"},
      {"the MAC, as iPXE and udhcpc send it", "\x01\x52\x54\0\xaa\0\x01"s, "01525400aa0001"},
      {"a DUID", "\xff\0\0\0\x01\0\x04xyz"s,
       "ff0000000100047879"
       "7a"},
      {"of the longest form", std::string(64, 'x'), to_hex(as_bytes(std::string(64, 'x')))},
      {"longer than any", std::string(65, 'x'), "01525400aa0001"},
  }));
  CAPTURE(why);
  const auto id = ClientId::of(kMac, as_bytes(option));
  CHECK(id.text() == text);
  CHECK(ClientId::parse(text) == id);
}

TEST_CASE("the text of a client that no client wrote is refused", "[dhcp][lease]") {
  for (const auto* text : {"", "0", "xy", "012"}) CHECK_FALSE(ClientId::parse(text));
  CHECK_FALSE(ClientId::parse(std::string(130, '0')));
}

TEST_CASE("pools are settled on the networks of the served interfaces", "[dhcp][lease]") {
  const LeasePlan plan{
      .pools = {pool("10.77.0.100", "10.77.0.199"), pool("10.77.0.10", "10.77.0.19"),
                pool("10.98.0.50", "10.98.0.60", net("10.98.0.7/24"))},
      .length = std::chrono::hours(1),
      .gateways = {ip("10.98.0.1"), ip("10.77.0.1")},
      .dns = {ip("9.9.9.9")},
      .domain = "bench"};
  const std::array served{net("10.77.0.2/24")};
  const auto settings = settle(plan, served);
  REQUIRE(settings);
  REQUIRE(settings->networks.size() == 2);
  CHECK(settings->networks[0].network.text() == "10.77.0.0/24");
  CHECK(settings->networks[0].ranges.size() == 2);
  CHECK(settings->networks[0].gateways == std::vector{ip("10.77.0.1")});
  CHECK(settings->networks[1].network.text() == "10.98.0.0/24");
  CHECK(settings->networks[1].gateways == std::vector{ip("10.98.0.1")});
  CHECK(settings->own == std::vector{ip("10.77.0.2")});
  CHECK(settings->length == std::chrono::hours(1));
  CHECK(settings->dns == plan.dns);
  CHECK(settings->domain == "bench");
}

TEST_CASE("a pool that cannot be given is refused with the reason", "[dhcp][lease]") {
  struct Row {
    const char* why;
    AddressPool pool;
    std::string error;
  };
  const std::vector<Row> rows{
      {"in nobody's network", pool("10.88.0.100", "10.88.0.199"),
       "the pool 10.88.0.100 to 10.88.0.199 lies in the network of no served interface; for hosts "
       "behind a relay give it `network: ADDRESS/PREFIX`"},
      {"it goes on beyond the network", pool("10.77.0.100", "10.77.1.5"),
       "the pool 10.77.0.100 to 10.77.1.5 lies in the network of no served interface; for hosts "
       "behind a relay give it `network: ADDRESS/PREFIX`"},
      {"our own address", pool("10.77.0.1", "10.77.0.9"),
       "the pool 10.77.0.1 to 10.77.0.9 holds our own address 10.77.0.2"},
      {"the broadcast address", pool("10.77.0.200", "10.77.0.255"),
       "the pool 10.77.0.200 to 10.77.0.255 holds the network's broadcast address 10.77.0.255"},
      {"the network's own", pool("10.77.0.0", "10.77.0.1"),
       "the pool 10.77.0.0 to 10.77.0.1 holds the address of the network itself"},
      {"only behind a relay", pool("10.98.0.1", "10.98.0.9", net("10.98.0.0/24")),
       "no pool of dhcp.pool lies in 10.77.0.0/24, the network of a served interface"},
  };
  const std::array served{net("10.77.0.2/24")};
  for (const auto& row : rows) {
    INFO(row.why);
    const auto settings = settle({.pools = {row.pool}}, served);
    REQUIRE_FALSE(settings);
    CHECK(settings.error().text() == row.error);
  }
}
