// Requests that two programs could read differently. Each is sent with a second request hidden
// behind it, which must never be answered: the first gets one refusal, then the connection ends.
#include "tests/http/loopback.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace slipway::http::test;

namespace {

Router routes() {
  Router router;
  router.add(Method::get, "/", [](const Request&, Reply reply) {
    reply(Response::text(200, "text/plain", "front"));
  });
  router.add(Method::post, "/echo", [](const Request& request, Reply reply) {
    reply(Response::text(200, "text/plain", "[" + request.body + "]"));
  });
  router.add(Method::get, "/hidden", [](const Request&, Reply reply) {
    reply(Response::text(200, "text/plain", "hidden"));
  });
  return router;
}

const std::string kHidden = "GET /hidden HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

std::string post(const std::string& headers) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

// Each answer has one date, and no body here has any.
std::size_t answers_in(const std::string& text) {
  std::size_t found = 0;
  for (auto at = text.find("\r\nDate: "); at != std::string::npos;
       at = text.find("\r\nDate: ", at + 1)) {
    ++found;
  }
  return found;
}

struct Row {
  const char* why;
  std::string message;  // what stands before the hidden request
  int status;
};

const std::vector<Row>& ambiguous_lengths() {
  static const std::vector<Row> rows{
      {"CL.TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
      {"TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") + "5c\r\n", 400},
      {"TE.TE", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n") + "0\r\n\r\n", 411},
      {"TE, in disguise", post("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n", 501},
      {"TE, a list", post("Transfer-Encoding: identity, chunked\r\n") + "0\r\n\r\n", 501},
      {"TE, quoted", post("Transfer-Encoding: \"chunked\"\r\n") + "0\r\n\r\n", 501},
      {"TE behind a vertical tab",
       post("Transfer-Encoding: \x0b"
            "chunked\r\n") +
           "0\r\n\r\n",
       400},
      {"TE before a tab", post("Transfer-Encoding: chunked\t\r\n") + "0\r\n\r\n", 411},
      {"TE in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"two lengths", post("Content-Length: 0\r\nContent-Length: 75\r\n"), 400},
      {"two equal lengths", post("Content-Length: 0\r\nContent-Length: 0\r\n"), 400},
      {"two lengths in one", post("Content-Length: 0, 75\r\n"), 400},
      {"a signed length", post("Content-Length: +0\r\n"), 400},
      {"a negative length", post("Content-Length: -1\r\n"), 400},
      {"a hexadecimal length", post("Content-Length: 0x0\r\n"), 400},
      {"a length with a space", post("Content-Length: 0 75\r\n"), 400},
      {"a length with an underscore", post("Content-Length: 7_5\r\n"), 400},
      {"a length with a point", post("Content-Length: 0.0\r\n"), 400},
      {"an empty length", post("Content-Length: \r\n"), 400},
      {"a length of 2^64", post("Content-Length: 18446744073709551616\r\n"), 400},
      {"a length of 2^64 + 75", post("Content-Length: 18446744073709551691\r\n"), 400},
      {"a length that wraps 32 bits", post("Content-Length: 4294967296\r\n"), 413}};
  return rows;
}

// What the chunks say is never read, whatever it is: chunked bodies are refused by their header.
const std::vector<Row>& chunk_tricks() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> made;
    const auto chunked = post("Transfer-Encoding: chunked\r\n");
    for (const auto* chunks :
         {"0\r\n\r\n", "00000000000000000\r\n\r\n", "0;x=y\r\n\r\n", "0;\n\r\n\r\n", "0x0\r\n\r\n",
          "-0\r\n\r\n", "+0\r\n\r\n", "0 \r\n\r\n", " 0\r\n\r\n", "0\n\n", "0\r\r\n",
          "5\r\nabcde0\r\n\r\n", "10000000000000000\r\n\r\n", "0\r\nContent-Length: 75\r\n\r\n",
          "0\r\nHost: b\r\n\r\n"}) {
      made.push_back({chunks, chunked + chunks, 411});
    }
    return made;
  }();
  return rows;
}

const std::vector<Row>& ambiguous_lines() {
  static const std::vector<Row> rows{
      {"a space before the colon", post("Content-Length : 75\r\n"), 400},
      {"a tab before the colon", post("Content-Length\t: 75\r\n"), 400},
      {"a space in a name", post("Content Length: 75\r\n"), 400},
      {"NUL before a name", post(std::string("\0Content-Length: 75\r\n", 21)), 400},
      {"NUL in a value", post(std::string("X: a\0\r\n", 8)), 400},
      {"NUL in a length",
       post(std::string("Content-Length: 0\0"
                        "75\r\n",
                        22)),
       400},
      {"obs-fold", post("X: a\r\n Content-Length: 75\r\n"), 400},
      {"obs-fold by a tab", post("X: a\r\n\tTransfer-Encoding: chunked\r\n"), 400},
      {"a folded first header", "POST /echo HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"a folded length", post("Content-Length:\r\n 75\r\n"), 400},
      {"bare LF in a head", post("X: a\nContent-Length: 75\r\n"), 400},
      {"bare LF at the end of a head", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"bare CR in a head", post("X: a\rContent-Length: 75\r\n"), 400},
      {"CR CR LF", post("X: a\r\r\n"), 400},
      {"a header without a colon", post("Content-Length\r\n"), 400},
      {"a header without a name", post(": 75\r\n"), 400},
      {"two Hosts", post("Host: b\r\n"), 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a second target", "GET / /hidden HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"a line in the target", "GET /%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"NUL in the target", std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28), 400},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"version 1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", 505},
      {"version 01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"a huge header", post("X: " + std::string(20'000, 'a') + "\r\n"), 431},
      {"a huge name", post(std::string(20'000, 'a') + ": x\r\n"), 431},
      {"a huge target", "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
      {"a long target", "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"many headers", post([] {
         std::string lines;
         for (int i = 0; i < 200; ++i) lines += "X: y\r\n";
         return lines;
       }()),
       431}};
  return rows;
}

void check_refused(const Loopback& server, const Row& row) {
  INFO(row.why);
  const auto answer = ask(server, row.message + kHidden);
  CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(row.status) + " "));
  CHECK(answers_in(answer) == 1);
  CHECK_THAT(answer, ContainsSubstring("Connection: close\r\n"));
  CHECK(answer.find("hidden") == std::string::npos);
}

}  // namespace

TEST_CASE("nothing hides behind an ambiguous length", "[http][smuggling][loopback]") {
  const Loopback server(routes());
  for (const auto& row : ambiguous_lengths()) check_refused(server, row);
}

TEST_CASE("nothing hides behind chunks, whatever they say", "[http][smuggling][loopback]") {
  const Loopback server(routes());
  for (const auto& row : chunk_tricks()) check_refused(server, row);
}

TEST_CASE("nothing hides behind an ambiguous line", "[http][smuggling][loopback]") {
  const Loopback server(routes());
  for (const auto& row : ambiguous_lines()) check_refused(server, row);
}

TEST_CASE("what hides in a body stays in it", "[http][smuggling][loopback]") {
  const Loopback server(routes());
  const auto length = "Content-Length: " + std::to_string(kHidden.size()) + "\r\n";
  const std::string last = "Connection: close\r\n";
  const auto echoed = ask(server, post(length + last) + kHidden);
  CHECK(echoed.ends_with("\r\n\r\n[" + kHidden + "]"));
  CHECK(answers_in(echoed) == 1);
  // A GET may have a body, too, which nobody wants.
  const auto front =
      ask(server, "GET / HTTP/1.1\r\nHost: a\r\n" + length + last + "\r\n" + kHidden);
  CHECK(front.ends_with("\r\n\r\nfront"));
  CHECK(answers_in(front) == 1);
}

TEST_CASE("a header that only looks like one of the body is none", "[http][smuggling][loopback]") {
  const Loopback server(routes());
  // For us the body is empty, so what follows is the next request: it is none.
  const auto answer = ask(server, post("Transfer_Encoding: chunked\r\nX-Content-Length: 75\r\n") +
                                      "0\r\n\r\n" + kHidden);
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answers_in(answer) == 2);
  CHECK_THAT(answer, ContainsSubstring("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(answer.find("hidden") == std::string::npos);
}
