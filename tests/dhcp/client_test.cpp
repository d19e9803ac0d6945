#include "dhcp/client.hpp"

#include "dhcp/packet.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::string_literals;
using slipway::test::bios_discover;
using slipway::test::RawPacket;

namespace {

// identify() with a Client whose views stay valid.
struct Identified {
  explicit Identified(const RawPacket& raw) : wire(raw.wire()), packet(parse(wire)) {
    REQUIRE(packet);
    client = identify(*packet);
  }
  Bytes wire;
  Result<Packet> packet;
  Result<Client> client = std::unexpected(make_error_code(Errc::truncated));
};

std::error_code refusal(const RawPacket& raw) {
  const Identified identified(raw);
  return identified.client ? std::error_code{} : identified.client.error();
}

}  // namespace

TEST_CASE("1a.5 the architecture comes from option 93 within the class",
          "[dhcp][client][rfc4578]") {
  const auto [why, vendor_class, codes, arch,
              code] = GENERATE(table<std::string, std::string, std::string, Arch, int>({
      {"BIOS", "PXEClient:Arch:00000:UNDI:002001", "\0\0"s, Arch::bios, 0},
      {"UEFI x64", "PXEClient:Arch:00007:UNDI:003000", "\0\x07"s, Arch::uefi_x64, 7},
      {"UEFI x64 by the letter of RFC 4578", "PXEClient:Arch:00009", "\0\x09"s, Arch::uefi_x64, 9},
      {"UEFI HTTP Boot", "HTTPClient:Arch:00016:UNDI:003000", "\0\x10"s, Arch::http_x64, 16},
      {"the first known of a list", "PXEClient", "\0\x0b\0\x09\0\0"s, Arch::uefi_x64, 9},
      {"a list with an odd octet at its end", "PXEClient", "\0\x07\0"s, Arch::uefi_x64, 7},
  }));
  CAPTURE(why);
  const Identified identified(bios_discover().replace(60, vendor_class).replace(93, codes));
  REQUIRE(identified.client);
  CHECK(identified.client->arch == arch);
  CHECK(identified.client->arch_code == code);
}

TEST_CASE("1a.4 the class is matched by its prefix alone", "[dhcp][client]") {
  const auto [why, vendor_class] = GENERATE(table<std::string, std::string>({
      {"a chained iPXE sends the bare class", "PXEClient"},
      {"the text names another architecture", "PXEClient:Arch:00000:UNDI:002001"},
      {"the text is cut off", "PXEClient:Arch:0"},
      {"a class that counts its NUL", "PXEClient\0"s},
      {"anything behind it", "PXEClientX"},
  }));
  CAPTURE(why);
  const Identified identified(bios_discover().replace(60, vendor_class).replace(93, "\0\x07"s));
  REQUIRE(identified.client);
  CHECK(identified.client->arch == Arch::uefi_x64);
}

TEST_CASE("1a.3 who is no network boot client of ours is refused", "[dhcp][client]") {
  const auto [why, raw, code] = GENERATE(table<std::string, RawPacket, Errc>({
      {"an ordinary DHCP client", bios_discover().without(60), Errc::not_pxe},
      {"another class", bios_discover().replace(60, "MSFT 5.0"), Errc::not_pxe},
      {"the class in lower case", bios_discover().replace(60, "pxeclient"), Errc::not_pxe},
      {"the class not at the beginning", bios_discover().replace(60, "xPXEClient"), Errc::not_pxe},
      {"no architecture", bios_discover().without(93), Errc::not_pxe},
      {"an empty architecture", bios_discover().replace(93, ""), Errc::unknown_arch},
      {"half an architecture", bios_discover().replace(93, "\0"s), Errc::unknown_arch},
      {"1a.5 UEFI IA32", bios_discover().replace(93, "\0\x06"s), Errc::unknown_arch},
      {"1a.5 ARM64", bios_discover().replace(93, "\0\x0b"s), Errc::unknown_arch},
      {"1a.5 HTTP boot of 32 bits", test::http_discover().replace(93, "\0\x0f"s),
       Errc::unknown_arch},
      {"HTTP class with a PXE code", test::http_discover().replace(93, "\0\x07"s),
       Errc::unknown_arch},
  }));
  CAPTURE(why);
  CHECK(refusal(raw) == code);
}

TEST_CASE("1a.3 a reply of another server is not a client", "[dhcp][client]") {
  auto raw = bios_discover();
  raw.op = 2;
  CHECK(refusal(raw) == Errc::not_a_request);
}

TEST_CASE("a Raspberry Pi that claims to be a PC is refused", "[dhcp][client]") {
  auto raw = bios_discover();
  raw.mac = {0xdc, 0xa6, 0x32, 1, 2, 3};
  CHECK(refusal(raw) == Errc::unknown_arch);
}

TEST_CASE("1a.6 a UUID of another size or type spoils the packet", "[dhcp][client]") {
  const auto value =
      GENERATE(""s, std::string(16, '\0'), std::string(18, '\0'), "\x01" + std::string(16, 'u'));
  CHECK(refusal(bios_discover().replace(97, value)) == Errc::bad_uuid);
}

TEST_CASE("1a.6 the UUID is put into canonical order", "[dhcp][client]") {
  const Identified identified(bios_discover());
  REQUIRE(identified.client);
  CHECK(identified.client->uuid.value().text() == "12345678-1234-5678-9abc-def012345678");
}

TEST_CASE("1a.6 an absent UUID and one of zeros are none", "[dhcp][client]") {
  auto raw = bios_discover().without(97);
  SECTION("absent") {}
  SECTION("zeros") { raw.with(97, std::string(17, '\0')); }
  const Identified identified(raw);
  REQUIRE(identified.client);
  CHECK_FALSE(identified.client->uuid);
}

TEST_CASE("1a.7 option 94 may be absent", "[dhcp][client]") {
  CHECK(refusal(bios_discover().without(94)) == std::error_code{});
}

TEST_CASE("1a.8 iPXE is known by its user class or its options", "[dhcp][client]") {
  const auto [why, raw, ipxe] = GENERATE(table<std::string, RawPacket, bool>({
      {"a plain ROM", bios_discover(), false},
      {"the raw class", bios_discover().with(77, "iPXE"), true},
      {"the class as RFC 3004 has it", bios_discover().with(77, "\x04iPXE"), true},
      {"with a second class behind it",
       bios_discover().with(77,
                            "\x04iPXE\x03"
                            "abc"),
       true},
      {"option 175 alone", bios_discover().with(175, "\xb1\x01x"), true},
      {"another class", bios_discover().with(77, "gPXE"), false},
  }));
  CAPTURE(why);
  const Identified identified(raw);
  REQUIRE(identified.client);
  CHECK(identified.client->ipxe == ipxe);
}

TEST_CASE("1a.9 an iPXE can boot with HTTP and a way to start a kernel", "[dhcp][client]") {
  const auto [why, features, can] = GENERATE(table<std::string, std::string, bool>({
      {"the Debian BIOS ROM", "\x13\x01\x01\x18\x01\x01", true},
      {"a UEFI build has no bzImage", "\x13\x01\x01\x24\x01\x01", true},
      {"VirtualBox: no bzImage", "\x13\x01\x01", false},
      {"no HTTP", "\x18\x01\x01\x24\x01\x01", false},
      {"features that are off", "\x13\x01\x01\x18\x01\0"s, false},
      {"a feature without a value", "\x13\0\x18\x01\x01"s, false},
      {"nothing", "", false},
      {"features cut off", "\x13\x01\x01\x18\x05\x01", false},
      {"a version and a bus before them", "\xeb\x03\1\0\0\xb1\x02xy\x13\x01\x01\x18\x01\x01"s,
       true},
  }));
  CAPTURE(why);
  const Identified identified(bios_discover().with(77, "iPXE").with(175, features));
  REQUIRE(identified.client);
  CHECK(identified.client->ipxe);
  CHECK(identified.client->ipxe_can_boot == can);
}
