#include "http/respond.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "http/head.hpp"
#include "tests/support/catch.hpp"

using namespace slipway::http;

namespace {

const Delivery kDelivery{"Sun, 06 Nov 1994 08:49:37 GMT", true, false};

FileBody digits() {
  std::string path = "/tmp/slipway-respond-XXXXXX";
  const int made = mkstemp(path.data());
  REQUIRE(made >= 0);
  REQUIRE(::write(made, "0123456789", 10) == 10);
  (void)::close(made);
  auto file = File::open(path);
  (void)::unlink(path.c_str());
  REQUIRE(file);
  return {*file, "\"d\""};
}

std::string text_of(const Wire& wire) {
  std::string text;
  for (const auto& piece : wire.pieces) {
    if (const auto* literal = std::get_if<std::string>(&piece)) {
      text += *literal;
      continue;
    }
    const auto& slice = std::get<FileSlice>(piece);
    std::string octets(slice.octets, '?');
    REQUIRE(::pread(slice.file->descriptor(), octets.data(), octets.size(),
                    static_cast<off_t>(slice.offset)) == static_cast<ssize_t>(octets.size()));
    text += octets;
  }
  return text;
}

Response file_response() {
  Response response;
  response.headers = {{"Content-Type", "application/efi"}};
  response.body = digits();
  return response;
}

Request get(std::vector<Header> headers = {}) {
  Request request;
  request.headers = std::move(headers);
  return request;
}

}  // namespace

TEST_CASE("a text is answered in one piece", "[http][respond]") {
  const auto wire = respond(get(), Response::text(200, "text/plain", "hello"), kDelivery);
  REQUIRE(wire.pieces.size() == 1);
  CHECK(text_of(wire) ==
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
        "Content-Length: 5\r\n\r\nhello");
}

TEST_CASE("1d.34 HEAD is GET without the body, with its length", "[http][respond]") {
  auto request = get();
  request.method = Method::head;
  const auto wire = respond(request, file_response(), kDelivery);
  CHECK(wire.body_octets == 0);
  CHECK(
      text_of(wire) ==
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: application/efi\r\n"
      "ETag: \"d\"\r\nAccept-Ranges: bytes\r\nContent-Length: 10\r\n\r\n");
}

TEST_CASE("204 and 304 have neither body nor length", "[http][respond][rfc9110]") {
  CHECK(text_of(respond(get(), Response{204, {}, ""}, kDelivery)) ==
        "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
  CHECK(text_of(respond(get({{"If-None-Match", "\"d\""}}), file_response(), kDelivery)) ==
        "HTTP/1.1 304 Not Modified\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Type: application/efi\r\nETag: \"d\"\r\nAccept-Ranges: bytes\r\n\r\n");
}

TEST_CASE("one range is a part of the file", "[http][respond]") {
  const auto wire = respond(get({{"Range", "bytes=2-4"}}), file_response(), kDelivery);
  CHECK(text_of(wire) ==
        "HTTP/1.1 206 Partial Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Type: application/efi\r\nETag: \"d\"\r\nAccept-Ranges: bytes\r\n"
        "Content-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\n234");
}

TEST_CASE("1d.39 several ranges are a multipart of exactly the length told", "[http][respond]") {
  const auto text = text_of(respond(get({{"Range", "bytes=0-0,-2"}}), file_response(), kDelivery));
  const auto head = parse_response_head(text);
  REQUIRE((head && *head));
  const auto body = text.substr((*head)->octets);
  CHECK((*head)->content_length == body.size());
  const std::string type(find_header((*head)->headers, "Content-Type").value_or(""));
  const std::string kStart = "multipart/byteranges; boundary=";
  REQUIRE(type.substr(0, kStart.size()) == kStart);
  const auto boundary = type.substr(kStart.size());
  CHECK(boundary.size() == 32);
  CHECK(body ==
        "\r\n--" + boundary +
            "\r\nContent-Type: application/efi\r\nContent-Range: bytes 0-0/10\r\n\r\n0\r\n--" +
            boundary +
            "\r\nContent-Type: application/efi\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--" +
            boundary + "--\r\n");
}

TEST_CASE("a range outside the file is told its size", "[http][respond]") {
  const auto text = text_of(respond(get({{"Range", "bytes=10-"}}), file_response(), kDelivery));
  CHECK_THAT(text, ContainsSubstring("HTTP/1.1 416 Range Not Satisfiable\r\n"));
  CHECK_THAT(text, ContainsSubstring("Content-Range: bytes */10\r\n"));
  CHECK_THAT(text, ContainsSubstring("application/problem+json"));
}

TEST_CASE("1d.39 a changed file is a failed precondition", "[http][respond]") {
  const auto text = text_of(
      respond(get({{"Range", "bytes=5-"}, {"If-Match", "\"old\""}}), file_response(), kDelivery));
  CHECK_THAT(text, ContainsSubstring("HTTP/1.1 412 Precondition Failed\r\n"));
}

TEST_CASE("1d.39 a dated file says so, and EDK2 resumes by the date", "[http][respond]") {
  auto dated = file_response();
  std::get<FileBody>(dated.body).modified = 784111777;
  const auto text = text_of(respond(
      get({{"Range", "bytes=5-"}, {"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}), dated,
      kDelivery));
  CHECK_THAT(text, ContainsSubstring("HTTP/1.1 206 Partial Content\r\n"));
  CHECK_THAT(text, ContainsSubstring("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  CHECK(text.ends_with("\r\n\r\n56789"));
  CHECK_THAT(text_of(respond(get({{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}), dated,
                             kDelivery)),
             ContainsSubstring("HTTP/1.1 412 Precondition Failed\r\n"));
}

TEST_CASE("the end of the connection is said", "[http][respond]") {
  const Delivery last{"D", false, false};
  CHECK_THAT(text_of(respond(get(), Response::text(200, "a/b", ""), last)),
             ContainsSubstring("\r\nConnection: close\r\n"));
  const Delivery old{"D", true, true};
  CHECK_THAT(text_of(respond(get(), Response::text(200, "a/b", ""), old)),
             ContainsSubstring("\r\nConnection: keep-alive\r\n"));
}

TEST_CASE("a header value cannot begin another header", "[http][respond]") {
  Response response{200, {{"X-Name", "a\r\nSet-Cookie: b"}}, ""};
  CHECK_THAT(text_of(respond(get(), response, kDelivery)),
             ContainsSubstring("X-Name: a  Set-Cookie: b\r\n"));
}

TEST_CASE("an empty file is an empty answer in one piece", "[http][respond]") {
  const auto empty = File::open("/proc/self/setgroups");  // a regular file of size 0
  REQUIRE(empty);
  Response response;
  response.body = FileBody{*empty, ""};
  const auto wire = respond(get(), std::move(response), kDelivery);
  CHECK(wire.pieces.size() == 1);
  CHECK_THAT(text_of(wire), ContainsSubstring("Content-Length: 0\r\n"));
}
