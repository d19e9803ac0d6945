// What firmware and loaders do on the wire, against the real server. The numbers are those of the
// list of behaviours that PXE and HTTP Boot clients were measured to need.
#include <mutex>
#include <vector>

#include "tests/http/loopback.hpp"
#include "tests/http/raw_client.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace slipway::http::test;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view kBoot = "0123456789";

Router routes() {
  Router router;
  const auto text = [](std::string_view body) {
    return [body](const Request&, Reply reply) {
      reply(Response::text(200, "text/plain", std::string(body)));
    };
  };
  router.add(Method::get, "/boot.ipxe", text(kBoot));
  router.add(Method::get, "/sb13/grubx64.efi", text("grub"));
  router.add(Method::get, "/grub/grub.cfg-52:54:00:aa:00:01", text("menu"));
  router.add(Method::get, "/vmlinuz", text("kernel"));
  router.add(Method::get, "/initrd", text("ramdisk"));
  return router;
}

// A request as UefiHttpBoot writes it.
std::string firmware(const std::string& method, const std::string& target,
                     const std::string& more = "") {
  return method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n" +
         "User-Agent: UefiHttpBoot/1.0\r\n" + more + "\r\n";
}

std::string ask_once(const Loopback& server, const std::string& target,
                     const std::string& more = "") {
  return ask(server, firmware("GET", target, more + "Connection: close\r\n"));
}

// Sends `request`, waits until the answer ends in `end`, and closes as EDK2 does: with a reset.
void ask_and_reset(const Loopback& server, std::string_view request, std::string_view end) {
  RawClient client(server.port);
  REQUIRE(client.send(request));
  CHECK(client.receive_until(end).ends_with(end));
  client.reset();
}

// What the server told of its answers; written on its thread.
struct Log {
  std::mutex mutex;
  std::vector<std::string> agents;
  std::size_t incomplete = 0;
  std::size_t complete = 0;

  Observer observer() {
    return [this](const Access& access) {
      const std::scoped_lock lock(mutex);
      agents.emplace_back(access.agent);
      ++(access.complete ? complete : incomplete);
    };
  }
};

}  // namespace

TEST_CASE("1d.34 HEAD, then GET, on one connection that is kept", "[http][points][loopback]") {
  const Loopback server(routes());
  auto stream = server.connect();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(stream.send(firmware("HEAD", "/boot.ipxe"), kPatience));
    const auto head = read_until(stream, "\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK_THAT(head, ContainsSubstring("Content-Length: 10\r\n"));
    CHECK_THAT(head, !ContainsSubstring("Connection: close"));
    REQUIRE(stream.send(firmware("GET", "/boot.ipxe"), kPatience));
    CHECK(read_until(stream, kBoot).ends_with("\r\n\r\n0123456789"));
  }
}

TEST_CASE("1d.34 HEAD of what is absent has the length of its GET and no body",
          "[http][points][loopback]") {
  const Loopback server(routes());
  const auto head = ask(server, firmware("HEAD", "/absent", "Connection: close\r\n"));
  const auto get = ask_once(server, "/absent");
  CHECK(head.starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  const auto length_of = [](const std::string& answer) {
    const auto at = answer.find("Content-Length: ");
    return answer.substr(at, answer.find("\r\n", at) - at);
  };
  CHECK(length_of(head) == length_of(get));
}

TEST_CASE("1d.35 every answer says its length and is what it is", "[http][points][loopback]") {
  const Loopback server(routes());
  const auto* more = GENERATE("", "Accept-Encoding: gzip, deflate, br\r\n",
                              "TE: trailers, chunked\r\n", "Upgrade-Insecure-Requests: 1\r\n");
  INFO(more);
  const auto answer = ask_once(server, "/boot.ipxe", more);
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, ContainsSubstring("Content-Length: 10\r\n"));
  CHECK_THAT(answer, !ContainsSubstring("Content-Encoding"));
  CHECK_THAT(answer, !ContainsSubstring("Transfer-Encoding"));
  CHECK(answer.ends_with("\r\n\r\n0123456789"));
}

TEST_CASE("1d.35 no spelling of a path is redirected to another", "[http][points][loopback]") {
  const Loopback server(routes());
  const auto* target =
      GENERATE("/", "/sb13", "/sb13/", "//", "/boot.ipxe/", "/BOOT.IPXE", "http://127.0.0.1/sb13");
  INFO(target);
  const auto answer = ask_once(server, target);
  CHECK(answer.starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK_THAT(answer, !ContainsSubstring("Location"));
}

TEST_CASE("1d.35 any Host is ours: firmware sends the bare address", "[http][points][loopback]") {
  const Loopback server(routes());
  const auto* host = GENERATE("127.0.0.1", "127.0.0.1:8080", "depot.example.com", "");
  const auto answer = ask(server, std::string("GET /boot.ipxe HTTP/1.1\r\nHost: ") + host +
                                      "\r\nConnection: close\r\n\r\n");
  CHECK(answer.ends_with("0123456789"));
}

TEST_CASE("1d.37 shim's duplicate slashes and GRUB's raw colons are found",
          "[http][points][loopback]") {
  const Loopback server(routes());
  CHECK(ask_once(server, "/sb13//grubx64.efi").ends_with("\r\n\r\ngrub"));
  CHECK(ask_once(server, "//sb13///grubx64.efi").ends_with("\r\n\r\ngrub"));
  CHECK(ask_once(server, "/grub/grub.cfg-52:54:00:aa:00:01").ends_with("\r\n\r\nmenu"));
  CHECK(ask_once(server, "/grub/grub.cfg-52%3A54%3a00:aa:00:01").ends_with("\r\n\r\nmenu"));
}

TEST_CASE("1d.38 probes for what is absent cost neither time nor the connection",
          "[http][points][loopback]") {
  const Loopback server(routes());
  auto stream = server.connect();
  for (const auto* probe :
       {"/revocations.efi", "/shim_certificate.efi", "/grub/x86_64-efi/fs.lst"}) {
    REQUIRE(stream.send(firmware("HEAD", probe), kPatience));
    CHECK(read_until(stream, "\r\n\r\n").starts_with("HTTP/1.1 404 Not Found\r\n"));
  }
  REQUIRE(stream.send(firmware("GET", "/boot.ipxe"), kPatience));
  CHECK(read_until(stream, kBoot).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("1d.38 a reset after the last octet is a complete answer", "[http][points][loopback]") {
  Log log;
  {
    const Loopback server(routes(), {}, log.observer());
    for (int i = 0; i < 50; ++i) ask_and_reset(server, firmware("GET", "/boot.ipxe"), kBoot);
    CHECK(ask_once(server, "/boot.ipxe").ends_with("0123456789"));
  }
  CHECK(log.complete == 51);
  CHECK(log.incomplete == 0);
}

TEST_CASE("a client that resets in the middle harms no one", "[http][points][loopback]") {
  const Loopback server(routes());
  for (int i = 0; i < 50; ++i) ask_and_reset(server, firmware("GET", "/boot.ipxe"), "");
  CHECK(ask_once(server, "/boot.ipxe").ends_with("0123456789"));
}

TEST_CASE("1d.40 iPXE keeps one connection for script, kernel and initrd, and is named",
          "[http][points][loopback]") {
  Log log;
  {
    const Loopback server(routes(), {}, log.observer());
    auto stream = server.connect();
    const auto ask_ipxe = [&](const std::string& target, std::string_view body) {
      REQUIRE(stream.send("GET " + target +
                              " HTTP/1.1\r\nConnection: keep-alive\r\nUser-Agent: iPXE/1.0.0+\r\n"
                              "Host: 127.0.0.1:8080\r\n\r\n",
                          kPatience));
      return read_until(stream, body);
    };
    CHECK(ask_ipxe("/boot.ipxe", kBoot).ends_with("0123456789"));
    CHECK(ask_ipxe("/vmlinuz", "kernel").ends_with("kernel"));
    CHECK(ask_ipxe("/initrd", "ramdisk").ends_with("ramdisk"));
    (void)ask_once(server, "/boot.ipxe");
  }
  CHECK(log.agents ==
        std::vector<std::string>{"iPXE/1.0.0+", "iPXE/1.0.0+", "iPXE/1.0.0+", "UefiHttpBoot/1.0"});
}
