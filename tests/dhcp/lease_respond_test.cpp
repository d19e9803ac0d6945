#include "dhcp/lease_respond.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/lease_bench.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace slipway::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using Kind = LeaseReply::Kind;

namespace {

constexpr TimePoint kStart{1000h};
constexpr Ipv4 kServer{{10, 77, 0, 2}};
const std::string kOurId = "\x0a\x4d\0\x02"s;  // 10.77.0.2

std::string wire_of(std::string_view address) {
  const auto octets = Ipv4::parse(address)->octets;
  return {octets.begin(), octets.end()};
}

// A client that is no boot client: a system's.
RawPacket plain(char type) {
  RawPacket raw;
  return raw.with(53, std::string(1, type)).with(55, "\x01\x03\x06"s);
}

RawPacket request(const std::string& address, const std::string& server = kOurId) {
  return plain(3).with(50, wire_of(address)).with(54, server);
}

// Everything that happens to one packet.
struct Bench {
  Result<Packet> take(RawPacket raw) {
    reply = {};
    error = {};
    request_wire = raw.wire();
    const auto packet = parse(request_wire);
    REQUIRE(packet);
    const auto client = identify(*packet);
    const LeaseArrival arrival{
        .server = server, .from = {{}, 68}, .now = {kStart + at, 1'700'000'000'000}};
    const auto got =
        respond_lease(*packet, client ? &*client : nullptr, arrival, leases, policy, out);
    if (!got) {
      error = got.error();
      return std::unexpected(got.error());
    }
    reply = *got;
    if (reply.octets == 0) return std::unexpected(std::error_code());
    return parse(ByteView(out).first(reply.octets));
  }
  // The whole way; the address.
  std::string lease(const RawPacket& discover) {
    const auto offer = take(discover);
    REQUIRE(offer);
    const auto address = offer->yiaddr.text();
    auto raw = discover;
    const auto ack =
        take(raw.replace(53, "\x03"s).replace(50, wire_of(address)).replace(54, kOurId));
    REQUIRE(ack);
    REQUIRE(reply.record);
    leases.kept(reply.record->address, true, kStart + at);
    return address;
  }
  [[nodiscard]] static std::string option(const Result<Packet>& packet, int code) {
    const auto value = packet->options.find(Option{static_cast<std::uint8_t>(code)});
    return value ? to_hex(*value) : "absent";
  }
  LeasePolicy policy;
  Leases leases{small_network(), 7};
  Ipv4 server = kServer;
  std::chrono::milliseconds at{};
  Bytes request_wire;
  std::array<std::uint8_t, kMaxReplyOctets> out{};
  LeaseReply reply;
  std::error_code error;
};

}  // namespace

TEST_CASE("a system's DISCOVER gets a plain offer with all that a network needs",
          "[dhcp][lease][rfc2131]") {
  Bench bench;
  const auto offer = bench.take(plain(1).with(61, "\xffsystem"s));
  REQUIRE(offer);
  CHECK(bench.reply.kind == Kind::offer);
  CHECK(bench.reply.to == Endpoint{{{255, 255, 255, 255}}, 68});
  CHECK_FALSE(bench.reply.record);
  CHECK(offer->type == MessageType::offer);
  CHECK(offer->yiaddr == bench.reply.address);
  CHECK(Cidr::parse("10.77.0.100/30")->contains(offer->yiaddr));
  CHECK(offer->siaddr.is_zero());
  CHECK(offer->file.empty());
  CHECK(bench.option(offer, 54) == "0a4d0002");
  CHECK(bench.option(offer, 51) == "00000e10");
  CHECK(bench.option(offer, 58) == "00000708");
  CHECK(bench.option(offer, 59) == "00000c4e");
  CHECK(bench.option(offer, 1) == "ffffff00");
  CHECK(bench.option(offer, 28) == "0a4d00ff");
  CHECK(bench.option(offer, 3) == "0a4d0001");
  CHECK(bench.option(offer, 6) == "0a4d000109090909");
  CHECK(bench.option(offer, 15) == to_hex(as_bytes("bench.test")));
  CHECK(bench.option(offer, 61) == to_hex(as_bytes("\xffsystem")));
  CHECK(bench.option(offer, 60) == "absent");
  CHECK(bench.policy.calls == 0);
}

TEST_CASE("1e.44 a boot client has its file in the lease itself, in the form that is set",
          "[dhcp][lease]") {
  struct Row {
    const char* why;
    RawPacket raw;
    OfferStyle style;
    std::string file, siaddr, option60, option43;
  };
  const auto pxe = to_hex(as_bytes("PXEClient"));
  const auto http = to_hex(as_bytes("HTTPClient"));
  const std::vector<Row> rows{
      {"BIOS", bios_discover(), OfferStyle::automatic, "undionly.kpxe", "10.77.0.2", pxe, "absent"},
      {"UEFI", uefi_discover(), OfferStyle::automatic, "ipxe.efi", "10.77.0.2", pxe, "absent"},
      {"UEFI, as set", uefi_discover(), OfferStyle::leased, "ipxe.efi", "10.77.0.2", pxe, "absent"},
      {"UEFI that must not ask 4011", uefi_discover(), OfferStyle::direct, "ipxe.efi", "10.77.0.2",
       pxe, "060108ff"},
      {"UEFI that must ask 4011", uefi_discover(), OfferStyle::binl, "", "10.77.0.2", pxe,
       "absent"},
      {"iPXE", ipxe_discover(), OfferStyle::direct, "http://10.77.0.2:8080/boot.ipxe", "10.77.0.2",
       pxe, "absent"},
      {"HTTP boot", http_discover(), OfferStyle::binl, "http://10.77.0.2:8080/loader/ipxe.efi",
       "10.77.0.2", http, "absent"},
      {"an architecture that nothing fits", bios_discover().replace(93, "\0\x06"s),
       OfferStyle::automatic, "", "0.0.0.0", "absent", "absent"},
  };
  for (const auto& row : rows) {
    for (const bool ack : {false, true}) {
      INFO(row.why << (ack ? ", ACK" : ", offer"));
      Bench bench;
      bench.policy.style = row.style;
      auto packet = bench.take(row.raw);
      REQUIRE(packet);
      CHECK(bench.reply.file == bench.policy.answer);
      if (ack) {
        auto raw = row.raw;
        packet = bench.take(
            raw.replace(53, "\x03"s).with(50, wire_of(packet->yiaddr.text())).with(54, kOurId));
        REQUIRE(packet);
        CHECK(packet->type == MessageType::ack);
      }
      CHECK(packet->file == row.file);
      CHECK(packet->siaddr.text() == row.siaddr);
      CHECK_FALSE(packet->yiaddr.is_zero());
      CHECK(bench.option(packet, 60) == row.option60);
      CHECK(bench.option(packet, 43) == row.option43);
      CHECK((bench.option(packet, 97) == "absent") == (row.option60 == "absent"));
    }
  }
}

TEST_CASE("1a.15 a boot client that may not boot has a plain lease all the same", "[dhcp][lease]") {
  Bench bench;
  bench.policy.silent = true;
  const auto offer = bench.take(uefi_discover());
  REQUIRE(offer);
  CHECK_FALSE(offer->yiaddr.is_zero());
  CHECK(offer->siaddr.is_zero());
  CHECK(offer->file.empty());
  CHECK(bench.option(offer, 60) == "absent");
}

TEST_CASE("a URL that does not fit into the header goes into option 67", "[dhcp][lease]") {
  class Long : public LeasePolicy {
    std::string_view boot_file(const Client& /*client*/, Ipv4 /*server*/) override { return name; }
    std::string name = "http://10.77.0.2/" + std::string(120, 'x');
  } policy;
  Bench bench;
  const auto raw = ipxe_discover().wire();
  const auto packet = parse(raw);
  const auto client = identify(*packet);
  const auto reply = respond_lease(*packet, &*client, {.server = kServer, .from = {}, .now = {}},
                                   bench.leases, policy, bench.out);
  REQUIRE(reply);
  const auto offer = parse(ByteView(bench.out).first(reply->octets));
  CHECK(offer->file.empty());
  CHECK(bench.option(offer, 67) == to_hex(as_bytes("http://10.77.0.2/" + std::string(120, 'x'))));
}

TEST_CASE("an ACK waits for its record, which says all of the lease", "[dhcp][lease]") {
  Bench bench;
  const auto offer = bench.take(plain(1));
  const auto address = offer->yiaddr;
  const auto ack = bench.take(request(address.text()));
  REQUIRE(ack);
  CHECK(bench.reply.kind == Kind::ack);
  CHECK(ack->yiaddr == address);
  CHECK(ack->type == MessageType::ack);
  CHECK(bench.option(ack, 51) == "00000e10");
  REQUIRE(bench.reply.record);
  CHECK(*bench.reply.record == LeaseRecord{*Cidr::parse("10.77.0.0/24"), address,
                                           ClientId::of(ack->mac), ack->mac,
                                           1'700'000'000'000 + 3'600'000});
}

TEST_CASE("every REQUEST is answered as RFC 2131 s.4.3.2 says", "[dhcp][lease][rfc2131]") {
  struct Row {
    const char* why;
    RawPacket raw;
    Kind kind;
    Errc error;
  };
  Bench bench;
  const auto mine = bench.lease(plain(1));
  auto stranger = [](RawPacket raw) {
    raw.mac[5] = 9;
    return raw;
  };
  auto with_ciaddr = [](RawPacket raw, const std::string& address) {
    raw.ciaddr = Ipv4::parse(address)->number();
    return raw;
  };
  std::string free = "10.77.0.100";
  while (free == mine) ++free.back();
  const auto none = Errc{};
  const std::vector<Row> rows{
      {"SELECTING, another server", request(mine, "\x0a\x4d\0\x09"s), Kind::nothing,
       Errc::other_server},
      {"SELECTING, an address of nobody's pool", stranger(request("10.77.0.200")), Kind::nak, none},
      {"SELECTING, another's lease", stranger(request(mine)), Kind::nak, none},
      {"SELECTING, without saying what", plain(3).with(54, kOurId), Kind::nak, none},
      {"INIT-REBOOT, right", plain(3).with(50, wire_of(mine)), Kind::ack, none},
      {"INIT-REBOOT, of another network", plain(3).with(50, wire_of("10.88.0.5")), Kind::nak, none},
      {"INIT-REBOOT, another's lease", stranger(plain(3).with(50, wire_of(mine))), Kind::nak, none},
      {"INIT-REBOOT, nobody knows it", stranger(plain(3).with(50, wire_of(free))), Kind::nothing,
       Errc::no_lease},
      {"RENEWING", with_ciaddr(plain(3), mine), Kind::ack, none},
      {"RENEWING what is another's", stranger(with_ciaddr(plain(3), mine)), Kind::nak, none},
      {"RENEWING what nobody knows", stranger(with_ciaddr(plain(3), free)), Kind::nothing,
       Errc::no_lease},
      {"RENEWING in a network without leases", with_ciaddr(plain(3), "192.168.1.5"), Kind::nothing,
       Errc::other_network},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const auto answer = bench.take(row.raw);
    CHECK(bench.reply.kind == row.kind);
    CHECK(bench.error == (row.error == none ? std::error_code() : make_error_code(row.error)));
    if (row.kind == Kind::nak) {
      CHECK(answer->type == MessageType::nak);
      CHECK(answer->yiaddr.is_zero());
      CHECK(bench.option(answer, 51) == "absent");
      CHECK(bench.option(answer, 54) == "0a4d0002");
      CHECK(bench.reply.to == Endpoint{{{255, 255, 255, 255}}, 68});
    }
    if (bench.reply.record) bench.leases.kept(bench.reply.record->address, true, kStart);
  }
}

TEST_CASE("a renewal is answered to the address that the client has", "[dhcp][lease][rfc2131]") {
  Bench bench;
  const auto mine = bench.lease(uefi_discover());
  bench.at = 30min;
  auto raw = uefi_discover().replace(53, "\x03"s);
  raw.ciaddr = Ipv4::parse(mine)->number();
  const auto ack = bench.take(raw);
  REQUIRE(ack);
  CHECK(bench.reply.to == Endpoint{*Ipv4::parse(mine), 68});
  CHECK(ack->ciaddr.text() == mine);
  CHECK(ack->yiaddr.text() == mine);
  CHECK(bench.reply.record);
}

TEST_CASE("1a.11 behind a relay all goes to the relay, with its option 82 as the last",
          "[dhcp][lease][rfc3046]") {
  Bench bench;
  const auto relayed = [](RawPacket raw, const char* giaddr = "10.77.0.1") {
    raw.giaddr = Ipv4::parse(giaddr)->number();
    return raw.with(82, "\x01\x04port"s);
  };
  const auto offer = bench.take(relayed(uefi_discover()));
  REQUIRE(offer);
  CHECK(bench.reply.to == Endpoint{ip("10.77.0.1"), 67});
  CHECK(offer->giaddr == ip("10.77.0.1"));
  CHECK(bench.option(offer, 82) == "0104706f7274");
  const auto nak = bench.take(relayed(request("10.77.0.200")));
  REQUIRE(nak);
  CHECK(bench.reply.to == Endpoint{ip("10.77.0.1"), 67});
  CHECK(nak->flags == kBroadcastFlag);
  CHECK(bench.option(nak, 82) == "0104706f7274");
  CHECK_FALSE(bench.take(relayed(plain(1), "10.98.0.1")));
  CHECK(bench.error == Errc::other_network);
}

TEST_CASE("RELEASE and DECLINE are noted and get no answer", "[dhcp][lease][rfc2131]") {
  Bench bench;
  const auto mine = bench.lease(plain(1));
  auto release = plain(7);
  release.ciaddr = Ipv4::parse(mine)->number();
  CHECK_FALSE(bench.take(release));
  CHECK(bench.reply.kind == Kind::released);
  CHECK(bench.reply.record->expires_ms == 1'700'000'000'000);
  CHECK_FALSE(bench.take(release));
  CHECK(bench.error == Errc::no_lease);
  const auto again = bench.lease(plain(1));
  CHECK_FALSE(bench.take(plain(4).with(50, wire_of(again)).with(54, kOurId)));
  CHECK(bench.reply.kind == Kind::declined);
  const auto offer = bench.take(plain(1));
  CHECK(offer->yiaddr.text() != again);
}

TEST_CASE("INFORM is told the network, without a lease", "[dhcp][lease][rfc2131]") {
  Bench bench;
  auto inform = plain(8);
  CHECK_FALSE(bench.take(inform));
  inform.ciaddr = ip("10.77.0.50").number();
  const auto ack = bench.take(inform);
  REQUIRE(ack);
  CHECK(ack->type == MessageType::ack);
  CHECK(ack->yiaddr.is_zero());
  CHECK(bench.option(ack, 51) == "absent");
  CHECK(bench.option(ack, 3) == "0a4d0001");
  CHECK(bench.reply.to == Endpoint{ip("10.77.0.50"), 68});
}

TEST_CASE("what is not for a lease server gets silence", "[dhcp][lease]") {
  struct Row {
    const char* why;
    RawPacket raw;
    Errc error;
  };
  auto reply = plain(2);
  reply.op = 2;
  const std::vector<Row> rows{
      {"an answer of a server", reply, Errc::not_a_request},
      {"an OFFER that says it is a request", plain(2), Errc::wrong_type},
      {"an ACK that says it is a request", plain(5), Errc::wrong_type},
      {"identifiers that do not fit back", plain(1).with(61, std::string(255, 'x')).with(60, "x"),
       Errc::too_large},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Bench bench;
    CHECK_FALSE(bench.take(row.raw));
    CHECK(bench.error == row.error);
  }
  Bench bench;
  bench.server = {};
  CHECK_FALSE(bench.take(plain(1)));
  CHECK(bench.error == Errc::no_address);
}

TEST_CASE("when all addresses are leased a DISCOVER gets silence", "[dhcp][lease]") {
  Bench bench;
  for (std::uint8_t client = 1; client <= 4; ++client) {
    auto raw = plain(1);
    raw.mac[5] = client;
    (void)bench.lease(raw);
  }
  auto fifth = plain(1);
  fifth.mac[5] = 5;
  CHECK_FALSE(bench.take(fifth));
  CHECK(bench.error == Errc::pool_empty);
}

TEST_CASE("an answer that does not fit is none, and holds no record back", "[dhcp][lease]") {
  Bench bench;
  const auto offer = bench.take(plain(1));
  const auto address = offer->yiaddr.text();
  auto raw = request(address).with(61, std::string(250, 'x')).with(82, std::string(250, 'y'));
  raw.giaddr = ip("10.77.0.1").number();
  CHECK_FALSE(bench.take(raw));
  CHECK(bench.error == Errc::too_large);
  CHECK(bench.take(request(address)));
}

TEST_CASE("a repeated DISCOVER gets an equal offer", "[dhcp][lease]") {
  Bench bench;
  REQUIRE(bench.take(uefi_discover()));
  const auto first = bench.out;
  REQUIRE(bench.take(uefi_discover()));
  CHECK(bench.out == first);
}
