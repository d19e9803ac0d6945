// TLS as stock clients speak it: curl, `openssl s_client`, and Python for those that misbehave.
#include "http/tls.hpp"

#include <fcntl.h>

#include <fstream>
#include <future>
#include <numeric>

#include "base/descriptor.hpp"
#include "base/temporary_folder.hpp"
#include "base/tool.hpp"
#include "http/tls_identity.hpp"
#include "tests/http/loopback.hpp"
#include "tests/http/raw_client.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace slipway::http::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kFileOctets = (8U << 20U) + 1'234;  // no whole number of records

// A depot's certificate and a file that no transfer can get right by chance.
struct Depot {
  TemporaryFolder folder;
  std::shared_ptr<const Tls> tls;
  std::shared_ptr<const File> file;
  std::string content;

  Depot() : folder(make_folder()), content(kFileOctets, '\0') {
    const auto files = own_identity(path("tls"), {.addresses = {kLoopback}, .hosts = {"depot"}},
                                    std::time(nullptr));
    REQUIRE(files);
    auto loaded = Tls::load(*files);
    REQUIRE(loaded);
    tls = *loaded;
    std::uint32_t state = 1;
    for (auto& octet : content) octet = static_cast<char>((state = state * 1664525U + 1U) >> 24U);
    std::ofstream(path("file"), std::ios::binary) << content;
    auto opened = File::open(path("file"));
    REQUIRE(opened);
    file = *opened;
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder.path() / name).string();
  }
  [[nodiscard]] std::string authority() const { return path("tls/ca.pem"); }

 private:
  static TemporaryFolder make_folder() {
    auto folder = TemporaryFolder::make();
    REQUIRE(folder);
    return *std::move(folder);
  }
};

// Replies that a test gives later; only the server's thread touches it.
using Waiting = std::vector<Reply>;

Router routes(const Depot& depot, const std::shared_ptr<Waiting>& waiting = {}) {
  Router router;
  router.add(Method::get, "/hello", [](const Request&, Reply reply) {
    reply(Response::text(200, "text/plain", "hello"));
  });
  router.add(Method::get, "/file", [file = depot.file](const Request&, Reply reply) {
    Response response;
    response.body = FileBody{file, "\"e\""};
    reply(std::move(response));
  });
  add_echo(router, 16U << 20U);
  router.add(Method::get, "/wait",
             [waiting](const Request&, Reply reply) { waiting->push_back(std::move(reply)); });
  return router;
}

std::string url(const Loopback& server, const std::string& path) {
  return "https://127.0.0.1:" + std::to_string(server.port) + path;
}

ToolResult run(std::vector<std::string> arguments, int input = -1) {
  const auto result = call_tool({.arguments = std::move(arguments),
                                 .patience = 60s,
                                 .output_octets = 32U << 20U,
                                 .input = input});
  REQUIRE(result);
  return *result;
}

ToolResult curl(const Depot& depot, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {"curl", "-sS", "--max-time", "50", "--cacert", depot.authority()});
  return run(std::move(arguments));
}

// What `openssl s_client` got for `requests`, with its own words about the connection before it.
ToolResult s_client(const Depot& depot, const Loopback& server, const std::string& requests,
                    std::vector<std::string> more) {
  std::ofstream(depot.path("requests")) << requests;
  const Descriptor input(::open(depot.path("requests").c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::string> call{"openssl",
                                "s_client",
                                "-connect",
                                "127.0.0.1:" + std::to_string(server.port),
                                "-CAfile",
                                depot.authority(),
                                "-verify_return_error",
                                "-ign_eof"};
  call.insert(call.end(), more.begin(), more.end());
  return run(std::move(call), input.get());
}

// Runs `body` with `tls`, a Python socket after its handshake, and `raw`, the descriptor below it.
ToolResult python(const Depot& depot, const Loopback& server, const std::string& body) {
  const auto program =
      "import os, socket, ssl, struct, sys\n"
      "context = ssl.create_default_context(cafile='" +
      depot.authority() +
      "')\n"
      "plain = socket.create_connection(('127.0.0.1', " +
      std::to_string(server.port) +
      "), 20)\n"
      "tls = context.wrap_socket(plain, server_hostname='127.0.0.1')\n"
      "raw = tls.fileno()\n" +
      body;
  return run({"python3", "-c", program});
}

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: depot\r\n" + more + "\r\n";
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("curl gets a file whole over TLS 1.2 and 1.3", "[http][tls][loopback]") {
  const Depot depot;
  const Loopback server(routes(depot), {}, {}, depot.tls);
  for (const auto* version : {"1.2", "1.3"}) {
    CAPTURE(version);
    const auto got =
        curl(depot, {"--tlsv" + std::string(version), "--tls-max", version, url(server, "/file")});
    CHECK(got.trouble.empty());
    CHECK((got.out == depot.content));
  }
}

TEST_CASE("1d.39 ranges, conditions and HEAD are the same over TLS", "[http][tls][loopback]") {
  const Depot depot;
  const Loopback server(routes(depot), {}, {}, depot.tls);
  const auto part = curl(depot, {"-r", "16000-49999", url(server, "/file")});
  CHECK((part.out == depot.content.substr(16'000, 34'000)));
  const auto several = curl(depot, {"-r", "0-9,100000-100009", url(server, "/file")});
  CHECK_THAT(several.out, ContainsSubstring(depot.content.substr(100'000, 10)));
  CHECK(curl(depot, {"-o", "/dev/null", "-w", "%{http_code}", "-H", "If-Match: \"other\"",
                     url(server, "/file")})
            .out == "412");
  const auto head = curl(depot, {"-I", url(server, "/file")});
  CHECK_THAT(head.out, ContainsSubstring("Content-Length: " + std::to_string(kFileOctets)));
  CHECK_THAT(head.out, ContainsSubstring("HTTP/1.1 200 OK"));
}

TEST_CASE("1d.34 one TLS connection serves HEAD, GET, POST and what is absent",
          "[http][tls][loopback]") {
  const Depot depot;
  const Loopback server(routes(depot), {}, {}, depot.tls);
  const auto got = curl(depot, {"-w", " %{num_connects}|", url(server, "/hello"),
                                url(server, "/nothing"), url(server, "/hello")});
  CHECK(got.out.starts_with("hello 1|"));
  CHECK(got.out.ends_with("hello 0|"));
  const auto echoed = curl(
      depot, {"--data-binary", "@" + depot.path("file"), "-H", "Expect:", url(server, "/echo")});
  CHECK((echoed.out == depot.content));
}

TEST_CASE("s_client's pipelined requests are answered in order and ended with close_notify",
          "[http][tls][loopback]") {
  const Depot depot;
  const Loopback server(routes(depot), {}, {}, depot.tls);
  const auto requests = get("/hello") + "HEAD /file HTTP/1.1\r\nHost: depot\r\n\r\n" +
                        get("/hello", "Connection: close\r\n");
  for (const auto* version : {"-tls1_2", "-tls1_3"}) {
    CAPTURE(version);
    const auto said = s_client(depot, server, requests, {version});
    CHECK(said.code == 0);
    CHECK_THAT(said.out, ContainsSubstring("Verify return code: 0 (ok)"));
    CHECK(count(said.out, "HTTP/1.1 200 OK\r\n") == 3);
    CHECK(count(said.out, "\r\n\r\nhello") == 2);
    CHECK(count(said.trouble, "unexpected eof") == 0);
  }
}

TEST_CASE("what is older than TLS 1.2 is refused, and counted", "[http][tls][loopback]") {
  const Depot depot;
  Loopback server(routes(depot), {}, {}, depot.tls);
  for (const auto* version : {"-tls1", "-tls1_1"}) {
    CAPTURE(version);
    const auto said =
        s_client(depot, server, get("/hello"), {version, "-cipher", "ALL:@SECLEVEL=0"});
    CHECK(said.code != 0);
    CHECK_THAT(said.trouble, ContainsSubstring("protocol version"));
  }
  CHECK(server.refusals().bad_handshake == 2);
}

TEST_CASE("HTTP/1.1 is chosen of what is offered, and nothing else", "[http][tls][loopback]") {
  const Depot depot;
  const Loopback server(routes(depot), {}, {}, depot.tls);
  const auto end = get("/hello", "Connection: close\r\n");
  CHECK_THAT(s_client(depot, server, end, {"-alpn", "h2,http/1.1"}).out,
             ContainsSubstring("ALPN protocol: http/1.1"));
  CHECK_THAT(s_client(depot, server, end, {}).out, ContainsSubstring("hello"));
  CHECK_THAT(s_client(depot, server, end, {"-alpn", "h2"}).trouble,
             ContainsSubstring("no application protocol"));
}

TEST_CASE("plain HTTP on the port of TLS is closed, and counted", "[http][tls][loopback]") {
  const Depot depot;
  Loopback server(routes(depot), {}, {}, depot.tls);
  CHECK(ask(server, get("/hello")).find("hello") == std::string::npos);
  CHECK(eventually([&] { return server.refusals().wrong_protocol == 1; }));
  CHECK(server.refusals().bad_handshake == 0);
}

TEST_CASE("TLS on the port of plain HTTP is closed at once, and counted", "[http][tls][loopback]") {
  const Depot depot;
  Loopback server(routes(depot));
  const auto got = curl(depot, {url(server, "/hello")});
  CHECK(got.code == 35);  // CURLE_SSL_CONNECT_ERROR
  CHECK(server.refusals().wrong_protocol == 1);
  CHECK(server.refusals().cut_off == 0);
}

TEST_CASE("a handshake that does not come on is cut off at the limit of a head",
          "[http][tls][loopback][slowloris]") {
  const Depot depot;
  Limits limits;
  limits.header = 200ms;
  Loopback server(routes(depot), limits, {}, depot.tls);
  RawClient silent(server.port);
  RawClient slow(server.port);
  REQUIRE(slow.send(std::string_view("\x16\x03\x01\x02\x00\x01", 6)));
  CHECK(silent.receive().empty());
  CHECK(slow.receive().empty());
  CHECK(eventually([&] { return server.refusals().cut_off == 2; }));
  CHECK(server.refusals().bad_handshake == 0);
}

TEST_CASE("garbage instead of a handshake, and after one, costs its own connection",
          "[http][tls][loopback]") {
  const Depot depot;
  Loopback server(routes(depot), {}, {}, depot.tls);
  RawClient noise(server.port);
  REQUIRE(noise.send(std::string(200, '\xff')));
  while (!noise.receive().empty()) {  // an alert, then the end
  }
  CHECK(noise.is_over());
  CHECK(eventually([&] { return server.refusals().bad_handshake == 1; }));
  const auto after = python(depot, server,
                            "os.write(raw, b'\\x17\\x03\\x03\\x00\\x20' + bytes(32))\n"
                            "try:\n  print('got', len(tls.recv(100)))\n"
                            "except OSError as error:\n  print('over')\n");
  CHECK((after.out == "over\n" || after.out == "got 0\n"));
  CHECK(curl(depot, {url(server, "/hello")}).out == "hello");
  CHECK(eventually(
      [&] { return server.on_thread([](Server& inner) { return inner.connections(); }) == 0; }));
}

TEST_CASE("1d.38 a reset in the middle or after the last octet harms no one",
          "[http][tls][loopback]") {
  const Depot depot;
  Loopback server(routes(depot), {}, {}, depot.tls);
  for (const auto* path : {"/file", "/hello"}) {
    const auto said =
        python(depot, server,
               "tls.sendall(b'GET " + std::string(path) +
                   " HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
                   "tls.recv(50)\n"
                   "tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n"
                   "os.close(tls.detach())\nprint('gone')\n");
    CHECK(said.out == "gone\n");
  }
  CHECK(curl(depot, {url(server, "/hello")}).out == "hello");
  CHECK(eventually(
      [&] { return server.on_thread([](Server& inner) { return inner.connections(); }) == 0; }));
}

TEST_CASE("who takes a file too slowly over TLS is reset", "[http][tls][loopback][slowloris]") {
  const Depot depot;
  Limits limits;
  limits.stall = 200ms;
  Loopback server(routes(depot), limits, {}, depot.tls);
  const auto said = python(depot, server,
                           "import time\n"
                           "tls.sendall(b'GET /file HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
                           "for _ in range(100):\n"
                           "  time.sleep(0.1)\n"
                           "  if tls.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):\n"
                           "    print('reset')\n"
                           "    break\n");
  CHECK(said.out == "reset\n");
  CHECK(server.refusals().cut_off == 1);
}

TEST_CASE("stop answers what has begun over TLS and says so", "[http][tls][loopback]") {
  const Depot depot;
  const auto waiting = std::make_shared<Waiting>();
  Loopback server(routes(depot, waiting), {}, {}, depot.tls);
  auto asked =
      std::async(std::launch::async, [&] { return curl(depot, {"-i", url(server, "/wait")}); });
  CHECK(
      eventually([&] { return server.on_thread([&](Server&) { return waiting->size(); }) == 1; }));
  server.on_thread([&](Server& inner) {
    inner.stop();
    waiting->front()(Response::text(200, "text/plain", "late"));
    return true;
  });
  const auto got = asked.get();
  CHECK_THAT(got.out, ContainsSubstring("Connection: close\r\n"));
  CHECK(got.out.ends_with("\r\n\r\nlate"));
  CHECK(got.trouble.empty());  // among others, of an end without close_notify
}

TEST_CASE("the limits of connections hold for TLS", "[http][tls][loopback]") {
  const Depot depot;
  Limits limits;
  limits.connections_per_address = 1;
  Loopback server(routes(depot), limits, {}, depot.tls);
  const RawClient holder(server.port);
  CHECK(eventually(
      [&] { return server.on_thread([](Server& inner) { return inner.connections(); }) == 1; }));
  CHECK(curl(depot, {url(server, "/hello")}).code == 35);
  CHECK(server.refusals().turned_away == 1);
}

TEST_CASE("files that make no certificate are named", "[http][tls]") {
  const Depot depot;
  std::ofstream(depot.path("text")) << "no PEM\n";
  const TlsFiles good{depot.path("tls/server.pem"), depot.path("tls/server.key")};
  struct Row {
    TlsFiles files;
    std::string words;
  };
  for (const auto& [files, words] :
       {Row{{depot.path("absent"), good.key}, "absent: "},
        Row{{good.certificate, depot.path("text")}, "text: "},
        Row{{good.certificate, depot.path("tls/ca.key")}, "ca.key: "}}) {
    const auto loaded = Tls::load(files);
    REQUIRE_FALSE(loaded);
    CHECK_THAT(loaded.error().text(), ContainsSubstring(words));
  }
  CHECK(Tls::load(good));
}
