#include "images/import/download.hpp"

#include "tests/support/catch.hpp"

using slipway::images::ContentRange;
using slipway::images::file_name_of;
using slipway::images::parse_content_range;
using slipway::images::parse_web_url;

TEST_CASE("Content-Range is taken whole or not at all", "[import][download][rfc9110]") {
  CHECK(parse_content_range("bytes 100-199/1000") == ContentRange{100, 199, 1000});
  CHECK(parse_content_range("bytes 0-0/1") == ContentRange{0, 0, 1});
  for (const auto* text : {"", "bytes", "bytes 1-2/*", "bytes */1000", "bytes 5-4/10",
                           "bytes 0-10/10", "items 0-1/10", "bytes 0-1/10 ", "bytes 0-1/10,2-3/10",
                           "bytes -1-1/10", "bytes 0-1/99999999999999999999"}) {
    INFO(text);
    CHECK(parse_content_range(text) == std::nullopt);
  }
}

TEST_CASE("the file of a URL has a name of ours", "[import][download]") {
  CHECK(file_name_of("https://a.example/x/edge-1.2.img.xz?key=/secret") == "edge-1.2.img.xz");
  CHECK(file_name_of("https://a.example/x/..") == "download");
  CHECK(file_name_of("https://a.example/x/") == "download");
  CHECK(file_name_of("https://a.example/state.json") == "download");
  CHECK(file_name_of("https://a.example/a%2f%20b$(c).img#x") == "a2f20bc.img");
  CHECK(file_name_of("https://a.example/" + std::string(500, 'a')) == std::string(100, 'a'));
}

TEST_CASE("URLs that are fetched, and those that are not", "[import][web]") {
  const auto good = parse_web_url("HTTPS://Depot.Example/a/b?c=d");
  REQUIRE(good.has_value());
  CHECK(good->scheme == "https");
  CHECK(good->host == "depot.example");
  CHECK(good->port == 443);
  CHECK(good->path == "/a/b");
  CHECK(parse_web_url("http://[::1]:8080/").value().port == 8080);
  // Other spellings of 127.0.0.1 are brought to one, or the check of addresses would miss them.
  CHECK(parse_web_url("http://2130706433/").value().host == "127.0.0.1");
  CHECK(parse_web_url("http://0x7f.1/").value().host == "127.0.0.1");
  for (const auto* text :
       {"", "file:///etc/passwd", "ftp://a.example/", "https://", "https://u@a.example/",
        "https://u:p@a.example/", "https://a b/", "edge.img", "gopher://a/"}) {
    INFO(text);
    CHECK_FALSE(parse_web_url(text).has_value());
  }
  const auto refused = parse_web_url("https://u:geheim@a.example/");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text().find("geheim") == std::string::npos);
}
