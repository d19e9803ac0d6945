#include "base/udp_burst.hpp"

#include <sys/socket.h>

#include <array>
#include <numeric>
#include <vector>

#include "base/descriptor.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;

namespace {

constexpr Ipv4 kLoopback{{127, 0, 0, 1}};

Bytes counted(std::size_t octets) {
  Bytes out(octets);
  std::iota(out.begin(), out.end(), std::uint8_t{0});
  return out;
}

// Two sockets on loopback, and what came.
struct Pair {
  Pair() {
    auto out = open_udp({.local = {kLoopback, 0}});
    auto in = open_udp({.local = {kLoopback, 0}});
    REQUIRE(out);
    REQUIRE(in);
    sender = Descriptor(*out), receiver = Descriptor(*in);
    to = *local_endpoint(*in);
  }
  [[nodiscard]] std::vector<Bytes> received() const {
    std::vector<Bytes> all;
    Bytes buffer(65536);
    Arrived arrived;
    while (receive_udp(receiver.get(), buffer, arrived) == Receive::datagram) {
      all.emplace_back(buffer.begin(),
                       buffer.begin() + static_cast<std::ptrdiff_t>(arrived.octets));
    }
    return all;
  }
  Descriptor sender, receiver;
  Endpoint to;
};

std::vector<Bytes> expected(const Burst& burst) {
  std::vector<Bytes> all;
  for (std::size_t i = 0; i < burst.datagrams; ++i) {
    const auto header = burst.header_of(i);
    const auto payload = burst.payload_of(i);
    auto& one = all.emplace_back(header.begin(), header.end());
    one.insert(one.end(), payload.begin(), payload.end());
  }
  return all;
}

}  // namespace

TEST_CASE("a burst arrives as its datagrams, whoever cuts it", "[base][udp][loopback]") {
  const auto cut = GENERATE(BurstSender::Cut::by_kernel, BurstSender::Cut::by_us);
  const auto [why, datagrams, payload] = GENERATE(table<std::string, std::size_t, std::size_t>({
      {"one without payload", 1, 0},
      {"one short", 1, 5},
      {"full ones", 4, 400},
      {"a last one of one octet", 4, 301},
      {"an empty last one", 4, 300},
      {"as many as there may be", 64, 6400},
  }));
  CAPTURE(why, cut == BurstSender::Cut::by_kernel);
  const auto headers = counted(datagrams * 4);
  const auto body = counted(payload);
  const Burst burst{
      .datagrams = datagrams, .headers = headers, .payload = body, .payload_octets = 100};
  const Pair pair;
  BurstSender sender(cut);
  CHECK(sender.send(pair.sender.get(), burst, {.to = pair.to}) == datagrams);
  CHECK(pair.received() == expected(burst));
}

TEST_CASE("the source of a burst can be chosen", "[base][udp][loopback]") {
  const auto cut = GENERATE(BurstSender::Cut::by_kernel, BurstSender::Cut::by_us);
  auto any = open_udp({});
  REQUIRE(any);
  const Descriptor out(*any);
  const Pair pair;
  const auto headers = counted(8);
  BurstSender sender(cut);
  const Ipv4 second{{127, 0, 0, 2}};
  CHECK(sender.send(out.get(), {.datagrams = 2, .headers = headers},
                    {.to = pair.to, .from = second}) == 2);
  Bytes buffer(64);
  Arrived arrived;
  REQUIRE(receive_udp(pair.receiver.get(), buffer, arrived) == Receive::datagram);
  CHECK(arrived.from.address == second);
  CHECK(arrived.octets == 4);
}

TEST_CASE("a kernel that refuses to cut a burst is asked once", "[base][udp][loopback]") {
  const Pair pair;
  // Linux cuts no datagrams whose checksum it may not make.
  const int off = 1;
  REQUIRE(::setsockopt(pair.sender.get(), SOL_SOCKET, SO_NO_CHECK, &off, sizeof off) == 0);
  const auto headers = counted(12);
  const auto body = counted(250);
  const Burst burst{.datagrams = 3, .headers = headers, .payload = body, .payload_octets = 100};
  BurstSender sender;
  if (sender.cut() == BurstSender::Cut::by_us) SUCCEED("this kernel cuts no bursts");
  CHECK(sender.send(pair.sender.get(), burst, {.to = pair.to}) == 3);
  CHECK(sender.cut() == BurstSender::Cut::by_us);
  CHECK(pair.received() == expected(burst));
}
