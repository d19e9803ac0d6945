#include "dhcp/lease_desk.hpp"

#include <utility>

#include "base/log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/lease_bench.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace slipway::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using Kind = LeaseReply::Kind;

namespace {

constexpr Ipv4 kServer{{10, 77, 0, 2}};

struct Bench {
  Bench() {
    log::set_level(log::Level::error);
    desk->start();
  }
  std::error_code take(const RawPacket& raw) {
    const auto wire = raw.wire();
    const auto packet = parse(wire);
    REQUIRE(packet);
    const auto client = identify(*packet);
    const auto done = desk->take(*packet, client ? &*client : nullptr, kServer, {{}, 68});
    return done ? std::error_code() : done.error();
  }
  // The address of the last answer.
  [[nodiscard]] Result<Packet> last() const {
    REQUIRE_FALSE(sent.empty());
    return parse(sent.back());
  }
  void hear(Overheard::Kind kind, const char* ip) {
    Overheard heard;
    heard.kind = kind;
    heard.ip = *Ipv4::parse(ip);
    desk->hear(heard);
  }
  HandTime time;
  SlowStore store;
  LeasePolicy policy;
  Leases leases{small_network(), 7};
  std::vector<Bytes> sent;
  bool takes = true;
  int asked = 0;
  std::shared_ptr<LeaseDesk> desk = std::make_shared<LeaseDesk>(
      LeaseOffice{.leases = leases,
                  .store = store,
                  .policy = policy,
                  .scheduler = time,
                  .now = [this] { return Moment{time.now, 1'700'000'000'000}; }},
      LeaseDoor{.interface = "eth1",
                .send =
                    [this](ByteView wire, Endpoint /*to*/, Ipv4 from) {
                      CHECK(from == kServer);
                      sent.emplace_back(wire.begin(), wire.end());
                      return takes;
                    },
                .ask_around = [this] { ++asked; }});
};

RawPacket request_for(const Packet& offer) {
  const auto octets = offer.yiaddr.octets;
  return bios_discover()
      .replace(53, "\x03"s)
      .with(50, std::string(octets.begin(), octets.end()))
      .with(54, "\x0a\x4d\0\x02"s);
}

std::uint64_t done(const Bench& bench, Kind kind) {
  return bench.desk->counters().done[static_cast<std::size_t>(kind)];
}

}  // namespace

TEST_CASE("no lease is given before nobody answered our own question", "[dhcp][lease][rival]") {
  Bench bench;
  CHECK(bench.asked == 1);
  CHECK(bench.take(bios_discover()) == Errc::withheld);
  bench.time.advance(4900ms);
  CHECK(bench.take(bios_discover()) == Errc::withheld);
  bench.time.advance(600ms);
  CHECK(bench.asked == 3);
  CHECK_FALSE(bench.take(bios_discover()));
  CHECK(bench.sent.size() == 1);
  CHECK(bench.time.waiting() == 0);  // nothing is looked for while all is well
}

TEST_CASE("an acknowledgement leaves when its record is on the disk, and not before",
          "[dhcp][lease][durable]") {
  Bench bench;
  bench.time.advance(6s);
  REQUIRE_FALSE(bench.take(bios_discover()));
  const auto request = request_for(*bench.last());
  REQUIRE_FALSE(bench.take(request));
  CHECK(bench.sent.size() == 1);
  CHECK(bench.policy.told.empty());
  CHECK(bench.take(request) == Errc::pending);
  bench.store.settle(true);
  REQUIRE(bench.sent.size() == 2);
  CHECK(bench.last()->type == MessageType::ack);
  CHECK(bench.policy.told.size() == 1);
  CHECK(done(bench, Kind::ack) == 1);
  REQUIRE_FALSE(bench.take(request));  // again, and without another record
  CHECK(bench.sent.size() == 3);
  CHECK(bench.store.records.size() == 1);
}

TEST_CASE("a lease that does not reach the disk is not acknowledged", "[dhcp][lease][durable]") {
  Bench bench;
  bench.time.advance(6s);
  REQUIRE_FALSE(bench.take(bios_discover()));
  const auto request = request_for(*bench.last());
  REQUIRE_FALSE(bench.take(request));
  bench.store.settle(false);
  CHECK(bench.sent.size() == 1);
  CHECK(bench.desk->counters().unkept == 1);
  REQUIRE_FALSE(bench.take(request));
  bench.store.settle(true);
  CHECK(bench.sent.size() == 2);
}

TEST_CASE("a record that comes home after the end finds nobody", "[dhcp][lease]") {
  Bench bench;
  bench.time.advance(6s);
  REQUIRE_FALSE(bench.take(bios_discover()));
  REQUIRE_FALSE(bench.take(request_for(*bench.last())));
  SECTION("stopped") {
    bench.desk->stop();
    bench.store.settle(true);
  }
  SECTION("gone") {
    bench.desk.reset();
    bench.store.settle(true);
  }
  CHECK(bench.sent.size() == 1);
}

TEST_CASE("another DHCP server silences us until it is gone", "[dhcp][lease][rival]") {
  const auto kind = GENERATE(Overheard::Kind::lease, Overheard::Kind::boot_lease,
                             Overheard::Kind::pxe_lease, Overheard::Kind::choice);
  Bench bench;
  bench.time.advance(6s);
  REQUIRE_FALSE(bench.take(bios_discover()));
  bench.hear(kind, "10.77.0.9");
  CHECK(bench.take(bios_discover()) == Errc::withheld);
  const auto before = bench.asked;
  bench.time.advance(50s);
  CHECK(bench.asked >= before + 4);
  bench.hear(kind, "10.77.0.9");  // it answers still
  bench.time.advance(50s);
  CHECK(bench.take(bios_discover()) == Errc::withheld);
  bench.time.advance(11s);
  CHECK_FALSE(bench.take(bios_discover()));
  CHECK(bench.time.waiting() == 0);
}

TEST_CASE("what we say ourselves, and boot servers, silence nobody", "[dhcp][lease][rival]") {
  Bench bench;
  bench.time.advance(6s);
  bench.hear(Overheard::Kind::lease, "10.77.0.2");
  bench.hear(Overheard::Kind::choice, "10.77.0.2");
  bench.hear(Overheard::Kind::proxy, "10.77.0.9");
  CHECK_FALSE(bench.take(bios_discover()));
}

TEST_CASE("a server that answers the first question keeps us from beginning",
          "[dhcp][lease][rival]") {
  Bench bench;
  bench.time.advance(1s);
  bench.hear(Overheard::Kind::lease, "10.77.0.9");
  bench.time.advance(20s);
  CHECK(bench.take(bios_discover()) == Errc::withheld);
  CHECK_FALSE(bench.desk->may_lease());
}

TEST_CASE("so many records may be on their way, and no more", "[dhcp][lease][threats]") {
  auto settings = small_network();
  settings.networks[0].ranges = {{ip("10.77.0.100"), ip("10.77.0.250")},
                                 {ip("10.77.0.3"), ip("10.77.0.90")},
                                 {ip("10.77.1.0"), ip("10.77.1.250")}};
  settings.networks[0].network = *Cidr::parse("10.77.0.0/16");
  Bench bench;
  bench.leases = Leases(std::move(settings), 7);
  bench.time.advance(6s);
  unsigned refused = 0;
  for (std::uint32_t client = 0; client < 300; ++client) {
    auto raw = bios_discover();
    raw.mac[4] = static_cast<std::uint8_t>(client >> 8U);
    raw.mac[5] = static_cast<std::uint8_t>(client);
    REQUIRE_FALSE(bench.take(raw));
    auto request = request_for(*bench.last());
    request.mac = raw.mac;
    const auto error = bench.take(request);
    refused += error == Errc::pending ? 1 : 0;
  }
  CHECK(refused == 300 - LeaseDesk::kMostPending);
  CHECK(bench.store.records.size() == LeaseDesk::kMostPending);
}

TEST_CASE("what a client gives back is kept too, and nobody is answered", "[dhcp][lease]") {
  Bench bench;
  bench.time.advance(6s);
  REQUIRE_FALSE(bench.take(bios_discover()));
  const auto address = bench.last()->yiaddr;
  REQUIRE_FALSE(bench.take(request_for(*bench.last())));
  bench.store.settle(true);
  auto release = bios_discover().replace(53, "\x07"s);
  release.ciaddr = address.number();
  REQUIRE_FALSE(bench.take(release));
  CHECK(bench.sent.size() == 2);
  CHECK(bench.store.records.size() == 2);
  CHECK(done(bench, Kind::released) == 1);
  bench.store.settle(false);
  CHECK(bench.desk->counters().unkept == 1);
}

TEST_CASE("an answer that the kernel does not take is counted", "[dhcp][lease]") {
  Bench bench;
  bench.takes = false;
  bench.time.advance(6s);
  REQUIRE_FALSE(bench.take(bios_discover()));
  CHECK(bench.desk->counters().unsent == 1);
}
