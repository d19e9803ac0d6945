#include "dhcp/overhear.hpp"

#include <poll.h>

#include "dhcp/packet.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::string_literals;
using test::lease_offer;
using test::proxy_offer;
using test::RawPacket;
using Kind = Overheard::Kind;

namespace {

constexpr Ipv4 kFrom{{10, 88, 0, 254}};
constexpr Mac kSender{{0x52, 0x54, 0, 0xbb, 0, 1}};

std::optional<Overheard> hear(const RawPacket& raw) {
  const auto wire = raw.wire();
  return overhear(wire, kFrom, kSender);
}

RawPacket with_next_server(RawPacket raw, std::uint32_t address) {
  raw.siaddr = address;
  return raw;
}

RawPacket with_file(RawPacket raw, std::string name) {
  raw.file = std::move(name);
  return raw;
}

}  // namespace

TEST_CASE("1e.42 another boot server is known by its offer without an address",
          "[dhcp][overhear]") {
  const auto heard = hear(proxy_offer());
  REQUIRE(heard);
  CHECK(heard->kind == Kind::proxy);
  CHECK(heard->ip.text() == "10.88.0.3");
  CHECK(heard->mac == kSender);
  CHECK(heard->xid == 0x12345678);
  CHECK(heard->client.text() == "52:54:00:aa:00:01");
  CHECK(heard->lease.is_zero());
  CHECK_FALSE(heard->acknowledges);
}

namespace {

struct KindRow {
  std::string why;
  RawPacket raw;
  Kind kind;
};

}  // namespace

TEST_CASE("1e.42 what a server's answer means for our clients", "[dhcp][overhear]") {
  const auto row = GENERATE(values<KindRow>({
      {"a plain lease; dnsmasq names itself as next server", lease_offer(), Kind::lease},
      {"no next server at all", with_next_server(lease_offer(), 0), Kind::lease},
      {"an empty option 67", lease_offer().with(67, "\0"s), Kind::lease},
      {"another class than a boot client's", lease_offer().with(60, "MSFT 5.0"), Kind::lease},
      {"a proxy for HTTP boot", proxy_offer().replace(60, "HTTPClient"), Kind::proxy},
      {"a proxy with a file", with_file(proxy_offer(), "ipxe.efi"), Kind::proxy},
      {"a class with more behind it", proxy_offer().replace(60, "PXEClient:x"), Kind::proxy},
  }));
  CAPTURE(row.why);
  const auto heard = hear(row.raw);
  REQUIRE(heard);
  CHECK(heard->kind == row.kind);
}

TEST_CASE("1e.43 a DHCP server that leads boot clients astray is told from a plain one",
          "[dhcp][overhear]") {
  const auto row = GENERATE(values<KindRow>({
      {"a lease of class PXEClient", lease_offer().with(60, "PXEClient"), Kind::pxe_lease},
      {"a lease of class HTTPClient", lease_offer().with(60, "HTTPClient"), Kind::pxe_lease},
      {"the class and a file", with_file(lease_offer().with(60, "PXEClient"), "x.efi"),
       Kind::pxe_lease},
      {"a file in the header", with_file(lease_offer(), "pxelinux.0"), Kind::boot_lease},
      {"a file in option 67", lease_offer().with(67, "grubx64.efi"), Kind::boot_lease},
      {"another next server", with_next_server(lease_offer(), 0x0a580009), Kind::boot_lease},
  }));
  CAPTURE(row.why);
  const auto heard = hear(row.raw);
  REQUIRE(heard);
  CHECK(heard->kind == row.kind);
}

TEST_CASE("1e.43 the next server and the file of a lease are told, as GRUB and shim take them",
          "[dhcp][overhear]") {
  const auto heard = hear(with_file(with_next_server(lease_offer(), 0x0a580009), "shimx64.efi"));
  REQUIRE(heard);
  CHECK(heard->next_server.text() == "10.88.0.9");
  CHECK(heard->names_file);
  CHECK(heard->lease.text() == "10.88.0.102");
  CHECK(hear(lease_offer().replace(53, "\x05")).value().acknowledges);
}

TEST_CASE("a server without option 54 is known by the sender", "[dhcp][overhear]") {
  CHECK(hear(lease_offer().without(54)).value().ip == kFrom);
  CHECK(hear(lease_offer().replace(54, "\x0a")).value().ip == kFrom);
}

TEST_CASE("what is no answer of a server is not overheard", "[dhcp][overhear]") {
  auto request = lease_offer();
  request.op = 1;
  const auto [why, raw] = GENERATE_COPY(table<std::string, RawPacket>({
      {"a client's packet", test::uefi_discover()},
      {"a request that calls itself an offer", request},
      {"a refusal", lease_offer().replace(53, "\x06")},
      {"neither lease nor class", proxy_offer().without(60)},
      {"plain BOOTP", lease_offer().without(53)},
  }));
  CAPTURE(why);
  CHECK_FALSE(hear(raw));
}

TEST_CASE("a client's request tells whose lease it takes", "[dhcp][overhear]") {
  const auto request = test::uefi_discover().replace(53, "\x03");
  auto wire = RawPacket(request).with(54, "\x0a\x58\0\x01"s).with(50, "\x0a\x58\0\x66"s).wire();
  const auto choice = choice_of(*parse(wire));
  REQUIRE(choice);
  CHECK(choice->kind == Kind::choice);
  CHECK(choice->ip.text() == "10.88.0.1");
  CHECK(choice->lease.text() == "10.88.0.102");
  CHECK(choice->client.text() == "52:54:00:aa:00:01");
  CHECK_FALSE(choice_of(*parse(wire = request.wire())));  // a renewal names nobody
  CHECK_FALSE(choice_of(*parse(wire = test::uefi_discover().with(54, "\x0a\x58\0\x01"s).wire())));
  CHECK_FALSE(choice_of(*parse(wire = lease_offer().wire())));
}

namespace {

// An IPv4 packet with a UDP datagram of four octets, as in RFC 791 and 768.
Bytes ip_packet() {
  return {0x45, 0,   0,   32,  0x12, 0x34, 0x40, 0,  64, 17, 0, 0, 10,  88,  0,   3,
          255,  255, 255, 255, 0,    67,   0,    68, 0,  12, 0, 0, 'o', 'f', 'f', 'r'};
}

}  // namespace

TEST_CASE("the datagram of an IPv4 packet is found", "[dhcp][overhear]") {
  auto packet = ip_packet();
  packet.insert(packet.end(), {0, 0, 0});  // Ethernet pads short frames
  const auto datagram = udp_in(packet);
  REQUIRE(datagram);
  CHECK(datagram->from.text() == "10.88.0.3:67");
  CHECK(datagram->to.text() == "255.255.255.255:68");
  CHECK(as_text(datagram->payload) == "offr");
}

TEST_CASE("header options of an IPv4 packet are passed over", "[dhcp][overhear]") {
  auto packet = ip_packet();
  packet[0] = 0x46;
  packet[3] = 36;
  packet.insert(packet.begin() + 20, {1, 1, 1, 1});
  CHECK(as_text(udp_in(packet).value().payload) == "offr");
}

TEST_CASE("a packet that is not whole UDP over IPv4 holds no datagram", "[dhcp][overhear]") {
  const auto [why, at, value] = GENERATE(table<std::string, std::size_t, int>({
      {"IPv6", 0, 0x65},
      {"a header shorter than 20 octets", 0, 0x44},
      {"a header longer than the packet", 0, 0x4f},
      {"a packet that says more than there is", 3, 33},
      {"a packet that says less than its header", 3, 19},
      {"the first fragment", 6, 0x20},
      {"a later fragment", 7, 1},
      {"TCP", 9, 6},
      {"a datagram that says more than there is", 25, 13},
      {"a datagram that says less than its header", 25, 7},
  }));
  CAPTURE(why);
  auto packet = ip_packet();
  packet[at] = static_cast<std::uint8_t>(value);
  CHECK_FALSE(udp_in(packet));
}

TEST_CASE("a packet cut anywhere holds no datagram", "[dhcp][overhear]") {
  const auto packet = ip_packet();
  for (std::size_t octets = 0; octets < packet.size(); ++octets) {
    CAPTURE(octets);
    CHECK_FALSE(udp_in(ByteView(packet).first(octets)));
  }
}

namespace {

// The next thing that `ear` hears within two seconds.
std::optional<Overheard> next_heard(const Ear& ear) {
  std::optional<Overheard> heard;
  pollfd ready{ear.descriptor(), POLLIN, 0};
  while (::poll(&ready, 1, 2000) == 1) {
    if (listen(ear.descriptor(), heard) == Receive::datagram && heard) return heard;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("1e.42 an ear hears offers to its port and nothing else", "[dhcp][overhear][loopback]") {
  // A descriptor of the kernel's choice is a port that nobody else of this machine sends to.
  const auto client = open_udp({.interface = "lo", .local = {}});
  REQUIRE(client);
  const auto port = local_endpoint(*client)->port;
  auto ear = Ear::open("lo", port);
  REQUIRE(ear);
  const Descriptor held(*client);
  constexpr Ipv4 kLoopback{{127, 0, 0, 1}};
  const auto other = static_cast<std::uint16_t>(port == 65535 ? 1024 : port + 1);
  REQUIRE(send_udp(*client, lease_offer().wire(), {.to = {kLoopback, other}}));
  REQUIRE(send_udp(*client, test::uefi_discover().wire(), {.to = {kLoopback, port}}));
  REQUIRE(send_udp(*client, proxy_offer().wire(), {.to = {kLoopback, port}}));
  const auto heard = next_heard(*ear);
  REQUIRE(heard);
  CHECK(heard->kind == Kind::proxy);
  CHECK(heard->ip.text() == "10.88.0.3");
  std::optional<Overheard> more;
  CHECK(listen(ear->descriptor(), more) == Receive::nothing);
}

TEST_CASE("an ear for an interface that does not exist is an error that names it",
          "[dhcp][overhear]") {
  const auto ear = Ear::open("nosuch0");
  REQUIRE_FALSE(ear);
  CHECK_THAT(ear.error().text(), ContainsSubstring("nosuch0"));
}
