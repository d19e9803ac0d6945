#include "dhcp/respond.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::string_literals;
using namespace slipway::test;

namespace {

constexpr Ipv4 kServer{{10, 88, 0, 2}};
constexpr Ipv4 kClient{{10, 88, 0, 102}};

Arrival on_proxy() { return {.service = Service::proxy, .server = kServer, .from = {{}, 68}}; }
Arrival on_boot_server(std::uint16_t from_port = 4011) {
  return {.service = Service::boot_server, .server = kServer, .from = {kClient, from_port}};
}

// A DISCOVER turned into the request that the client sends to 4011.
RawPacket to_request(RawPacket raw) {
  raw.ciaddr = kClient.number();
  return raw.replace(53, "\x03");
}

// Everything that happens to one packet, as the server does it.
struct Exchange {
  explicit Exchange(const RawPacket& raw, const Arrival& arrival, BootPolicy& policy)
      : request_wire(raw.wire()), request(parse(request_wire)) {
    REQUIRE(request);
    const auto accepted = accept(*request, arrival);
    if (!accepted) {
      error = accepted.error();
      return;
    }
    const auto client = identify(*request);
    REQUIRE(client);
    const auto got = respond(*request, *client, arrival, policy, out);
    if (!got) {
      error = got.error();
      return;
    }
    reply = *got;
    if (reply.octets > 0) packet = parse(ByteView(out).first(reply.octets));
  }
  [[nodiscard]] std::string option(int code) const {
    const auto value = packet->options.find(Option{static_cast<std::uint8_t>(code)});
    return value ? to_hex(*value) : "absent";
  }
  Bytes request_wire;
  Result<Packet> request;
  std::array<std::uint8_t, kMaxReplyOctets> out{};
  Reply reply;
  Result<Packet> packet = std::unexpected(make_error_code(Errc::truncated));
  std::error_code error;
};

constexpr auto kPxeClientHex = "505845436c69656e74";

}  // namespace

TEST_CASE("1a.10 an offer has the one shape that boots everything", "[dhcp][respond]") {
  FixedPolicy policy;
  auto raw = uefi_discover();
  raw.ciaddr = 0x01020304;  // a buggy client; RFC 2131 says zero
  const Exchange exchange(raw, on_proxy(), policy);
  REQUIRE(exchange.packet);
  const auto& packet = *exchange.packet;
  CHECK(exchange.reply.kind == Reply::Kind::offer);
  CHECK(exchange.reply.file == "ipxe.efi");
  CHECK(exchange.reply.octets == 300);
  CHECK(exchange.reply.to == Endpoint{{{255, 255, 255, 255}}, 68});
  // op 2, htype 1, hlen 6, hops 0, the client's xid, secs 0, flags, ciaddr and yiaddr 0
  CHECK(to_hex(ByteView(exchange.out).first(20)) == "0201060012345678000080000000000000000000");
  CHECK(packet.type == MessageType::offer);
  CHECK(packet.xid == 0x12345678);
  CHECK(packet.flags == 0x8000);
  CHECK(packet.ciaddr.is_zero());
  CHECK(packet.yiaddr.is_zero());
  CHECK(packet.siaddr == kServer);
  CHECK(packet.file == "ipxe.efi");
  CHECK(exchange.option(54) == "0a580002");
  CHECK(exchange.option(60) == kPxeClientHex);
  CHECK(exchange.option(97) == "0078563412341278569abcdef012345678");
  CHECK(exchange.option(67) == "absent");
}

TEST_CASE("1a.13 only plain ROMs are told to boot the offered file", "[dhcp][respond]") {
  const auto [why, raw, style, option43] =
      GENERATE(table<std::string, RawPacket, OfferStyle, std::string>({
          {"BIOS ROM", bios_discover(), OfferStyle::automatic, "060108ff"},
          {"BIOS ROM sent to 4011", bios_discover(), OfferStyle::binl, "absent"},
          {"UEFI asks 4011", uefi_discover(), OfferStyle::automatic, "absent"},
          {"UEFI told to ask 4011", uefi_discover(), OfferStyle::binl, "absent"},
          {"UEFI sent straight to the file", uefi_discover(), OfferStyle::direct, "060108ff"},
          {"iPXE needs none", ipxe_discover(), OfferStyle::direct, "absent"},
          {"HTTP boot needs none", http_discover(), OfferStyle::direct, "absent"},
      }));
  CAPTURE(why);
  FixedPolicy policy;
  auto arrival = on_proxy();
  arrival.offer = style;
  const Exchange exchange(raw, arrival, policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.option(43) == option43);
}

TEST_CASE("iPXE gets the URL in the file field with siaddr set", "[dhcp][respond]") {
  FixedPolicy policy;
  const Exchange exchange(ipxe_discover(), on_proxy(), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.packet->file == "http://10.88.0.2:8080/boot.ipxe");
  CHECK(exchange.packet->siaddr == kServer);
}

TEST_CASE("a HTTP client is answered in its own class", "[dhcp][respond]") {
  FixedPolicy policy;
  const Exchange exchange(http_discover(), on_proxy(), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.option(60) == "48545450436c69656e74");
  CHECK(exchange.option(54) == "0a580002");
  CHECK(exchange.packet->file == "http://10.88.0.2:8080/loader/ipxe.efi");
}

namespace {
class LongName : public BootPolicy {
 public:
  explicit LongName(std::size_t octets) : name_(octets, 'n') {}
  std::string_view boot_file(const Client&, Ipv4) override { return name_; }

 private:
  std::string name_;
};
}  // namespace

TEST_CASE("a name goes into option 67 only when the file field is too short", "[dhcp][respond]") {
  const auto [octets, in_field] = GENERATE(
      table<std::size_t, bool>({{1, true}, {126, true}, {127, true}, {128, false}, {200, false}}));
  CAPTURE(octets);
  LongName policy(octets);
  const Exchange exchange(http_discover(), on_proxy(), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.packet->file.size() == (in_field ? octets : 0));
  CHECK((exchange.option(67) == "absent") == in_field);
}

TEST_CASE("1a.10 an answer that does not fit 576 octets is an error, not a cut answer",
          "[dhcp][respond]") {
  LongName policy(255);
  auto raw = http_discover().with(82, std::string(200, 'r'));
  raw.giaddr = 0x0a630001;
  CHECK(Exchange(raw, on_proxy(), policy).error == Errc::too_large);
}

TEST_CASE("1a.6 no UUID in the request means none in the answer", "[dhcp][respond]") {
  FixedPolicy policy;
  const Exchange exchange(bios_discover().without(97), on_proxy(), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.option(97) == "absent");
}

TEST_CASE("1a.11 a relayed request is answered to the relay with its option 82 last",
          "[dhcp][respond][rfc3046]") {
  const auto client_flags = GENERATE(std::uint16_t{0}, std::uint16_t{0x8000});
  FixedPolicy policy;
  auto raw = uefi_discover().with(82, "\x01\x04port");
  raw.giaddr = 0x0a630001;
  raw.flags = client_flags;
  const Exchange exchange(raw, on_proxy(), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.reply.to == Endpoint{{{10, 99, 0, 1}}, 67});
  CHECK(exchange.packet->flags == client_flags);
  CHECK(exchange.packet->giaddr.text() == "10.99.0.1");
  CHECK(exchange.option(82) == "0104706f7274");
  const auto tail = to_hex(ByteView(exchange.out).first(exchange.reply.octets));
  CHECK(tail.find("52060104706f7274ff00") != std::string::npos);
}

TEST_CASE("1a.11 an option 82 without a relay is not echoed", "[dhcp][respond]") {
  FixedPolicy policy;
  const Exchange exchange(uefi_discover().with(82, "\x01\x04port"), on_proxy(), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.option(82) == "absent");
}

TEST_CASE("1b.17 1b.19 a boot server answers to where the request came from", "[dhcp][respond]") {
  const auto [why, port] = GENERATE(table<std::string, std::uint16_t>(
      {{"EDK2", std::uint16_t{4011}}, {"iPXE", std::uint16_t{68}}}));
  CAPTURE(why);
  FixedPolicy policy;
  const Exchange exchange(to_request(uefi_discover()), on_boot_server(port), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.reply.kind == Reply::Kind::ack);
  CHECK(exchange.reply.to == Endpoint{kClient, port});
  CHECK(exchange.packet->type == MessageType::ack);
  CHECK(exchange.packet->ciaddr == kClient);
  CHECK(exchange.packet->yiaddr.is_zero());
  CHECK(exchange.packet->siaddr == kServer);
  CHECK(exchange.packet->sname == "10.88.0.2");
  CHECK(exchange.packet->file == "ipxe.efi");
  CHECK(exchange.packet->flags == 0);
  CHECK(exchange.option(43) == "absent");
  CHECK(exchange.option(60) == kPxeClientHex);
}

TEST_CASE("1a.3 1b.17 each port answers its own message types", "[dhcp][respond]") {
  const auto [type, proxy, boot_server] = GENERATE(table<char, bool, bool>({
      {'\x01', true, false},   // DISCOVER
      {'\x03', false, true},   // REQUEST: on 67 it is for the DHCP server
      {'\x04', false, false},  // DECLINE
      {'\x05', false, false},  // ACK
      {'\x07', false, false},  // RELEASE
      {'\x08', false, true},   // INFORM
  }));
  CAPTURE(static_cast<int>(type));
  FixedPolicy policy;
  const auto raw = bios_discover().replace(53, std::string(1, type));
  CHECK((Exchange(raw, on_proxy(), policy).error == std::error_code{}) == proxy);
  CHECK((Exchange(raw, on_boot_server(), policy).error == std::error_code{}) == boot_server);
}

TEST_CASE("1b.18 a boot item is echoed when it is the plain bootstrap and ignored otherwise",
          "[dhcp][respond]") {
  const auto [why, vendor_info, answer] = GENERATE(table<std::string, std::string, std::string>({
      {"type 0, layer 0", "\x47\x04\0\0\0\0\xff"s, "470400000000ff"},
      {"type 0, layer 1, no end", "\x47\x04\0\0\0\x01"s, "470400000001ff"},
      {"no item in it", "\x06\x01\x08\xff", "absent"},
      {"another server's type", "\x47\x04\x80\x01\0\0\xff"s, "other"},
      {"an item of a wrong size", "\x47\x02\0\0\xff"s, "other"},
  }));
  CAPTURE(why);
  FixedPolicy policy;
  const Exchange exchange(to_request(bios_discover()).with(43, vendor_info), on_boot_server(),
                          policy);
  if (answer == "other") {
    CHECK(exchange.error == Errc::other_boot_item);
  } else {
    REQUIRE(exchange.packet);
    CHECK(exchange.option(43) == answer);
  }
}

TEST_CASE("1a.15 who is not to boot gets silence", "[dhcp][respond]") {
  FixedPolicy policy;
  policy.silent = true;
  const Exchange proxy(uefi_discover(), on_proxy(), policy);
  CHECK(proxy.reply.kind == Reply::Kind::silent);
  CHECK(proxy.reply.octets == 0);
  const Exchange boot_server(to_request(uefi_discover()), on_boot_server(), policy);
  CHECK(boot_server.reply.kind == Reply::Kind::silent);
  CHECK(policy.calls == 2);
}

TEST_CASE("without an address of ours nothing is answered", "[dhcp][respond]") {
  FixedPolicy policy;
  auto arrival = on_proxy();
  arrival.server = {};
  CHECK(Exchange(uefi_discover(), arrival, policy).error == Errc::no_address);
  CHECK(policy.calls == 0);
}

TEST_CASE("1a.13 a repeated DISCOVER gets the same octets", "[dhcp][respond]") {
  FixedPolicy policy;
  const Exchange first(bios_discover(), on_proxy(), policy);
  const Exchange second(bios_discover(), on_proxy(), policy);
  CHECK(first.out == second.out);
}

TEST_CASE("1b.17 a request with neither server nor client identifier is answered whole",
          "[dhcp][respond]") {
  FixedPolicy policy;
  const auto raw = to_request(uefi_discover()).without(54).without(61);
  const Exchange exchange(raw, on_boot_server(), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.packet->xid == 0x12345678);
  CHECK(exchange.option(54) == "0a580002");
  CHECK(exchange.option(60) == kPxeClientHex);
  CHECK(exchange.option(97) == "0078563412341278569abcdef012345678");
}

TEST_CASE("1b.20 a BIOS client that comes to 4011 is answered too", "[dhcp][respond]") {
  FixedPolicy policy;
  const Exchange exchange(to_request(bios_discover()), on_boot_server(68), policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.packet->type == MessageType::ack);
  CHECK(exchange.packet->file == "undionly.kpxe");
}

TEST_CASE("1b.21 the offer names our address as the server to ask", "[dhcp][respond]") {
  const auto raw = GENERATE(bios_discover(), uefi_discover(), http_discover(), ipxe_discover());
  const Ipv4 server{{192, 0, 2, 7}};
  FixedPolicy policy;
  auto arrival = on_proxy();
  arrival.server = server;
  const Exchange exchange(raw, arrival, policy);
  REQUIRE(exchange.packet);
  CHECK(exchange.packet->siaddr == server);
  CHECK(exchange.option(54) == "c0000207");
}

TEST_CASE("1b.22 whoever is offered a boot server is answered by it", "[dhcp][respond]") {
  const auto raw = GENERATE(bios_discover(), uefi_discover(), http_discover(), ipxe_discover());
  FixedPolicy policy;
  const Exchange offer(raw, on_proxy(), policy);
  const Exchange ack(to_request(raw), on_boot_server(), policy);
  CHECK(offer.reply.kind == Reply::Kind::offer);
  CHECK(ack.reply.kind == Reply::Kind::ack);
  CHECK(ack.reply.file == offer.packet->file);
}
