#include "http/target.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace slipway::http;

TEST_CASE("1d.37 a target becomes one spelling of its path", "[http][target]") {
  struct Row {
    const char* why;
    const char* raw;
    const char* path;
    const char* query;
  };
  const auto row = GENERATE(
      Row{"plain", "/boot.ipxe", "/boot.ipxe", ""}, Row{"root", "/", "/", ""},
      Row{"query is left raw", "/boot.ipxe?mac=52:54%3A00&x=?", "/boot.ipxe", "mac=52:54%3A00&x=?"},
      Row{"shim's duplicate slash", "/sb13//grubx64.efi", "/sb13/grubx64.efi", ""},
      Row{"many slashes", "///a////b", "/a/b", ""},
      Row{"GRUB's raw colons", "/grub/grub.cfg-52:54:00:aa:00:01",
          "/grub/grub.cfg-52:54:00:aa:00:01", ""},
      Row{"escapes", "/a%20b/%7e", "/a b/~", ""}, Row{"plus is a plus", "/a+b", "/a+b", ""},
      Row{"dot segment", "/./a/./b", "/a/b", ""}, Row{"trailing slash stays", "/a/", "/a/", ""},
      Row{"trailing slashes fold", "/a//", "/a/", ""}, Row{"trailing dot", "/a/.", "/a/", ""},
      Row{"three dots are a name", "/.../a", "/.../a", ""},
      Row{"absolute form", "http://10.0.0.1:8080/x?y", "/x", "y"},
      Row{"absolute form, upper case", "HTTP://h/x", "/x", ""},
      Row{"absolute form without path", "http://10.0.0.1", "/", ""},
      Row{"raw octets of another alphabet", "/\xc3\xa4", "/\xc3\xa4", ""});
  INFO(row.why);
  const auto target = parse_target(row.raw);
  REQUIRE(target);
  CHECK(target->path == row.path);
  CHECK(target->query == row.query);
}

TEST_CASE("a target that could mean something else is refused", "[http][target]") {
  const auto* raw = GENERATE("", "*", "boot.ipxe", "host:80", "/a/../b", "/..", "/../etc/passwd",
                             "/%2e%2e/x", "/a/%2E./x", "/a%2fb", "/a%5", "/a%", "/a%zz", "/a%00",
                             "/a%0d%0a", "/a%7f", "/a#b", "https://h/x", "http://h?x");
  INFO(raw);
  CHECK_FALSE(parse_target(raw));
}

TEST_CASE("query text is decoded and what is no escape is kept", "[http][target]") {
  CHECK(decode_query_text("QEMU%20Standard+PC") == "QEMU Standard+PC");
  CHECK(decode_query_text("100%") == "100%");
  CHECK(decode_query_text("%zz%4") == "%zz%4");
  CHECK(decode_query_text("%41%42") == "AB");
}

TEST_CASE("a log shows six characters of a token", "[http][target][SG9]") {
  CHECK(path_for_log("/h/0123456789abcdef0123456789abcdef/user-data") == "/h/012345.../user-data");
  CHECK(path_for_log("/h/0123456789abcdef") == "/h/012345...");
  CHECK(path_for_log("/h/abc/x") == "/h/abc/x");
  CHECK(path_for_log("/boot.ipxe") == "/boot.ipxe");
  CHECK(path_for_log("/artifacts/0123456789abcdef/vmlinuz") ==
        "/artifacts/0123456789abcdef/vmlinuz");
}
