#include "http/client.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/http/loopback.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace slipway::http::test;
using std::chrono::milliseconds;

namespace {

std::string pattern(std::size_t octets) {
  std::string text(octets, '\0');
  std::uint32_t state = 1;
  for (auto& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return text;
}

std::shared_ptr<const File> file_with(const std::string& content) {
  const auto path = "/tmp/slipway-client-" + std::to_string(getpid());
  std::ofstream(path, std::ios::binary) << content;
  auto file = File::open(path);
  std::filesystem::remove(path);
  REQUIRE(file);
  return *file;
}

Router routes(const std::shared_ptr<const File>& file = file_with("0123456789")) {
  Router router;
  router.add(Method::get, "/file", [file](const Request&, Reply reply) {
    Response response;
    response.body = FileBody{file, "\"f\""};
    reply(std::move(response));
  });
  router.add(Method::post, "/echo", [](const Request& request, Reply reply) {
    auto response = Response::text(201, "text/plain", request.body);
    response.headers.push_back({"X-Agent", std::string(request.header("x-bearer").value_or(""))});
    reply(std::move(response));
  });
  router.add(Method::get, "/nothing",
             [](const Request&, Reply reply) { reply(Response{204, {}, ""}); });
  return router;
}

ServerPlace place_of(const Loopback& server) { return {{kLoopback, server.port}, {}}; }

// A peer that plays fixed answers, one for each connection, then closes it.
class Script {
 public:
  explicit Script(std::vector<std::string> answers)
      : listener_(Listener::open_tcp(kLoopback, 0).value()) {
    thread_ = std::thread([this, answers = std::move(answers)] { play(answers); });
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() { thread_.join(); }
  [[nodiscard]] ServerPlace place() const { return {{kLoopback, listener_.port()}, {}}; }

 private:
  void play(const std::vector<std::string>& answers) const {
    for (const auto& answer : answers) {
      int peer = -1;
      while (peer < 0) {
        peer = ::accept(listener_.descriptor(), nullptr, nullptr);
        if (peer < 0) std::this_thread::sleep_for(milliseconds(1));
      }
      std::array<char, 4'096> request{};
      (void)::recv(peer, request.data(), request.size(), 0);
      (void)::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      (void)::shutdown(peer, SHUT_WR);
      (void)::close(peer);
    }
  }

  Listener listener_;
  std::thread thread_;
};

std::string get_text(Client& client, const Part& part) {
  std::string text;
  const auto done = client.get_stream("/file", part, [&](ByteView octets) -> Fallible<void> {
    text += as_text(octets);
    return {};
  });
  REQUIRE(done);
  CHECK(*done == text.size());
  return text;
}

}  // namespace

TEST_CASE("endpoints are read", "[http][client]") {
  CHECK(ServerPlace::parse("http://10.0.0.1:8080")->text() == "10.0.0.1:8080");
  CHECK(ServerPlace::parse("http://10.0.0.1:8080/")->endpoint.port == 8080);
  CHECK(ServerPlace::parse("http://10.0.0.1")->endpoint.port == 80);
  CHECK(ServerPlace::parse("unix:/run/slipway.sock")->socket_path == "/run/slipway.sock");
  const auto* wrong =
      GENERATE("", "10.0.0.1:80", "https://10.0.0.1", "http://", "http://host:80",
               "http://10.0.0.1:0", "http://10.0.0.1:65536", "http://10.0.0.1:", "unix:");
  CHECK_FALSE(ServerPlace::parse(wrong));
}

TEST_CASE("a client sends and receives over one connection", "[http][client][loopback]") {
  Loopback server(routes());
  Client client(place_of(server));
  for (int i = 0; i < 3; ++i) {
    const auto echoed = client.request(Method::post, "/echo", {{"X-Bearer", "b"}}, "body");
    REQUIRE(echoed);
    CHECK(echoed->status == 201);
    CHECK(echoed->body == "body");
    CHECK(echoed->header("x-agent") == "b");
    CHECK(client.request(Method::get, "/nothing")->status == 204);
    const auto head = client.request(Method::head, "/file");
    CHECK(head->header("content-length") == "10");
    CHECK(head->body.empty());
  }
  CHECK(server.on_thread([](Server& inner) { return inner.connections(); }) == 1);
  CHECK(client.request(Method::get, "/absent")->status == 404);
}

TEST_CASE("a connection that the server closed is replaced", "[http][client][loopback]") {
  Limits limits;
  limits.idle = milliseconds(40);
  Loopback server(routes(), limits);
  Client client(place_of(server));
  for (int i = 0; i < 3; ++i) {
    CHECK(client.request(Method::post, "/echo", {}, "x")->body == "x");
    std::this_thread::sleep_for(milliseconds(120));
  }
}

TEST_CASE("a part of a file is downloaded", "[http][client][loopback]") {
  const auto content = pattern(3'000'000);
  Loopback server(routes(file_with(content)));
  Client client(place_of(server));
  CHECK(get_text(client, {}) == content);
  CHECK(get_text(client, {0, 1}) == content.substr(0, 1));
  CHECK(get_text(client, {1'234'567, 1'000'000}) == content.substr(1'234'567, 1'000'000));
  CHECK(get_text(client, {2'999'999, std::nullopt}) == content.substr(2'999'999));
  CHECK(get_text(client, {5, 0}).empty());
  CHECK(server.on_thread([](Server& inner) { return inner.connections(); }) == 1);
}

TEST_CASE("a part that the file does not have is an error", "[http][client][loopback]") {
  Loopback server(routes());
  Client client(place_of(server));
  const auto sink = [](ByteView) -> Fallible<void> { return {}; };
  const auto beyond = client.get_stream("/file", {10, 5}, sink);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().status == 416);
  CHECK_FALSE(client.get_stream("/file", {8, 5}, sink));  // shorter than asked for
  const auto absent = client.get_stream("/absent", {}, sink);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().status == 404);
  CHECK(absent.error().error.text() ==
        "GET /absent: asked for the file, the server answered with status 404");
}

TEST_CASE("a sink's failure ends the download with what was delivered",
          "[http][client][loopback]") {
  Loopback server(routes(file_with(pattern(1'000'000))));
  Client client(place_of(server));
  std::uint64_t taken = 0;
  const auto done = client.get_stream("/file", {}, [&](ByteView octets) -> Fallible<void> {
    if (taken > 0) return fail("the disk is full");
    taken += octets.size();
    return {};
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().delivered_octets == taken);
  CHECK(done.error().error.text() == "GET /file: the disk is full");
  CHECK(client.request(Method::get, "/nothing")->status == 204);
}

TEST_CASE("a download that breaks off tells how far it came", "[http][client][loopback]") {
  const Script server(
      {"HTTP/1.1 206 Partial Content\r\nContent-Length: 8\r\n"
       "Content-Range: bytes 2-9/10\r\n\r\n23456"});
  Client client(server.place());
  std::string text;
  const auto done = client.get_stream("/x", {2, 8}, [&](ByteView octets) -> Fallible<void> {
    text += as_text(octets);
    return {};
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().delivered_octets == 5);
  CHECK(text == "23456");
}

TEST_CASE("an answer that is not the part asked for is refused", "[http][client][loopback]") {
  const auto* head = GENERATE(
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", "HTTP/1.1 206 X\r\nContent-Length: 4\r\n",
      "HTTP/1.1 206 X\r\nContent-Length: 4\r\nContent-Range: bytes 3-6/10\r\n",
      "HTTP/1.1 206 X\r\nContent-Length: 4\r\nContent-Range: bytes 2-6/10\r\n",
      "HTTP/1.1 206 X\r\nContent-Length: 9\r\nContent-Range: bytes 2-5/10\r\n",
      "HTTP/1.1 206 X\r\nContent-Length: 4\r\nContent-Range: bytes 2-5/*\r\n",
      "HTTP/1.1 206 X\r\nContent-Length: 4\r\nContent-Range: bytes 5-2/10\r\n");
  INFO(head);
  const Script server({std::string(head) + "\r\nabcd"});
  Client client(server.place());
  const auto done = client.get_stream("/x", {2, 4}, [](ByteView) -> Fallible<void> { return {}; });
  REQUIRE_FALSE(done);
  CHECK(done.error().delivered_octets == 0);
}

TEST_CASE("broken answers are errors in words", "[http][client][loopback]") {
  struct Row {
    const char* answer;
    const char* error;
  };
  const auto row = GENERATE(
      Row{"", "GET /x: the server closed the connection before it answered"},
      Row{"SSH-2.0\r\n\r\n", "GET /x: the answer is not understood: the message head is malformed"},
      Row{"HTTP/1.1 200 OK\r\n\r\nabc", "GET /x: the answer does not tell its length"},
      Row{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
          "GET /x: the server closed the connection too early"},
      Row{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nabc",
          "GET /x: the answer has 99999999999 octets, more than the 16777216 allowed"});
  const Script server({row.answer});
  Client client(server.place());
  const auto answer = client.request(Method::get, "/x");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().text() == row.error);
}

TEST_CASE("100 Continue is not the answer", "[http][client][loopback]") {
  const Script server(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  Client client(server.place());
  CHECK(client.request(Method::post, "/x", {}, "y")->body == "ok");
}

TEST_CASE("nobody waits for ever", "[http][client][loopback]") {
  const auto silent = Listener::open_tcp(kLoopback, 0);  // accepts into its queue, says nothing
  REQUIRE(silent);
  ClientLimits limits;
  limits.answer = milliseconds(60);
  Client client({{kLoopback, silent->port()}, {}}, limits);
  const auto answer = client.request(Method::get, "/x");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().text() == "GET /x: receiving: no answer within 0 s");
}

TEST_CASE("a server that is not there is named", "[http][client][loopback]") {
  std::uint16_t port = 0;
  {
    port = Listener::open_tcp(kLoopback, 0)->port();
  }
  Client client({{kLoopback, port}, {}});
  CHECK(client.request(Method::get, "/x").error().text() ==
        "GET /x: connecting to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
  Client other({{}, "/nonexistent/slipway.sock"});
  CHECK(other.request(Method::get, "/x").error().text() ==
        "GET /x: connecting to /nonexistent/slipway.sock: No such file or directory");
}
