#include "dhcp/server.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>

#include "base/log.hpp"
#include "base/udp.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/lease_bench.hpp"
#include "tests/support/log_capture.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr Ipv4 kLoopback{{127, 0, 0, 1}};

// A client's socket on the loopback.
class Peer {
 public:
  Peer() : fd_(open_udp({.interface = "lo", .local = {}, .broadcast = true})) {
    REQUIRE(fd_);
    port_ = local_endpoint(*fd_)->port;
  }
  ~Peer() { ::close(*fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(const test::RawPacket& raw, std::uint16_t port, Ipv4 to = kLoopback) const {
    REQUIRE(send_udp(*fd_, raw.wire(), {.to = {to, port}}));
  }
  // What arrives while the event loop is given `patience`; empty when nothing does.
  Bytes receive(boost::asio::io_context& io, std::chrono::milliseconds patience = 2s) {
    Bytes buffer(2048);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < until) {
      io.run_for(5ms);
      if (receive_udp(*fd_, buffer, arrived) != Receive::datagram) continue;
      buffer.resize(arrived.octets);
      return buffer;
    }
    return {};
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  Arrived arrived;

 private:
  Fallible<int> fd_;
  std::uint16_t port_ = 0;
};

struct Bench {
  Bench() {
    log::set_level(log::Level::error);
    REQUIRE(server.start());
  }
  boost::asio::io_context io;
  Peer client;
  test::FixedPolicy policy;
  std::vector<std::string> seen, offers;
  std::vector<Overheard> heard;
  Server server{
      io,
      {.interface = "lo", .proxy_port = 0, .boot_server_port = 0, .client_port = client.port()},
      policy,
      [this](const Seen& one) {
        seen.push_back(one.client.mac.text() + " " + std::string(one.file) + " by " +
                       one.server.text());
        offers.push_back(std::string(name_of(one.offer)) + (one.offer_changed ? " changed" : ""));
      },
      [this](const Overheard& one) { heard.push_back(one); }};
};

}  // namespace

TEST_CASE("1a.2 a DISCOVER on the wire is answered by broadcast from the interface's address",
          "[dhcp][server][loopback]") {
  Bench bench;
  bench.client.send(test::uefi_discover(), bench.server.proxy_port());
  const auto wire = bench.client.receive(bench.io);
  const auto offer = parse(wire);
  REQUIRE(offer);
  CHECK(offer->type == MessageType::offer);
  CHECK(offer->siaddr == kLoopback);
  CHECK(offer->file == "ipxe.efi");
  CHECK(bench.client.arrived.from == Endpoint{kLoopback, bench.server.proxy_port()});
  CHECK(bench.seen == std::vector<std::string>{"52:54:00:aa:00:01 ipxe.efi by 127.0.0.1"});
  CHECK(bench.server.counters().offers == 1);
}

TEST_CASE(
    "1b.19 a request to the boot server is answered from the port and address that were asked",
    "[dhcp][server][loopback]") {
  Bench bench;
  auto raw = test::uefi_discover().replace(53, "\x03");
  raw.ciaddr = kLoopback.number();
  bench.client.send(raw, bench.server.boot_server_port());
  const auto wire = bench.client.receive(bench.io);
  const auto ack = parse(wire);
  REQUIRE(ack);
  CHECK(ack->type == MessageType::ack);
  CHECK(bench.client.arrived.from == Endpoint{kLoopback, bench.server.boot_server_port()});
  CHECK(bench.server.counters().acks == 1);
}

TEST_CASE("1a.3 what is broken, not ours or not to boot is counted and gets silence",
          "[dhcp][server][loopback]") {
  Bench bench;
  bench.policy.silent = true;
  bench.client.send(test::bios_discover(), bench.server.proxy_port());
  bench.client.send(test::bios_discover().without(60), bench.server.proxy_port());
  bench.client.send(test::bios_discover().without(53), bench.server.proxy_port());
  bench.client.send(test::bios_discover().replace(53, "\x03"), bench.server.proxy_port());
  CHECK(bench.client.receive(bench.io, 100ms).empty());
  const auto& counters = bench.server.counters();
  CHECK(counters.received == 4);
  CHECK(counters.silent == 1);
  CHECK(counters.dropped[static_cast<std::size_t>(Errc::not_pxe)] == 1);
  CHECK(counters.dropped[static_cast<std::size_t>(Errc::no_message_type)] == 1);
  CHECK(counters.dropped[static_cast<std::size_t>(Errc::wrong_type)] == 1);
}

TEST_CASE("1e.42 what other servers answer is counted and told", "[dhcp][server][loopback]") {
  Bench bench;
  bench.client.send(test::proxy_offer(), bench.client.port());
  bench.client.send(test::lease_offer().with(60, "PXEClient"), bench.client.port());
  for (int i = 0; i < 200 && bench.heard.size() < 2; ++i) bench.io.run_for(5ms);
  REQUIRE(bench.heard.size() == 2);
  CHECK(bench.heard[0].kind == Overheard::Kind::proxy);
  CHECK(bench.heard[1].kind == Overheard::Kind::pxe_lease);
  const auto& counts = bench.server.counters().overheard;
  CHECK(counts[static_cast<std::size_t>(Overheard::Kind::proxy)] == 1);
  CHECK(counts[static_cast<std::size_t>(Overheard::Kind::pxe_lease)] == 1);
}

TEST_CASE("a server that gives leases offers them on the wire, and no more beside another",
          "[dhcp][server][lease][loopback]") {
  test::HandTime time;
  test::SlowStore store;
  test::LeasePolicy policy;
  auto settings = test::small_network();
  settings.networks[0].network = *Cidr::parse("127.0.0.0/8");
  settings.networks[0].ranges = {{test::ip("127.0.9.1"), test::ip("127.0.9.4")}};
  settings.own = {kLoopback};
  Leases leases(std::move(settings), 7);
  log::set_level(log::Level::error);
  boost::asio::io_context io;
  Peer client;
  unsigned seen = 0;
  Server server(
      io, {.interface = "lo", .proxy_port = 0, .boot_server_port = 0, .client_port = client.port()},
      policy, [&](const Seen& one) { seen += one.offer == OfferStyle::leased ? 1 : 0; });
  CHECK(server.desk() == nullptr);
  server.give_leases(
      {.leases = leases, .store = store, .policy = policy, .scheduler = time, .now = [&] {
         return Moment{time.now, 0};
       }});
  REQUIRE(server.start());
  client.send(test::uefi_discover(), server.proxy_port());
  CHECK(client.receive(io, 100ms).empty());  // nobody knows yet who else is there
  CHECK(server.counters().dropped[static_cast<std::size_t>(Errc::withheld)] == 1);
  time.advance(6s);
  client.send(test::uefi_discover(), server.proxy_port());
  const auto wire = client.receive(io);
  const auto offer = parse(wire);
  REQUIRE(offer);
  CHECK(Cidr::parse("127.0.9.0/29")->contains(offer->yiaddr));
  CHECK(offer->file == "ipxe.efi");
  CHECK(seen == 1);
  client.send(test::lease_offer(), client.port());  // another server's, which the ear hears
  for (int i = 0; i < 200 && server.desk()->may_lease(); ++i) io.run_for(5ms);
  CHECK_FALSE(server.desk()->may_lease());
}

TEST_CASE("a client's choice of a DHCP server is told, though nobody answers it",
          "[dhcp][server][loopback]") {
  Bench bench;
  auto request = test::uefi_discover().replace(53, "\x03").with(54, "\x0a\x58\0\x01"s);
  bench.client.send(request, bench.server.proxy_port());
  for (int i = 0; i < 200 && bench.heard.empty(); ++i) bench.io.run_for(5ms);
  REQUIRE(bench.heard.size() == 1);
  CHECK(bench.heard[0].kind == Overheard::Kind::choice);
  CHECK(bench.heard[0].ip.text() == "10.88.0.1");
  CHECK(bench.policy.calls == 0);
}

TEST_CASE("1a.1 port 67 is shared with another server whichever started first",
          "[dhcp][server][loopback]") {
  log::set_level(log::Level::error);
  std::uint16_t port = 0;
  {
    const auto free_port = open_udp({.interface = "lo", .local = {}});
    REQUIRE(free_port);
    port = local_endpoint(*free_port)->port;
    ::close(*free_port);
  }
  const auto open_other = [&] {
    return open_udp({.interface = "lo",
                     .local = {.address = {}, .port = port},
                     .broadcast = true,
                     .share_port = true});
  };
  boost::asio::io_context io;
  Peer client;
  test::FixedPolicy policy;
  Server server(
      io,
      {.interface = "lo", .proxy_port = port, .boot_server_port = 0, .client_port = client.port()},
      policy);
  const bool other_first = GENERATE(true, false);
  auto other = other_first ? open_other() : Fallible<int>(-1);
  REQUIRE(server.start());
  if (!other_first) other = open_other();
  REQUIRE(other);
  const Descriptor held(*other);
  client.send(test::uefi_discover(), port, Ipv4{{255, 255, 255, 255}});
  CHECK_FALSE(client.receive(io).empty());
  Bytes buffer(2048);
  Arrived arrived;
  CHECK(receive_udp(*other, buffer, arrived) == Receive::datagram);
  CHECK(arrived.from.port == client.port());
}

TEST_CASE("1a.2 an answer leaves from the one of our addresses that was asked",
          "[dhcp][server][loopback]") {
  constexpr Ipv4 kSecond{{127, 0, 0, 2}};
  Bench bench;
  auto raw = test::uefi_discover().replace(53, "\x03");
  raw.ciaddr = kLoopback.number();
  bench.client.send(raw, bench.server.boot_server_port(), kSecond);
  const auto wire = bench.client.receive(bench.io);
  const auto ack = parse(wire);
  REQUIRE(ack);
  CHECK(ack->siaddr == kSecond);
  CHECK(ack->sname == "127.0.0.2");
  CHECK(bench.client.arrived.from == Endpoint{kSecond, bench.server.boot_server_port()});
}

TEST_CASE("1a.12 the offer is sent in the turn of the loop that reads the DISCOVER",
          "[dhcp][server][loopback]") {
  Bench bench;
  bench.io.poll();  // everyone waits now
  bench.client.send(test::uefi_discover(), bench.server.proxy_port());
  REQUIRE(bench.io.run_one_for(2s) == 1);
  CHECK(bench.server.counters().offers == 1);
}

namespace {

test::RawPacket from_mac(test::RawPacket raw, int last) {
  raw.mac[5] = static_cast<std::uint8_t>(last);
  return raw;
}

}  // namespace

TEST_CASE("1a.16 a client that repeats itself gets one line with what was decided and on what",
          "[dhcp][server][loopback]") {
  Bench bench;
  const test::LogCapture capture;
  for (int i = 0; i < 3; ++i) {
    bench.client.send(test::ipxe_discover(), bench.server.proxy_port());
    REQUIRE_FALSE(bench.client.receive(bench.io).empty());
  }
  const auto lines = capture.lines("dhcp.offered");
  REQUIRE(lines.size() == 1);
  for (const auto* fact :
       {"mac=52:54:00:aa:00:01", "xid=12345678", "arch=0", "class=PXEClient:Arch:00000:UNDI:002001",
        "user_class=iPXE", "ipxe=true", "file=http://127.0.0.1:8080/boot.ipxe", "interface=lo"}) {
    CHECK_THAT(lines[0], ContainsSubstring(fact));
  }
}

TEST_CASE("1a.5 1a.16 an architecture without a boot program is said once",
          "[dhcp][server][loopback]") {
  Bench bench;
  const test::LogCapture capture;
  const auto arm = test::bios_discover().replace(93, "\0\x0b"s);
  for (int i = 0; i < 3; ++i) bench.client.send(arm, bench.server.proxy_port());
  while (bench.server.counters().received < 3) REQUIRE(bench.io.run_one_for(2s) == 1);
  const auto lines = capture.lines("dhcp.dropped");
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], ContainsSubstring("mac=52:54:00:aa:00:01"));
  CHECK_THAT(lines[0], ContainsSubstring("architecture"));
}

TEST_CASE("1a.16 a flood of forged clients does not fill the log", "[dhcp][server][loopback]") {
  Bench bench;
  const test::LogCapture capture;
  const auto arm = test::bios_discover().replace(93, "\0\x0b"s);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    bench.client.send(from_mac(arm, i), bench.server.proxy_port());
    bench.client.send(from_mac(test::bios_discover(), i), bench.server.proxy_port());
    while (bench.server.counters().received < static_cast<std::uint64_t>(2 * i + 2)) {
      REQUIRE(bench.io.run_one_for(2s) == 1);
    }
  }
  // Begun seconds, as a slow machine may need several.
  const auto seconds = static_cast<std::size_t>(1 + (std::chrono::steady_clock::now() - began) /
                                                        std::chrono::seconds(1));
  CHECK(bench.server.counters().offers == 100);
  CHECK(capture.lines("dhcp.dropped").size() <= seconds);
  CHECK(capture.lines("dhcp.offered").size() <= 20 * seconds);
}

TEST_CASE("1a.13 the form of the offer is the policy's and is told", "[dhcp][server][loopback]") {
  Bench bench;
  bench.client.send(test::uefi_discover(), bench.server.proxy_port());
  auto wire = bench.client.receive(bench.io);
  REQUIRE(parse(wire));
  CHECK_FALSE(parse(wire)->options.find(Option::vendor_info));
  CHECK(bench.offers == std::vector<std::string>{"binl"});
  bench.policy.style = OfferStyle::direct;
  bench.client.send(test::uefi_discover(), bench.server.proxy_port());
  wire = bench.client.receive(bench.io);
  REQUIRE(parse(wire));
  CHECK(parse(wire)->options.find(Option::vendor_info));
  CHECK(bench.offers == std::vector<std::string>{"binl", "direct changed"});
  CHECK(bench.server.counters().offer_changes == 1);
}

TEST_CASE("a stopped server lets the event loop end", "[dhcp][server][loopback]") {
  Bench bench;
  bench.io.run_for(10ms);
  bench.server.stop();
  bench.server.stop();
  bench.io.restart();
  const auto began = std::chrono::steady_clock::now();
  bench.io.run_for(5s);
  CHECK(std::chrono::steady_clock::now() - began < 2s);
  CHECK(bench.server.proxy_port() == 0);
}

TEST_CASE("an interface that does not exist is an error that names it", "[dhcp][server]") {
  boost::asio::io_context io;
  test::FixedPolicy policy;
  Server server(io, {.interface = "nosuch0", .proxy_port = 0, .boot_server_port = 0}, policy);
  const auto started = server.start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().text(), ContainsSubstring("nosuch0"));
}
