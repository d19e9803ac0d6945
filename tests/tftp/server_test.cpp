#include "tftp/server.hpp"

#include <chrono>

#include "tests/support/catch.hpp"
#include "tests/support/tftp_bench.hpp"
#include "tftp/packet.hpp"

using namespace slipway;
using namespace slipway::tftp;
using namespace std::chrono_literals;
using namespace std::string_literals;
using slipway::test::ack;
using slipway::test::Bench;
using slipway::test::datagram;
using slipway::test::kLoopback;
using slipway::test::kSecond;
using slipway::test::Peer;
using slipway::test::rrq;

TEST_CASE("1c.24 a file is read through a port of its own at the address that was asked",
          "[tftp][server][loopback]") {
  Bench bench;
  Peer peer;
  peer.send(rrq("/ipxe.efi"), bench.port69(kSecond));
  const auto block1 = peer.receive(bench.io);
  REQUIRE(block1.size() == 516);
  const auto transfer = peer.arrived.from;
  CHECK(transfer.address == kSecond);
  CHECK(transfer.port != bench.server.port());
  peer.send(ack(1), transfer);
  CHECK(peer.receive(bench.io).size() == 4 + 488);
  peer.send(ack(2), transfer);
  CHECK(peer.receive(bench.io, 20ms).empty());
  CHECK(bench.files.log == std::vector<std::string>{"ipxe.efi to 127.0.0.1 1000"});
  CHECK(bench.server.running_transfers() == 0);
  CHECK(bench.server.counters().completed == 1);
}

TEST_CASE("SG8: a stranger gets nothing", "[tftp][server][loopback][sg8]") {
  Bench bench;
  bench.files.known = false;
  Peer peer;
  peer.send(rrq("ipxe.efi"), bench.port69());
  peer.send(datagram({2}, "x\0octet\0"s), bench.port69());
  peer.send(rrq("nosuch"), bench.port69());
  CHECK(peer.receive(bench.io, 50ms).empty());
  CHECK(bench.server.counters().strangers == 3);
}

TEST_CASE("1c.23 what cannot be served is refused at once", "[tftp][server][loopback]") {
  const auto [why, wire, code] = GENERATE(table<std::string, Bytes, int>({
      {"1c.31 a missing file", rrq("nosuch"), 1},
      {"a write", datagram({2}, "ipxe.efi\0octet\0"s), 2},
      {"a path upwards", rrq("../etc/shadow"), 2},
      {"a control character", rrq("ipxe\x1b.efi"), 2},
      {"a NUL in the name", rrq("ipxe.efi\0x"s), 4},
      {"netascii", datagram({1}, "ipxe.efi\0netascii\0"s), 4},
      {"mail", datagram({1}, "ipxe.efi\0mail\0"s), 4},
  }));
  CAPTURE(why);
  Bench bench;
  Peer peer;
  peer.send(wire, bench.port69());
  const auto answer = peer.receive(bench.io);
  const auto error = parse_answer(answer);
  REQUIRE(error);
  CHECK(error->kind == Answer::Kind::error);
  CHECK(error->number == code);
  CHECK(bench.server.counters().refused == 1);
}

TEST_CASE("what is no request gets nothing", "[tftp][server][loopback]") {
  Bench bench;
  Peer peer;
  for (const auto& wire : {Bytes{}, ack(1), datagram({5, 0}, "x\0"s), datagram({1}, "cut")}) {
    peer.send(wire, bench.port69());
  }
  CHECK(peer.receive(bench.io, 50ms).empty());
  CHECK(bench.server.counters().malformed == 4);
}

TEST_CASE("1c.32 a datagram with a foreign transfer ID gets ERROR 5 and the transfer goes on",
          "[tftp][server][loopback][rfc1350]") {
  Bench bench;
  Peer peer;
  Peer foreign;
  peer.send(rrq("ipxe.efi"), bench.port69());
  (void)peer.receive(bench.io);
  const auto transfer = peer.arrived.from;
  foreign.send(ack(1), transfer);
  const auto answer = foreign.receive(bench.io);
  REQUIRE(parse_answer(answer));
  CHECK(parse_answer(answer)->number == 5);
  CHECK(peer.receive(bench.io, 20ms).empty());
  peer.send(ack(1), transfer);
  CHECK(peer.receive(bench.io).size() == 4 + 488);
}

TEST_CASE("1c.23 names of old ROMs and of Windows find their file", "[tftp][server][loopback]") {
  const auto name = GENERATE("/boot/ipxe.efi"s, "boot\\ipxe.efi"s, "//boot///ipxe.efi"s,
                             "\\boot\\\\ipxe.efi"s, "boot/ipxe.efi\xff"s, "boot/./ipxe.efi"s);
  CAPTURE(name);
  Bench bench;
  bench.files.files["boot/ipxe.efi"] = test::pattern(7);
  Peer peer;
  peer.send(rrq(name), bench.port69());
  CHECK(peer.receive(bench.io).size() == 11);
}

TEST_CASE("a repeated request starts no second transfer", "[tftp][server][loopback]") {
  Bench bench;
  Peer peer;
  for (int i = 0; i < 3; ++i) peer.send(rrq("ipxe.efi"), bench.port69());
  CHECK(peer.receive(bench.io).size() == 516);
  CHECK(peer.receive(bench.io, 50ms).empty());
  CHECK(bench.server.counters().started == 1);
  CHECK(bench.server.counters().repeated == 2);
}

TEST_CASE("1c.26 a size probe and the request after it from the same port both work",
          "[tftp][server][loopback]") {
  Bench bench;
  Peer peer;
  peer.send(rrq("ipxe.efi",
                "tsize\0"
                "0\0"s),
            bench.port69());
  const auto oack = peer.receive(bench.io);
  CHECK(as_text(oack) ==
        "\0\x06tsize\0"
        "1000\0"s);
  const auto probe_error = GENERATE(true, false);  // the ERROR may be lost
  if (probe_error) peer.send(datagram({5, 8}, "User aborted the transfer\0"s), peer.arrived.from);
  peer.send(rrq("ipxe.efi"), bench.port69());
  CHECK(peer.receive(bench.io).size() == 516);
  CHECK(bench.server.running_transfers() == 1);
}

TEST_CASE("1c.32 a client whose port is closed ends its transfer", "[tftp][server][loopback]") {
  Bench bench;
  Peer peer;
  peer.send(rrq("ipxe.efi"), bench.port69());
  (void)peer.receive(bench.io);
  peer.send(ack(1), peer.arrived.from);
  peer.close();
  const auto until = std::chrono::steady_clock::now() + 2s;
  while (bench.server.running_transfers() > 0 && std::chrono::steady_clock::now() < until) {
    bench.io.run_for(5ms);
  }
  CHECK(bench.server.running_transfers() == 0);
  CHECK(bench.server.counters().failed == 1);
}

TEST_CASE("SG8: half-open transfers are bounded and the oldest makes room",
          "[tftp][server][loopback][sg8]") {
  Bench bench({.max_half_open = 4, .max_transfers_per_peer = 100});
  std::vector<std::unique_ptr<Peer>> silent;
  for (int i = 0; i < 10; ++i) {
    silent.push_back(std::make_unique<Peer>());
    silent.back()->send(rrq("ipxe.efi"), bench.port69());
    (void)silent.back()->receive(bench.io);
  }
  CHECK(bench.server.half_open_transfers() == 4);
  CHECK(bench.server.counters().evicted == 6);
  Peer real;
  real.send(rrq("ipxe.efi"), bench.port69());
  CHECK(real.receive(bench.io).size() == 516);
}

TEST_CASE("SG8: half-open transfers take no place of one that was answered",
          "[tftp][server][loopback][sg8]") {
  Bench bench({.max_transfers = 1, .max_half_open = 4, .max_transfers_per_peer = 100});
  Peer real;
  real.send(rrq("ipxe.efi"), bench.port69());
  REQUIRE(real.receive(bench.io).size() == 516);
  std::vector<std::unique_ptr<Peer>> silent;
  for (int i = 0; i < 3; ++i) {
    silent.push_back(std::make_unique<Peer>());
    silent.back()->send(rrq("ipxe.efi"), bench.port69());
    (void)silent.back()->receive(bench.io);
  }
  real.send(ack(1), real.arrived.from);
  CHECK(real.receive(bench.io).size() == 4 + 488);
  CHECK(bench.server.half_open_transfers() == 3);
  CHECK(bench.server.running_transfers() == 4);
  Peer late;
  late.send(rrq("ipxe.efi"), bench.port69());
  const auto full = late.receive(bench.io);
  REQUIRE(parse_answer(full));
  CHECK(parse_answer(full)->kind == Answer::Kind::error);
}

TEST_CASE("SG8: of one source's half-open transfers the oldest makes room, of nobody else's",
          "[tftp][server][loopback][sg8]") {
  Bench bench({.max_transfers_per_peer = 2});
  Peer other(kSecond);
  other.send(rrq("ipxe.efi"), bench.port69());
  REQUIRE(other.receive(bench.io).size() == 516);
  std::vector<std::unique_ptr<Peer>> greedy;
  for (int i = 0; i < 5; ++i) {
    greedy.push_back(std::make_unique<Peer>());
    greedy.back()->send(rrq("ipxe.efi"), bench.port69());
    REQUIRE(greedy.back()->receive(bench.io).size() == 516);
  }
  CHECK(bench.server.half_open_transfers() == 3);
  CHECK(bench.server.counters().evicted == 3);
  other.send(ack(1), other.arrived.from);
  CHECK(other.receive(bench.io).size() == 4 + 488);
}

TEST_CASE("1c.24 two transfers of one client come from different ports",
          "[tftp][server][loopback]") {
  Bench bench;
  Peer peer;
  peer.send(rrq("ipxe.efi"), bench.port69());
  REQUIRE(peer.receive(bench.io).size() == 516);
  const auto first = peer.arrived.from;
  peer.send(datagram({5, 0}, "enough\0"s), first);
  peer.send(rrq("ipxe.efi"), bench.port69());
  REQUIRE(peer.receive(bench.io).size() == 516);
  CHECK(peer.arrived.from != first);
  CHECK(bench.server.counters().aborted == 1);
}

TEST_CASE("one peer cannot take all places", "[tftp][server][loopback]") {
  Bench bench({.max_transfers = 100, .max_transfers_per_peer = 2});
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 2; ++i) {
    peers.push_back(std::make_unique<Peer>());
    peers.back()->send(rrq("ipxe.efi"), bench.port69());
    (void)peers.back()->receive(bench.io);
    peers.back()->send(ack(1), peers.back()->arrived.from);
    (void)peers.back()->receive(bench.io);
  }
  Peer third;
  third.send(rrq("ipxe.efi"), bench.port69());
  const auto answer = third.receive(bench.io);
  REQUIRE(parse_answer(answer));
  CHECK(parse_answer(answer)->kind == Answer::Kind::error);
  CHECK(bench.server.running_transfers() == 2);
}

TEST_CASE("a stopped server cuts its transfers and lets the event loop end",
          "[tftp][server][loopback]") {
  Bench bench;
  Peer peer;
  peer.send(rrq("ipxe.efi"), bench.port69());
  (void)peer.receive(bench.io);
  bench.server.stop();
  CHECK(bench.server.running_transfers() == 0);
  bench.io.restart();
  const auto began = std::chrono::steady_clock::now();
  bench.io.run_for(5s);
  CHECK(std::chrono::steady_clock::now() - began < 2s);
  CHECK(bench.server.port() == 0);
}

TEST_CASE("an interface that does not exist is an error that names it", "[tftp][server]") {
  boost::asio::io_context io;
  test::MemoryFiles files;
  Server server(io, {.interface = "nosuch0", .port = 0}, files);
  const auto started = server.start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().text(), ContainsSubstring("nosuch0"));
}
