#include "http/message.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.hpp"

using namespace slipway::http;

TEST_CASE("query parameters are found and decoded", "[http][message]") {
  Request request;
  request.query = "mac=52:54:00:aa:00:01&serial=A%20B+C&empty=&flag&mac=second&%75uid=1&raw=100%";
  CHECK(request.parameter("mac") == "52:54:00:aa:00:01");
  CHECK(request.parameter("serial") == "A B+C");
  CHECK(request.parameter("empty") == "");
  CHECK(request.parameter("flag") == "");
  CHECK(request.parameter("uuid") == "1");
  CHECK(request.parameter("raw") == "100%");
  CHECK_FALSE(request.parameter("ma"));
  CHECK_FALSE(request.parameter("absent"));
}

TEST_CASE("each method is named as in a request, all that no route takes are one",
          "[http][message]") {
  struct Row {
    Method method;
    std::string_view text;
  };
  const Row row =
      GENERATE(Row{Method::get, "GET"}, Row{Method::head, "HEAD"}, Row{Method::post, "POST"},
               Row{Method::put, "PUT"}, Row{Method::del, "DELETE"}, Row{Method::other, "OTHER"});
  CHECK(to_text(row.method) == row.text);
}

TEST_CASE("a file that cannot be served names itself", "[http][message]") {
  const auto absent = File::open("/nonexistent/x");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().text() == "opening /nonexistent/x: No such file or directory");
  const auto folder = File::open("/tmp");
  REQUIRE_FALSE(folder);
  CHECK(folder.error().text() == "opening /tmp: not a regular file");
}

TEST_CASE("an open file knows its size", "[http][message]") {
  std::string path = "/tmp/slipway-file-XXXXXX";
  const int made = mkstemp(path.data());
  REQUIRE(made >= 0);
  std::ofstream(path) << "12345";
  const auto file = File::open(path);
  std::filesystem::remove(path);
  (void)::close(made);
  REQUIRE(file);
  CHECK((*file)->size_octets() == 5);
  CHECK((*file)->modified() > 1'700'000'000);  // made a moment ago
}

TEST_CASE("1d.36 the end of a name tells UEFI's types", "[http][message]") {
  CHECK(content_type_of("shimx64.efi") == "application/efi");
  CHECK(content_type_of("BOOTX64.EFI") == "application/efi");
  CHECK(content_type_of("debian.iso") == "application/vnd.efi-iso");
  CHECK(content_type_of("bench.img") == "application/vnd.efi-img");
  CHECK(content_type_of("vmlinuz") == "application/octet-stream");
  CHECK(content_type_of("efi") == "application/octet-stream");
  CHECK(content_type_of("image.raw") == "application/octet-stream");
  CHECK(content_type_of("") == "application/octet-stream");
}

TEST_CASE("a problem document is RFC 9457 JSON", "[http][message]") {
  const auto problem = Response::problem(409, "Conflict", "attempt 2 was \"revoked\"\n");
  CHECK(problem.status == 409);
  CHECK(problem.headers.at(0).value == "application/problem+json");
  CHECK(
      std::get<std::string>(problem.body) ==
      R"({"type":"about:blank","title":"Conflict","status":409,"detail":"attempt 2 was \"revoked\"\n"})");
}
