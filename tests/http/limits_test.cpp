// What a client may hold of the server, and for how long; and that those who must get through do.
#include <algorithm>
#include <numeric>

#include "base/crypto.hpp"
#include "tests/http/loopback.hpp"
#include "tests/http/raw_client.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace slipway::http::test;
using std::chrono::milliseconds;

namespace {

constexpr Ipv4 kArmed{{127, 0, 0, 9}};
constexpr Ipv4 kStranger{{127, 0, 0, 2}};
constexpr std::size_t kMediumOctets = 4U << 20U;
const std::string kGet = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

std::string large_text() {
  std::string text(16U << 20U, '\0');
  std::iota(text.begin(), text.end(), '\0');
  return text;
}

Router routes() {
  static const auto large = large_text();
  Router router;
  router.add(Method::get, "/hello", [](const Request&, Reply reply) {
    reply(Response::text(200, "text/plain", "hello"));
  });
  router.add(Method::get, "/large", [](const Request&, Reply reply) {
    reply(Response::text(200, "application/octet-stream", large));
  });
  router.add(Method::get, "/medium", [](const Request&, Reply reply) {
    reply(Response::text(200, "application/octet-stream", large.substr(0, kMediumOctets)));
  });
  return router;
}

// A connection that got an answer and is kept.
RawClient settled(const Loopback& server, Ipv4 source) {
  RawClient client(server.port, source);
  REQUIRE(client.send(kGet));
  CHECK(client.receive_until("hello").starts_with("HTTP/1.1 200 OK\r\n"));
  return client;
}

bool is_turned_away(const Loopback& server, Ipv4 source) {
  RawClient client(server.port, source);
  return client.receive().starts_with("HTTP/1.1 503 Service Unavailable\r\n");
}

std::size_t connections(Loopback& server) {
  return server.on_thread([](Server& inner) { return inner.connections(); });
}

}  // namespace

TEST_CASE("the reserve is for those who are expected", "[http][limits][loopback]") {
  Limits limits;
  limits.connections = 6;
  limits.reserve = 2;
  limits.header = milliseconds(60'000);  // crowded or not, nobody idle goes
  Loopback server(routes(), limits);
  server.on_thread([](Server& inner) { inner.expect([](Ipv4 peer) { return peer == kArmed; }); });
  std::vector<RawClient> strangers;
  for (int i = 0; i < 4; ++i) strangers.push_back(settled(server, kStranger));
  CHECK(is_turned_away(server, kStranger));
  CHECK(is_turned_away(server, {{127, 0, 0, 3}}));
  const auto first = settled(server, kArmed);
  CHECK(is_turned_away(server, kStranger));
  const auto second = settled(server, kArmed);
  CHECK(is_turned_away(server, kArmed));  // the total is a total
}

TEST_CASE("no address takes more than its share, expected or not", "[http][limits][loopback]") {
  Limits limits;
  limits.connections = 20;
  limits.reserve = 18;
  limits.connections_per_address = 3;
  limits.header = milliseconds(60'000);
  Loopback server(routes(), limits);
  server.on_thread([](Server& inner) { inner.expect([](Ipv4 peer) { return peer == kArmed; }); });
  std::vector<RawClient> kept;
  for (int i = 0; i < 3; ++i) kept.push_back(settled(server, kArmed));
  CHECK(is_turned_away(server, kArmed));
}

TEST_CASE("idle connections make room when there is a crowd", "[http][limits][loopback]") {
  Limits limits;
  limits.connections = 8;
  limits.header = milliseconds(100);
  limits.idle = milliseconds(60'000);
  Loopback server(routes(), limits);
  std::vector<RawClient> kept;
  for (int i = 0; i < 6; ++i) kept.push_back(settled(server, kStranger));
  std::this_thread::sleep_for(milliseconds(400));
  CHECK(connections(server) == 6);  // no crowd yet
  for (int i = 0; i < 2; ++i) kept.push_back(settled(server, kStranger));
  CHECK(eventually([&] { return connections(server) < 8; }));
  const auto late = settled(server, kArmed);
}

TEST_CASE("who takes his answer too slowly is reset", "[http][limits][loopback][slowloris]") {
  Limits limits;
  limits.stall = milliseconds(200);
  limits.min_octets_per_second = 100'000;
  Loopback server(routes(), limits);
  const auto octets = GENERATE(std::size_t{0}, std::size_t{256});  // at a time
  INFO(octets);
  RawClient slow(server.port, kStranger, 4'096);
  REQUIRE(slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK(slow.receive(64).starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(eventually([&] {
    if (octets > 0) (void)slow.receive(octets);
    return connections(server) == 0;
  }));
  while (!slow.receive().empty()) continue;  // what his own kernel still had
  CHECK(slow.error() == ECONNRESET);
}

TEST_CASE("who is fast enough may take as long as it takes", "[http][limits][loopback]") {
  Limits limits;
  limits.stall = milliseconds(400);
  limits.min_octets_per_second = 1'000;
  const Loopback server(routes(), limits);
  RawClient client(server.port, kStranger, 65'536);
  REQUIRE(client.send("GET /medium HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  std::string got;
  // It takes longer than `stall`, and each of those has far more than its 400 octets.
  for (auto more = client.receive(); !more.empty(); more = client.receive()) {
    got += more;
    std::this_thread::sleep_for(milliseconds(5));
  }
  CHECK(client.error() == 0);
  CHECK(got.ends_with(large_text().substr(0, kMediumOctets)));
}

TEST_CASE("slow clients of many addresses go, and a download beside them is whole",
          "[http][limits][loopback][slowloris]") {
  Limits limits;
  limits.header = milliseconds(300);
  limits.body = milliseconds(300);
  Loopback server(routes(), limits);
  std::vector<RawClient> slow;
  for (std::uint8_t host = 2; host < 5; ++host) {
    for (int i = 0; i < 50; ++i) {
      slow.emplace_back(server.port, Ipv4{{127, 0, 0, host}});
      REQUIRE(slow.back().send(i % 2 == 0 ? "GET /hello HTTP/1.1\r\nX: "
                                          : "GET /hello HTTP/1.1\r\nHost: a\r\n"
                                            "Content-Length: 1000\r\n\r\n"));
    }
  }
  auto stream = server.connect();
  REQUIRE(stream.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", kPatience));
  // An octet now and then prolongs nothing.
  CHECK(eventually([&] {
    for (const auto& client : slow) (void)client.send("x");
    return std::ranges::all_of(slow, &RawClient::is_over);
  }));
  const auto got = read_all(stream);
  CHECK((Sha256::of(got.substr(got.find("\r\n\r\n") + 4)) == Sha256::of(large_text())));
}
