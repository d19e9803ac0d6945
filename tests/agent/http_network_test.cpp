#include "agent/http_network.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/agent/fake_server.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using slipway::test::Naps;

namespace {

// Takes one connection for each of `answers`, reads one request's head, sends the answer and
// closes, whatever the answer promised.
class RudeServer {
 public:
  explicit RudeServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    REQUIRE(::bind(listener_, generic, length) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    REQUIRE(::getsockname(listener_, generic, &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  RudeServer(const RudeServer&) = delete;
  RudeServer& operator=(const RudeServer&) = delete;
  ~RudeServer() {
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] http::ServerPlace place() const {
    return *http::ServerPlace::parse("http://127.0.0.1:" + std::to_string(port_));
  }
  std::vector<std::string> heads;  // to be read when all answers were fetched

 private:
  void run() {
    for (const auto& answer : answers_) {
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      std::string head;
      char octet = 0;
      while (!head.ends_with("\r\n\r\n") && ::read(peer, &octet, 1) == 1) head += octet;
      heads.push_back(head);
      (void)::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);  // the test sees what is lost
      ::close(peer);
    }
  }

  std::vector<std::string> answers_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

std::string part(const std::string& range, const std::string& body, std::size_t promised) {
  return "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + range +
         "\r\nContent-Length: " + std::to_string(promised) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a download that breaks off is resumed where it broke", "[agent][network][loopback]") {
  RudeServer server({part("2-7/10", "cde", 6), "", part("5-7/10", "fgh", 3)});
  Naps naps;
  HttpNetwork network(server.place(), naps.waiting());
  std::string got;
  const auto fetcher = network.fetcher("/d");
  const auto done = fetcher->fetch(2, 6, [&](ByteView octets) {
    got += as_text(octets);
    return true;
  });
  CHECK(done);
  CHECK(got == "cdefgh");
  REQUIRE(server.heads.size() == 3);
  CHECK_THAT(server.heads[0], ContainsSubstring("bytes=2-7"));
  CHECK_THAT(server.heads[2], ContainsSubstring("bytes=5-7"));
  CHECK(naps.taken.size() == 2);
}

TEST_CASE("an answer that says no ends the download", "[agent][network][loopback]") {
  RudeServer server({"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n",
                     "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n"});
  Naps naps;
  HttpNetwork network(server.place(), naps.waiting());
  const auto done = network.fetcher("/d")->fetch(0, 6, [](ByteView) { return true; });
  CHECK_FALSE(done);
  CHECK(naps.taken.size() == 1);  // 503 is "not now"
}

TEST_CASE("a writer that stopped ends the download, also between two tries",
          "[agent][network][loopback]") {
  RudeServer server({part("0-5/6", "ab", 6)});
  Naps naps;
  HttpNetwork network(server.place(), naps.waiting());
  const auto done =
      network.fetcher("/d")->fetch(0, 6, [](ByteView octets) { return !octets.empty(); });
  CHECK_FALSE(done);
}

TEST_CASE("a call carries bearer and body, and its answer any status",
          "[agent][network][loopback]") {
  RudeServer server({"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}"});
  Naps naps;
  HttpNetwork network(server.place(), naps.waiting());
  const auto answer = network.connect(std::chrono::seconds(5))
                          ->exchange({.method = "POST",
                                      .target = "/agent/v1/progress",
                                      .bearer = Secret("s1"),
                                      .body = "{}"});
  REQUIRE(answer);
  CHECK(answer->status == 409);
  CHECK(answer->body == "{}");
  CHECK_THAT(server.heads[0], ContainsSubstring("POST /agent/v1/progress HTTP/1.1\r\n"));
  CHECK_THAT(server.heads[0], ContainsSubstring("Authorization: Bearer s1\r\n"));
}
