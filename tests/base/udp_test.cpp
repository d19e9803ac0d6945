#include "base/udp.hpp"

#include <unistd.h>

#include "tests/support/catch.hpp"

using namespace slipway;

namespace {
constexpr Ipv4 kLoopback{{127, 0, 0, 1}};

// The waiting datagrams of a socket, as text.
std::string heard(int descriptor) {
  std::array<std::uint8_t, 64> in{};
  std::string all;
  Arrived arrived;
  while (receive_udp(descriptor, in, arrived) == Receive::datagram) {
    all += as_text(ByteView(in).first(arrived.octets));
  }
  return all;
}
}  // namespace

TEST_CASE("an interface without ARP has no network to ask in, one that is not there is an error",
          "[base][udp]") {
  const auto loopback = interface_network("lo");
  REQUIRE(loopback);
  CHECK_FALSE(*loopback);
  const auto absent = interface_network("nosuch0");
  REQUIRE_FALSE(absent);
  CHECK_THAT(absent.error().text(), ContainsSubstring("nosuch0"));
}

TEST_CASE("of sockets that share a port, the connected one hears its peer and the other the rest",
          "[base][udp][loopback]") {
  const auto rest = open_udp({.share_among_own = true});
  REQUIRE(rest);
  const auto port = local_endpoint(*rest)->port;
  const auto peer = open_udp({.local = {kLoopback, 0}});
  const auto stranger = open_udp({.local = {kLoopback, 0}});
  REQUIRE(peer);
  REQUIRE(stranger);
  const auto connected = open_udp(
      {.local = {kLoopback, port}, .share_among_own = true, .peer = *local_endpoint(*peer)});
  REQUIRE(connected);
  REQUIRE(send_udp(*peer, as_bytes("peer"), {.to = {kLoopback, port}}));
  REQUIRE(send_udp(*stranger, as_bytes("stranger"), {.to = {kLoopback, port}}));
  CHECK(heard(*connected) == "peer");
  CHECK(heard(*rest) == "stranger");
  for (const int fd : {*rest, *peer, *stranger, *connected}) ::close(fd);
}

TEST_CASE("a port of the kernel's choice is nobody else's", "[base][udp][loopback]") {
  const auto first = open_udp({.share_among_own = true});
  REQUIRE(first);
  const auto taken = open_udp({.local = {{}, local_endpoint(*first)->port}});
  CHECK_FALSE(taken);
  ::close(*first);
}
