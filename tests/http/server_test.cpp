#include "http/server.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "http/head.hpp"
#include "tests/http/loopback.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace slipway::http::test;
using std::chrono::milliseconds;
namespace asio = boost::asio;

namespace {

// Replies that handlers keep for later; only the server's thread touches it.
struct Waiting {
  std::vector<Reply> replies;
  std::vector<const Request*> requests;
};

Router routes(const std::shared_ptr<Waiting>& waiting = std::make_shared<Waiting>()) {
  Router router;
  router.add(Method::get, "/hello", [](const Request& request, Reply reply) {
    reply(Response::text(200, "text/plain", "hello " + request.parameter("name").value_or("you")));
  });
  add_echo(router, 100);
  router.add(Method::get, "/wait", [waiting](const Request& request, Reply reply) {
    waiting->requests.push_back(&request);
    waiting->replies.push_back(std::move(reply));
  });
  router.add(Method::get, "/drop", [](const Request&, const Reply&) {});
  router.add(Method::get, "/twice", [](const Request&, Reply reply) {
    reply(Response::text(200, "text/plain", "first"));
    reply(Response::text(200, "text/plain", "second"));
  });
  router.add(Method::get, "/throw",
             [](const Request&, const Reply&) { throw std::runtime_error("a broken invariant"); });
  router.add(Method::get, "/who/{name}", [](const Request& request, Reply reply) {
    reply(Response::text(200, "text/plain",
                         request.captures.at(0) + " " + request.peer.address.text() + " " +
                             request.local_address.text() + ":" +
                             std::to_string(request.local_port)));
  });
  return router;
}

std::string get(const std::string& target, const std::string& more = "Connection: close\r\n") {
  return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more + "\r\n";
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a request is answered", "[http][server][loopback]") {
  const Loopback server(routes());
  const auto answer = ask(server, get("/hello?name=boot%20host"));
  CHECK_THAT(answer, ContainsSubstring("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, ContainsSubstring("Connection: close\r\n"));
  CHECK(answer.ends_with("\r\n\r\nhello boot host"));
}

TEST_CASE("a handler sees both ends of the connection", "[http][server][loopback]") {
  const Loopback server(routes());
  CHECK(ask(server, get("/who/me"))
            .ends_with("\r\n\r\nme 127.0.0.1 127.0.0.1:" + std::to_string(server.port)));
}

TEST_CASE("what is absent is 404, what has another method 405", "[http][server][loopback]") {
  const Loopback server(routes());
  CHECK_THAT(ask(server, get("/nothing")), ContainsSubstring("HTTP/1.1 404 Not Found\r\n"));
  const auto answer = ask(server, get("/echo"));
  CHECK_THAT(answer, ContainsSubstring("HTTP/1.1 405 Method Not Allowed\r\n"));
  CHECK_THAT(answer, ContainsSubstring("Allow: POST\r\n"));
}

TEST_CASE("pipelined requests are answered in order on one connection",
          "[http][server][loopback]") {
  const Loopback server(routes());
  const auto answers =
      ask(server, get("/hello?name=1", "") + get("/nothing", "") +
                      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
                      "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello?name=4"));
  CHECK(count(answers, "HTTP/1.1 200 OK") == 4);
  CHECK(count(answers, "HTTP/1.1 404") == 1);
  CHECK(answers.find("hello 1") < answers.find("404"));
  CHECK(answers.find("404") < answers.find("abc"));
  CHECK(answers.ends_with("hello 4"));
}

TEST_CASE("a request may come octet by octet", "[http][server][loopback]") {
  const Loopback server(routes());
  auto stream = server.connect();
  for (const char c : get("/hello")) REQUIRE(stream.send({&c, 1}, kPatience));
  CHECK(read_all(stream).ends_with("hello you"));
}

TEST_CASE("a body of the route's limit passes, one octet more is 413", "[http][server][loopback]") {
  const Loopback server(routes());
  const auto post = [](std::size_t octets) {
    return "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " +
           std::to_string(octets) + "\r\n\r\n" + std::string(octets, 'x');
  };
  CHECK(ask(server, post(100)).ends_with("\r\n\r\n" + std::string(100, 'x')));
  CHECK(ask(server, post(0)).ends_with("\r\n\r\n"));
  const auto refused = ask(server, post(101));
  CHECK_THAT(refused, ContainsSubstring("HTTP/1.1 413 "));
  CHECK_THAT(refused, ContainsSubstring("at most 100 octets"));
}

TEST_CASE("a refusal reaches a client that is still sending", "[http][server][loopback]") {
  const Loopback server(routes());
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n";
  CHECK_THAT(ask(server, head + std::string(500'000, 'x')), ContainsSubstring("HTTP/1.1 413 "));
}

TEST_CASE("100-continue is said before the body and not without need", "[http][server][loopback]") {
  const Loopback server(routes());
  auto stream = server.connect();
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  REQUIRE(stream.send(head, kPatience));
  CHECK(read_until(stream, "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  REQUIRE(stream.send("abc", kPatience));
  CHECK_THAT(read_until(stream, "abc"), ContainsSubstring("HTTP/1.1 200 OK"));
  REQUIRE(stream.send(head + "abc", kPatience));
  CHECK(read_until(stream, "abc").starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("HTTP/1.0 gets its answer and the end", "[http][server][loopback]") {
  const Loopback server(routes());
  CHECK(ask(server, "GET /hello HTTP/1.0\r\n\r\n").ends_with("hello you"));
  auto stream = server.connect();
  REQUIRE(stream.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", kPatience));
  CHECK_THAT(read_until(stream, "hello you"), ContainsSubstring("Connection: keep-alive\r\n"));
}

TEST_CASE("a slow head is cut off at its limit", "[http][server][loopback][slowloris]") {
  Limits limits;
  limits.header = milliseconds(100);
  const Loopback server(routes(), limits);
  auto stream = server.connect();
  const auto start = std::chrono::steady_clock::now();
  bool is_open = true;
  // An octet now and then must not prolong it.
  for (int i = 0; i < 100 && is_open; ++i) {
    is_open = stream.send(i == 0 ? "GET /hello HTTP/1.1\r\nX: " : "x", kPatience).has_value();
    std::this_thread::sleep_for(milliseconds(20));
    is_open = is_open && !stream.is_stale();
  }
  CHECK_FALSE(is_open);
  CHECK(std::chrono::steady_clock::now() - start < milliseconds(1'500));
}

TEST_CASE("silent, idle and body-less clients are cut off", "[http][server][loopback][slowloris]") {
  Limits limits;
  limits.header = limits.idle = limits.body = milliseconds(60);
  const Loopback server(routes(), limits);
  const auto* request = GENERATE("", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
                                 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  auto stream = server.connect();
  REQUIRE(stream.send(request, kPatience));
  (void)read_all(stream, milliseconds(2'000));
  CHECK(stream.is_stale());
}

TEST_CASE("a reply may come later", "[http][server][loopback][longpoll]") {
  auto waiting = std::make_shared<Waiting>();
  Loopback server(routes(waiting));
  auto stream = server.connect();
  REQUIRE(stream.send(get("/wait?x=1", "") + get("/hello"), kPatience));
  REQUIRE(eventually(
      [&] { return server.on_thread([&](Server&) { return waiting->replies.size(); }) == 1; }));
  server.on_thread([&](Server&) {
    CHECK(waiting->requests.at(0)->query == "x=1");
    waiting->replies.at(0)(Response::text(200, "text/plain", "at last"));
  });
  const auto answers = read_all(stream);
  CHECK(answers.find("at last") < answers.find("hello you"));
  CHECK(answers.ends_with("hello you"));
}

TEST_CASE("a reply to a client that left does nothing", "[http][server][loopback][longpoll]") {
  auto waiting = std::make_shared<Waiting>();
  Limits limits;
  limits.handler = milliseconds(50);
  Loopback server(routes(waiting), limits);
  server.connect().send(get("/wait?x=1"), kPatience).value();
  REQUIRE(eventually(
      [&] { return server.on_thread([&](Server&) { return waiting->replies.size(); }) == 1; }));
  REQUIRE(
      eventually([&] { return server.on_thread([](Server& s) { return s.connections(); }) == 0; }));
  server.on_thread([&](Server&) {
    CHECK(waiting->requests.at(0)->query == "x=1");  // valid until the reply is called
    waiting->replies.at(0)(Response::text(200, "text/plain", "too late"));
  });
  CHECK(ask(server, get("/hello")).ends_with("hello you"));
}

TEST_CASE("a reply may outlive the server", "[http][server][loopback][longpoll]") {
  auto waiting = std::make_shared<Waiting>();
  {
    Limits limits;
    limits.drain = milliseconds(20);
    Loopback server(routes(waiting), limits);
    auto stream = server.connect();
    REQUIRE(stream.send(get("/wait"), kPatience));
    REQUIRE(eventually(
        [&] { return server.on_thread([&](Server&) { return waiting->replies.size(); }) == 1; }));
  }
  waiting->replies.at(0)(Response::text(200, "text/plain", "too late"));
  waiting->replies.clear();
}

TEST_CASE("a dropped reply is 500, a second one nothing", "[http][server][loopback]") {
  const Loopback server(routes());
  CHECK_THAT(ask(server, get("/drop")),
             ContainsSubstring("HTTP/1.1 500 Internal Server Error\r\n"));
  const auto twice = ask(server, get("/twice"));
  CHECK(twice.ends_with("first"));
  CHECK(count(twice, "HTTP/1.1 ") == 1);
}

TEST_CASE("a handler that throws costs its own client the connection", "[http][server][loopback]") {
  const Loopback server(routes());
  CHECK(ask(server, get("/throw")).empty());
  CHECK(ask(server, get("/hello")).ends_with("hello you"));
}

TEST_CASE("a reply may outlive the event loop", "[http][server][longpoll]") {
  auto waiting = std::make_shared<Waiting>();
  {
    asio::io_context io(1);
    Server server(io, routes(waiting));
    auto listener = Listener::open_tcp(kLoopback, 0);
    REQUIRE(listener);
    auto stream = Stream::connect_tcp({kLoopback, listener->port()}, kPatience);
    server.serve(*std::move(listener));
    REQUIRE(stream);
    REQUIRE(stream->send(get("/wait"), kPatience));
    while (waiting->replies.empty()) io.run_one();
  }
  waiting->replies.at(0)(Response::text(200, "text/plain", "too late"));
}

TEST_CASE("a handler that never replies is 503 in the end", "[http][server][loopback]") {
  Limits limits;
  limits.handler = milliseconds(50);
  const Loopback server(routes(), limits);
  CHECK_THAT(ask(server, get("/wait")), ContainsSubstring("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_CASE("connections beyond the limits are turned away", "[http][server][loopback]") {
  Limits limits;
  auto& limit = GENERATE_REF(true, false) ? limits.connections : limits.connections_per_address;
  limit = 2;
  const Loopback server(routes(), limits);
  auto first = server.connect();
  auto second = server.connect();
  REQUIRE(first.send(get("/hello", ""), kPatience));
  REQUIRE(second.send(get("/hello", ""), kPatience));
  CHECK_THAT(read_until(first, "you"), ContainsSubstring("200 OK"));
  CHECK_THAT(read_until(second, "you"), ContainsSubstring("200 OK"));
  auto third = server.connect();
  CHECK_THAT(read_all(third), ContainsSubstring("HTTP/1.1 503 Service Unavailable\r\n"));
  first.close();
  CHECK(eventually([&] { return ask(server, get("/hello")).ends_with("hello you"); }));
}

TEST_CASE("stop answers what has begun and closes the rest", "[http][server][loopback]") {
  auto waiting = std::make_shared<Waiting>();
  auto server = std::make_unique<Loopback>(routes(waiting));
  auto idle = server->connect();
  REQUIRE(idle.send(get("/hello", ""), kPatience));
  CHECK(read_until(idle, "you").ends_with("hello you"));
  auto busy = server->connect();
  REQUIRE(busy.send(get("/wait", ""), kPatience));
  REQUIRE(eventually(
      [&] { return server->on_thread([&](Server&) { return waiting->replies.size(); }) == 1; }));
  server->on_thread([](Server& inner) { inner.stop(); });
  CHECK(read_all(idle).empty());
  CHECK_FALSE(Stream::connect_tcp({kLoopback, server->port}, kPatience));
  server->on_thread([&](Server&) { waiting->replies.at(0)(Response::text(200, "a/b", "done")); });
  const auto answer = read_all(busy);
  CHECK_THAT(answer, ContainsSubstring("Connection: close\r\n"));
  CHECK(answer.ends_with("done"));
  server.reset();  // its thread ends: nothing is left in the io_context
}

TEST_CASE("each answer is observed, its token shortened", "[http][server][loopback][SG9]") {
  auto seen = std::make_shared<std::vector<Access>>();
  {
    const Loopback server(routes(), {}, [seen](const Access& access) { seen->push_back(access); });
    (void)ask(server, get("/h/0123456789abcdef/user-data?t=0123456789abcdef"));
    (void)ask(server, get("/hello"));
  }
  REQUIRE(seen->size() == 2);
  CHECK(seen->at(0).path == "/h/012345.../user-data");
  CHECK(seen->at(0).status == 404);
  CHECK(seen->at(0).complete);
  CHECK(seen->at(1).method == "GET");
  CHECK(seen->at(1).path == "/hello");
  CHECK(seen->at(1).octets > 100);
  CHECK(seen->at(1).peer.address == kLoopback);
}

TEST_CASE("a UNIX socket has its mode from the start and names the user",
          "[http][server][loopback]") {
  const std::string path = "/tmp/slipway-http-" + std::to_string(getpid()) + ".sock";
  Router router;
  router.add(Method::get, "/uid", [](const Request& request, Reply reply) {
    reply(Response::text(200, "text/plain", std::to_string(request.peer.unix_user.value())));
  });
  Loopback server(std::move(router));
  auto opened = Listener::open_unix(path, 0600);
  REQUIRE(opened);
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600);
  CHECK_FALSE(Listener::open_unix(path, 0600));  // somebody listens
  server.on_thread([&](Server& inner) { inner.serve(*std::move(opened)); });
  auto stream = Stream::connect_unix(path, kPatience);
  REQUIRE(stream);
  REQUIRE(stream->send(get("/uid"), kPatience));
  CHECK(read_all(*stream).ends_with("\r\n\r\n" + std::to_string(getuid())));
  server.on_thread([](Server& inner) { inner.stop(); });
  CHECK(eventually([&] { return !std::filesystem::exists(path); }));
}

TEST_CASE("a stale socket file is replaced, another file is not", "[http][listener]") {
  const std::string path = "/tmp/slipway-stale-" + std::to_string(getpid()) + ".sock";
  {
    auto first = Listener::open_unix(path, 0660);
    REQUIRE(first);
    REQUIRE(::link(path.c_str(), (path + ".kept").c_str()) == 0);
  }
  std::filesystem::rename(path + ".kept", path);  // as a crash leaves it
  CHECK(Listener::open_unix(path, 0660));
  REQUIRE(::close(::creat(path.c_str(), 0600)) == 0);
  const auto refused = Listener::open_unix(path, 0600);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() == "listening on " + path + ": the file exists and is no socket");
  std::filesystem::remove(path);
  CHECK_FALSE(Listener::open_unix("/tmp/" + std::string(110, 'x'), 0600));
}

TEST_CASE("a port in use is an error that names it", "[http][listener]") {
  const auto first = Listener::open_tcp(kLoopback, 0);
  REQUIRE(first);
  const auto second = Listener::open_tcp(kLoopback, first->port());
  REQUIRE_FALSE(second);
  CHECK(second.error().text() ==
        "listening on 127.0.0.1:" + std::to_string(first->port()) + ": Address already in use");
}
