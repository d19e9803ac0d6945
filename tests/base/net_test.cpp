#include "base/net.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;

TEST_CASE("a MAC is read in both spellings and written in lower case", "[base][net]") {
  CHECK(Mac::parse("52:54:00:AA:00:01")->text() == "52:54:00:aa:00:01");
  CHECK(Mac::parse("52-54-00-aa-00-01")->text() == "52:54:00:aa:00:01");
  CHECK(Mac::parse("52:54:00:aa:00:01")->hyphens() == "52-54-00-aa-00-01");
  const auto* wrong =
      GENERATE("", "52:54:00:aa:00", "52:54:00:aa:00:01:02", "52:54:00-aa:00:01", "5254.00aa.0001",
               "52:54:00:aa:00:0g", "52:54:00:aa:00:1 ", "5:254:00:aa:00:01");
  CHECK_FALSE(Mac::parse(wrong));
}

TEST_CASE("an IPv4 address is four plain decimal numbers", "[base][net]") {
  CHECK(Ipv4::parse("10.0.0.255")->text() == "10.0.0.255");
  CHECK(Ipv4::parse("1.2.3.4")->number() == 0x01020304);
  CHECK(Ipv4::from_number(0xC0A80001).text() == "192.168.0.1");
  CHECK(Ipv4{}.is_zero());
  CHECK_FALSE(Ipv4::parse("0.0.0.1")->is_zero());
  const auto* wrong = GENERATE("", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.",
                               ".1.2.3", "1.2.3.4 ", "1.2.3.a", "+1.2.3.4", "1..2.3", "1.2.3.0004");
  INFO(wrong);
  CHECK_FALSE(Ipv4::parse(wrong));
}

TEST_CASE("a network contains its addresses", "[base][net]") {
  struct Row {
    const char* network;
    const char* address;
    bool inside;
  };
  const auto row = GENERATE(
      Row{"10.0.0.0/8", "10.255.1.2", true}, Row{"10.0.0.0/8", "11.0.0.0", false},
      Row{"192.168.1.64/26", "192.168.1.127", true}, Row{"192.168.1.64/26", "192.168.1.128", false},
      Row{"10.1.2.3", "10.1.2.3", true}, Row{"10.1.2.3/32", "10.1.2.4", false},
      Row{"0.0.0.0/0", "255.255.255.255", true}, Row{"10.1.2.3/8", "10.0.0.0", true});
  INFO(row.network << " " << row.address);
  CHECK(Cidr::parse(row.network)->contains(*Ipv4::parse(row.address)) == row.inside);
}

TEST_CASE("a network is an address and 0 to 32 bits", "[base][net]") {
  CHECK(Cidr::parse("10.0.0.0/8")->text() == "10.0.0.0/8");
  const auto* wrong =
      GENERATE("", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0/8");
  CHECK_FALSE(Cidr::parse(wrong));
}

TEST_CASE("a UUID is read, written and turned from SMBIOS order", "[base][net]") {
  const std::string text = "00112233-4455-6677-8899-aabbccddeeff";
  CHECK(Uuid::parse(text)->text() == text);
  CHECK(Uuid::parse("00112233-4455-6677-8899-AABBCCDDEEFF")->text() == text);
  const std::array<std::uint8_t, 16> mixed{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                           0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
  CHECK(Uuid::from_mixed_endian(mixed).text() == text);
  CHECK(Uuid{}.is_zero());
  CHECK_FALSE(Uuid::parse(text)->is_zero());
  const auto* wrong =
      GENERATE("", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef",
               "00112233-4455-6677-8899_aabbccddeeff", "0011223-34455-6677-8899-aabbccddeeff",
               "{0112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff-");
  INFO(wrong);
  CHECK_FALSE(Uuid::parse(wrong));
}
