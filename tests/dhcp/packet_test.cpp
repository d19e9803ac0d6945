#include "dhcp/packet.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::string_literals;
using slipway::test::bios_discover;
using slipway::test::RawPacket;

TEST_CASE("a DISCOVER is decoded field by field", "[dhcp][packet][rfc2131]") {
  auto raw = bios_discover();
  raw.flags = 0x8000;
  raw.ciaddr = 0x0a580066;
  raw.giaddr = 0x0a630001;
  raw.sname = "boot";
  raw.file = "x.efi";
  const auto wire = raw.wire();
  const auto packet = parse(wire);
  REQUIRE(packet);
  CHECK(packet->op == Op::request);
  CHECK(packet->type == MessageType::discover);
  CHECK(packet->xid == 0x12345678);
  CHECK(packet->flags == 0x8000);
  CHECK(packet->ciaddr.text() == "10.88.0.102");
  CHECK(packet->giaddr.text() == "10.99.0.1");
  CHECK(packet->mac.text() == "52:54:00:aa:00:01");
  CHECK(packet->sname == "boot");
  CHECK(packet->file == "x.efi");
  CHECK(as_text(packet->options.find(Option::vendor_class).value()) ==
        "PXEClient:Arch:00000:UNDI:002001");
  CHECK_FALSE(packet->options.find(Option::ipxe));
}

TEST_CASE("1a.3 a broken packet is refused with the reason", "[dhcp][packet]") {
  auto wire = bios_discover().wire();
  SECTION("a header that is one octet short") {
    wire.resize(239);
    CHECK(parse(wire).error() == Errc::truncated);
  }
  SECTION("nothing at all") { CHECK(parse({}).error() == Errc::truncated); }
  SECTION("another cookie") {
    wire[236] = 0;
    CHECK(parse(wire).error() == Errc::bad_cookie);
  }
  SECTION("a header without options") {
    wire.resize(240);
    CHECK(parse(wire).error() == Errc::no_message_type);
  }
  SECTION("an option that promises more than there is") {
    wire.back() = 60;
    wire.push_back(9);
    wire.push_back('P');
    CHECK(parse(wire).error() == Errc::option_overrun);
  }
  SECTION("an option code as the very last octet") {
    wire.back() = 60;
    CHECK(parse(wire).error() == Errc::option_overrun);
  }
}

TEST_CASE("1a.3 only Ethernet clients are read", "[dhcp][packet]") {
  auto raw = bios_discover();
  SECTION("token ring") { raw.htype = 6; }
  SECTION("a long address") { raw.hlen = 16; }
  SECTION("no address") { raw.hlen = 0; }
  CHECK(parse(raw.wire()).error() == Errc::not_ethernet);
}

TEST_CASE("1a.3 a message type must be one octet from 1 to 8", "[dhcp][packet]") {
  const auto [why, value] = GENERATE(table<std::string, std::string>({
      {"plain BOOTP", ""},
      {"zero", "\0"s},
      {"past inform", "\x09"},
      {"two octets", "\x01\x01"},
  }));
  CAPTURE(why);
  CHECK(parse(bios_discover().replace(53, value).wire()).error() == Errc::no_message_type);
}

TEST_CASE("a missing end option is harmless", "[dhcp][packet]") {
  auto raw = bios_discover();
  raw.end = false;
  CHECK(parse(raw.wire()));
}

TEST_CASE("pads between options are passed over and nothing after the end is read",
          "[dhcp][packet]") {
  auto wire = bios_discover().wire();
  wire.insert(wire.begin() + 240, {0, 0, 0});
  const auto tail = {std::uint8_t{60}, std::uint8_t{200}};
  wire.insert(wire.end(), tail);
  const auto packet = parse(wire);
  REQUIRE(packet);
  CHECK(packet->options.find(Option::vendor_class)->size() == 32);
}

TEST_CASE("an option that comes in parts is joined in order", "[dhcp][packet][rfc3396]") {
  auto raw = bios_discover().replace(60, "PXE").with(43, "a").with(60, "Client:").with(43, "b");
  raw.with(60, "Arch");
  const auto wire = raw.wire();
  const auto packet = parse(wire);
  REQUIRE(packet);
  CHECK(as_text(packet->options.find(Option::vendor_class).value()) == "PXEClient:Arch");
  CHECK(as_text(packet->options.find(Option::vendor_info).value()) == "ab");
}

TEST_CASE("a joined option stays readable in a copy of the packet", "[dhcp][packet][rfc3396]") {
  const auto wire = bios_discover().replace(60, "PXE").with(60, "Client").wire();
  auto first = parse(wire);
  REQUIRE(first);
  const auto copy = *first;
  first = std::unexpected(make_error_code(Errc::truncated));
  CHECK(as_text(copy.options.find(Option::vendor_class).value()) == "PXEClient");
}

TEST_CASE("parts beyond what is kept are refused", "[dhcp][packet][rfc3396]") {
  auto raw = bios_discover();
  SECTION("one option of 600 octets") {
    for (int i = 0; i < 3; ++i) raw.with(43, std::string(200, 'x'));
  }
  SECTION("nine options in parts") {
    for (int code = 100; code < 109; ++code) raw.with(code, "a").with(code, "b");
  }
  CHECK(parse(raw.wire()).error() == Errc::option_overrun);
}

TEST_CASE("options in the file and sname fields are read", "[dhcp][packet][rfc2131]") {
  auto raw = bios_discover().without(60).without(93).with(52, "\x03");
  raw.file = "\x3c\x03PXE\xff"s;
  raw.sname =
      "\x3c\x06"
      "Client"
      "\x5d\x02\0\x07\xff"s;
  const auto wire = raw.wire();
  const auto packet = parse(wire);
  REQUIRE(packet);
  CHECK(as_text(packet->options.find(Option::vendor_class).value()) == "PXEClient");
  CHECK(packet->options.find(Option::client_arch)->size() == 2);
  CHECK(packet->file.empty());
  CHECK(packet->sname.empty());
}

TEST_CASE("a text field without a NUL ends with the field", "[dhcp][packet]") {
  auto raw = bios_discover();
  raw.file = std::string(128, 'f');
  raw.sname = std::string(64, 's');
  const auto wire = raw.wire();
  const auto packet = parse(wire);
  REQUIRE(packet);
  CHECK(packet->file == std::string(128, 'f'));
  CHECK(packet->sname == std::string(64, 's'));
}

TEST_CASE("1a.10 a message is written with an end option and at least 300 octets",
          "[dhcp][packet]") {
  std::array<std::uint8_t, 548> out{};
  Header header;
  header.xid = 0xdeadbeef;
  header.mac = Mac::parse("52:54:00:aa:00:01").value();
  header.file = "ipxe.efi";
  Composer composer(out, header);
  composer.option(Option::message_type, "\x02"s);
  const auto octets = composer.finish();
  REQUIRE(octets);
  CHECK(*octets == 300);
  CHECK(to_hex(ByteView(out).first(8)) == "02010600deadbeef");
  CHECK(to_hex(ByteView(out).subspan(28, 8)) == "525400aa00010000");
  CHECK(to_hex(ByteView(out).subspan(236, 8)) == "63825363350102ff");
  CHECK(parse(ByteView(out).first(*octets))->file == "ipxe.efi");
}

TEST_CASE("a text that fills its field is cut so that a NUL ends it", "[dhcp][packet]") {
  std::array<std::uint8_t, 548> out{};
  const std::string name(128, 'n');
  Header header;
  header.file = name;
  Composer composer(out, header);
  REQUIRE(composer.finish());
  CHECK(out[108 + 126] == 'n');
  CHECK(out[108 + 127] == 0);
}

TEST_CASE("a long option is split when it is written", "[dhcp][packet][rfc3396]") {
  std::array<std::uint8_t, 1024> out{};
  const std::string value(300, 'v');
  Composer composer(out, Header{});
  composer.option(Option::message_type, "\x02"s);
  composer.option(Option::relay_info, value);
  const auto octets = composer.finish();
  REQUIRE(octets);
  CHECK(*octets == 240 + 3 + 2 + 255 + 2 + 45 + 1);
  const auto packet = parse(ByteView(out).first(*octets));
  REQUIRE(packet);
  CHECK(as_text(packet->options.find(Option::relay_info).value()) == value);
}

TEST_CASE("a message that does not fit is refused, not cut", "[dhcp][packet]") {
  std::array<std::uint8_t, 305> out{};
  Composer composer(out, Header{});
  composer.option(Option::boot_file, std::string(64, 'x'));
  CHECK(composer.finish().error() == Errc::too_large);
}
