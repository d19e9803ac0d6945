#include "images/import/addresses.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using slipway::images::IpAddress;

TEST_CASE("near and private addresses are told from public ones", "[import][addresses]") {
  struct Row {
    const char* text;
    bool near, is_private;
  };
  const auto row = GENERATE(values<Row>({
      {"127.0.0.1", true, true},
      {"127.255.255.255", true, true},
      {"0.0.0.0", true, true},
      {"0.1.2.3", true, true},
      {"169.254.169.254", true, true},
      {"224.0.0.1", true, true},
      {"255.255.255.255", true, true},
      {"::", true, true},
      {"::1", true, true},
      {"fe80::1", true, true},
      {"ff02::1", true, true},
      {"::ffff:127.0.0.1", true, true},
      {"10.1.2.3", false, true},
      {"172.16.0.1", false, true},
      {"172.31.255.255", false, true},
      {"192.168.0.1", false, true},
      {"fd00::1", false, true},
      {"172.32.0.1", false, false},
      {"128.0.0.1", false, false},
      {"169.253.0.1", false, false},
      {"192.169.0.1", false, false},
      {"11.0.0.1", false, false},
      {"2001:db8::1", false, false},
      {"::2", false, false},
      {"[2001:db8::1]", false, false},
  }));
  INFO(row.text);
  const auto address = IpAddress::parse(row.text);
  REQUIRE(address.has_value());
  CHECK(is_near(*address) == row.near);
  CHECK(is_private(*address) == row.is_private);
}

TEST_CASE("what is no address is not taken for one", "[import][addresses]") {
  for (const auto* text :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4x", "::g", "fe80::1%lo"}) {
    INFO(text);
    CHECK_FALSE(IpAddress::parse(text).has_value());
  }
}

TEST_CASE("an address reads back as it is written", "[import][addresses]") {
  for (const std::string text : {"192.0.2.7", "2001:db8::7", "::1"}) {
    CHECK(IpAddress::parse(text).value().text() == text);
  }
  CHECK(IpAddress::parse("::ffff:192.0.2.7").value().text() == "192.0.2.7");
}

TEST_CASE("this machine knows its loopback address", "[import][addresses]") {
  const auto own = slipway::images::own_addresses();
  REQUIRE(own.has_value());
  CHECK(std::ranges::count(*own, IpAddress::parse("127.0.0.1").value()) == 1);
}

TEST_CASE("hosts of URLs that are private", "[import][addresses]") {
  using slipway::images::names_private_host;
  for (const auto* host : {"localhost", "a.localhost", "127.0.0.1", "[::1]", "10.0.0.5"}) {
    INFO(host);
    CHECK(names_private_host(host));
  }
  for (const auto* host :
       {"localhost.example.com", "8.8.8.8", "example.com", "10.0.0.5.example.com"}) {
    INFO(host);
    CHECK_FALSE(names_private_host(host));
  }
}
