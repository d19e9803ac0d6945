#include "http/head.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace slipway::http;

namespace {

std::string with_host(const std::string& rest) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + rest + "\r\n";
}

}  // namespace

TEST_CASE("a request head is read whole", "[http][head]") {
  const std::string wire =
      "POST //agent/v1/log?x=1 HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent:  iPXE/1.0 \t\r\n"
      "content-length: 5\r\nExpect: 100-Continue\r\nX-Empty:\r\n\r\nhello";
  const auto head = parse_request_head(wire);
  REQUIRE(head);
  REQUIRE(*head);
  CHECK((*head)->method == Method::post);
  CHECK((*head)->method_name == "POST");
  CHECK((*head)->path == "/agent/v1/log");
  CHECK((*head)->query == "x=1");
  CHECK(find_header((*head)->headers, "USER-AGENT") == "iPXE/1.0");
  CHECK(find_header((*head)->headers, "x-empty") == "");
  CHECK_FALSE(find_header((*head)->headers, "Range"));
  CHECK((*head)->content_length == 5);
  CHECK((*head)->expects_continue);
  CHECK((*head)->keep_alive);
  CHECK_FALSE((*head)->is_http_1_0);
  CHECK(wire.substr((*head)->octets) == "hello");
}

TEST_CASE("a head is not read before its empty line", "[http][head]") {
  const std::string wire = "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t octets = 0; octets < wire.size(); ++octets) {
    const auto head = parse_request_head(std::string_view(wire).substr(0, octets));
    INFO(octets);
    REQUIRE(head);
    CHECK_FALSE(*head);
  }
  CHECK((*parse_request_head(wire))->octets == wire.size());
}

TEST_CASE("methods without a name here are told apart from malformed ones", "[http][head]") {
  CHECK((*parse_request_head("PATCH / HTTP/1.1\r\nHost: a\r\n\r\n"))->method == Method::other);
  CHECK((*parse_request_head("get / HTTP/1.1\r\nHost: a\r\n\r\n"))->method == Method::other);
  CHECK((*parse_request_head("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"))->method == Method::del);
  CHECK((*parse_request_head("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"))->method == Method::head);
  CHECK((*parse_request_head("PUT / HTTP/1.1\r\nHost: a\r\n\r\n"))->method == Method::put);
}

TEST_CASE("a connection is kept as its version and headers say", "[http][head][rfc9112]") {
  struct Row {
    const char* wire;
    bool keep_alive;
  };
  const auto row =
      GENERATE(Row{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
               Row{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
               Row{"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n", false},
               Row{"GET / HTTP/1.0\r\n\r\n", false},
               Row{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true});
  INFO(row.wire);
  CHECK((*parse_request_head(row.wire))->keep_alive == row.keep_alive);
}

TEST_CASE("an ambiguous or malformed head is refused with its status", "[http][head][smuggling]") {
  struct Row {
    const char* why;
    std::string wire;
    int status;
  };
  const auto row = GENERATE(
      Row{"both lengths", with_host("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      Row{"both lengths, other order",
          with_host("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      Row{"two lengths", with_host("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      Row{"two equal lengths", with_host("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      Row{"list of lengths", with_host("Content-Length: 5, 5\r\n"), 400},
      Row{"signed length", with_host("Content-Length: +5\r\n"), 400},
      Row{"negative length", with_host("Content-Length: -1\r\n"), 400},
      Row{"hexadecimal length", with_host("Content-Length: 0x10\r\n"), 400},
      Row{"empty length", with_host("Content-Length:\r\n"), 400},
      Row{"length beyond 64 bits", with_host("Content-Length: 18446744073709551617\r\n"), 400},
      Row{"chunked", with_host("Transfer-Encoding: chunked\r\n"), 411},
      Row{"chunked, other case", with_host("transfer-encoding: Chunked\r\n"), 411},
      Row{"coding in disguise", with_host("Transfer-Encoding: xchunked\r\n"), 501},
      Row{"list of codings", with_host("Transfer-Encoding: gzip, chunked\r\n"), 501},
      Row{"space before the colon", with_host("Content-Length : 5\r\n"), 400},
      Row{"space in a name", with_host("Content Length: 5\r\n"), 400},
      Row{"folded line", with_host("A: b\r\n c\r\n"), 400},
      Row{"header without a colon", with_host("Range\r\n"), 400},
      Row{"header without a name", with_host(": x\r\n"), 400},
      Row{"bare LF in a value", with_host("A: b\nContent-Length: 5\r\n"), 400},
      Row{"bare CR in a value", with_host("A: b\rContent-Length: 5\r\n"), 400},
      Row{"NUL in a value", with_host(std::string("A: b\0c\r\n", 8)), 400},
      Row{"bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400},
      Row{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      Row{"two Hosts", with_host("Host: b\r\n"), 400},
      Row{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      Row{"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      Row{"tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      Row{"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      Row{"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      Row{"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      Row{"version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      Row{"version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      Row{"version 1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      Row{"parent folder", "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      Row{"unknown expectation", with_host("Expect: 200-ok\r\n"), 417},
      Row{"TLS hello", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
      Row{"target too long", "GET /" + std::string(8'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n",
          414},
      Row{"endless head", "GET / HTTP/1.1\r\nA: " + std::string(17'000, 'a'), 431});
  INFO(row.why);
  const auto head = parse_request_head(row.wire);
  REQUIRE_FALSE(head);
  CHECK(status_of(head.error()) == row.status);
  CHECK_FALSE(head.error().message().empty());
}

TEST_CASE("a TLS handshake is told from noise by its first octet", "[http][head]") {
  CHECK(parse_request_head("\x16").error() == Errc::tls);
  CHECK(parse_response_head(std::string_view("\x16\x03\x03\0", 4)).error() == Errc::tls);
  CHECK(parse_request_head("\x15").error() == Errc::malformed);
  CHECK(parse_request_head("\x80").error() == Errc::malformed);
}

TEST_CASE("a head has at most 100 headers", "[http][head]") {
  std::string lines;
  for (int i = 0; i < 99; ++i) lines += "A: b\r\n";
  CHECK(parse_request_head(with_host(lines)));
  const auto head = parse_request_head(with_host(lines + "A: b\r\n"));
  REQUIRE_FALSE(head);
  CHECK(status_of(head.error()) == 431);
}

TEST_CASE("an answer's head is read", "[http][head]") {
  const auto head = parse_response_head(
      "HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\nContent-Range: bytes 0-6/9\r\n\r\nabc");
  REQUIRE(head);
  REQUIRE(*head);
  CHECK((*head)->status == 206);
  CHECK((*head)->content_length == 7);
  CHECK((*head)->keep_alive);
  CHECK((*parse_response_head("HTTP/1.0 200 OK\r\n\r\n"))->keep_alive == false);
  CHECK((*parse_response_head("HTTP/1.1 404\r\nConnection: close\r\n\r\n"))->status == 404);
  CHECK_FALSE(*parse_response_head("HTTP/1.1 200 OK\r\nA"));
}

TEST_CASE("a broken answer is refused", "[http][head]") {
  const auto* wire =
      GENERATE("HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n",
               "HTTP/1.1200 OK\r\n\r\n", "SSH-2.0-OpenSSH\r\n\r\n",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
               "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
  INFO(wire);
  CHECK_FALSE(parse_response_head(wire));
}
