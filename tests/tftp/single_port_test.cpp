// Single-port mode: all transfers of an interface through port 69.

#include <chrono>

#include "tests/support/catch.hpp"
#include "tests/support/tftp_bench.hpp"
#include "tftp/packet.hpp"
#include "tftp/server.hpp"

using namespace slipway;
using namespace slipway::tftp;
using namespace std::chrono_literals;
using namespace std::string_literals;
using slipway::test::ack;
using slipway::test::Bench;
using slipway::test::datagram;
using slipway::test::kSecond;
using slipway::test::Peer;
using slipway::test::rrq;

namespace {
const ServerSettings kSingle{.single_port = true};
}

TEST_CASE("1c.24 in single-port mode all of a transfer comes from the port that was asked",
          "[tftp][server][single_port][loopback]") {
  Bench bench(kSingle);
  Peer peer;
  peer.send(rrq("ipxe.efi"), bench.port69(kSecond));
  REQUIRE(peer.receive(bench.io).size() == 516);
  CHECK(peer.arrived.from == bench.port69(kSecond));
  peer.send(ack(1), bench.port69(kSecond));
  CHECK(peer.receive(bench.io).size() == 4 + 488);
  CHECK(peer.arrived.from == bench.port69(kSecond));
  peer.send(ack(2), bench.port69(kSecond));
  CHECK(peer.receive(bench.io, 20ms).empty());
  CHECK(bench.files.log == std::vector<std::string>{"ipxe.efi to 127.0.0.1 1000"});
  CHECK(bench.server.running_transfers() == 0);
  CHECK(bench.server.counters().requests == 1);
  CHECK(bench.server.counters().completed == 1);
}

TEST_CASE("in single-port mode each client has its own transfer",
          "[tftp][server][single_port][loopback]") {
  Bench bench(kSingle);
  Peer first;
  Peer second;
  for (auto* peer : {&first, &second}) {
    peer->send(rrq("ipxe.efi"), bench.port69());
    REQUIRE(peer->receive(bench.io).size() == 516);
  }
  second.send(ack(1), bench.port69());
  CHECK(second.receive(bench.io).size() == 4 + 488);
  CHECK(first.receive(bench.io, 20ms).empty());
  first.send(datagram({5, 0}, "enough\0"s), bench.port69());
  second.send(ack(2), bench.port69());
  CHECK(second.receive(bench.io, 20ms).empty());
  CHECK(bench.server.counters().aborted == 1);
  CHECK(bench.server.counters().completed == 1);
  CHECK(bench.server.running_transfers() == 0);
}

TEST_CASE("1c.32 in single-port mode an ACK without a transfer gets nothing",
          "[tftp][server][single_port][loopback]") {
  Bench bench(kSingle);
  Peer peer;
  peer.send(ack(1), bench.port69());
  CHECK(peer.receive(bench.io, 50ms).empty());
  CHECK(bench.server.counters().malformed == 1);
}

TEST_CASE("1c.32 in single-port mode a client whose port is closed ends its transfer",
          "[tftp][server][single_port][loopback]") {
  Bench bench(kSingle);
  Peer stays;
  stays.send(rrq("ipxe.efi"), bench.port69());
  REQUIRE(stays.receive(bench.io).size() == 516);
  Peer goes;
  goes.send(rrq("ipxe.efi"), bench.port69());
  REQUIRE(goes.receive(bench.io).size() == 516);
  goes.send(ack(1), bench.port69());
  goes.close();
  const auto until = std::chrono::steady_clock::now() + 2s;
  while (bench.server.running_transfers() > 1 && std::chrono::steady_clock::now() < until) {
    bench.io.run_for(5ms);
  }
  CHECK(bench.server.running_transfers() == 1);
  CHECK(bench.server.counters().failed == 1);
  stays.send(ack(1), bench.port69());
  CHECK(stays.receive(bench.io).size() == 4 + 488);
}

TEST_CASE("SG8: in single-port mode, too, a client that never answers gets two datagrams",
          "[tftp][server][single_port][loopback][sg8]") {
  Bench bench(kSingle);
  Peer peer;
  peer.send(rrq("ipxe.efi"), bench.port69());
  int datagrams = 0;
  while (bench.server.running_transfers() > 0 || datagrams == 0) {
    if (!peer.receive(bench.io, 500ms).empty()) ++datagrams;
    REQUIRE(datagrams <= 2);
  }
  CHECK(datagrams == 2);
  CHECK(bench.server.counters().unanswered == 1);
}

TEST_CASE("a server in single-port mode stops with transfers under way",
          "[tftp][server][single_port][loopback]") {
  Bench bench(kSingle);
  Peer peer;
  peer.send(rrq("ipxe.efi"), bench.port69());
  REQUIRE(peer.receive(bench.io).size() == 516);
  bench.server.stop();
  CHECK(bench.server.running_transfers() == 0);
  peer.send(ack(1), peer.arrived.from);
  CHECK(peer.receive(bench.io, 20ms).empty());
}
