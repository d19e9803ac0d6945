#include "dhcp/server.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <thread>

#include "base/log.hpp"
#include "base/udp.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"

using namespace slipway;
using namespace slipway::dhcp;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr Ipv4 kLoopback{{127, 0, 0, 1}};

// A client's socket on the loopback.
class Client {
 public:
  Client() : fd_(open_udp({.interface = "lo", .local = {}, .broadcast = true})) {
    REQUIRE(fd_);
    port_ = local_endpoint(*fd_)->port;
  }
  ~Client() { ::close(*fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const test::RawPacket& raw, std::uint16_t port) const {
    REQUIRE(send_udp(*fd_, raw.wire(), {.to = {kLoopback, port}}));
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
  Client client;
  test::FixedPolicy policy;
  std::vector<std::string> seen;
  std::vector<Overheard> heard;
  Server server{
      io,
      {.interface = "lo", .proxy_port = 0, .boot_server_port = 0, .client_port = client.port()},
      policy,
      [this](const Seen& one) {
        seen.push_back(one.client.mac.text() + " " + std::string(one.file) + " by " +
                       one.server.text());
      },
      [this](const Overheard& one) { heard.push_back(one); }};
};

}  // namespace

TEST_CASE("a DISCOVER on the wire is answered by broadcast from the interface's address",
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

TEST_CASE("a request to the boot server is answered from the port and address that were asked",
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

TEST_CASE("what is broken, not ours or not to boot is counted and gets silence",
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
