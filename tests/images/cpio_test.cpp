#include "images/cpio.hpp"

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

using Kind = CpioEntry::Kind;

TEST_CASE("the token's archive is these octets", "[images][cpio]") {
  const auto archive = make_cpio({{.path = "t", .mode = 0600, .content = {'a', 'b', 'c'}}});
  REQUIRE(archive);
  REQUIRE(archive->size() == 512);
  // Linux, Documentation/driver-api/early-userspace/buffer-format.rst: 13 fields of 8 digits.
  const std::string expected =
      "070701"
      "00000000"  // inode
      "00008180"  // regular file, 0600
      "00000000"  // user
      "00000000"  // group
      "00000001"  // links
      "00000000"  // time
      "00000003"  // octets
      "00000000"
      "00000000"
      "00000000"
      "00000000"  // device numbers
      "00000002"  // octets of the name, NUL included
      "00000000" +
      std::string("t\0abc\0", 6);
  CHECK(as_text(*archive).substr(0, expected.size()) == expected);
  CHECK_THAT(std::string(as_text(*archive)), ContainsSubstring("TRAILER!!!"));
}

TEST_CASE("order of the entries and time of day do not change the archive", "[images][cpio]") {
  const CpioEntry a{.path = "etc/a", .content = {'x'}};
  const CpioEntry b{.kind = Kind::symlink, .path = "bin/sh", .target = "busybox"};
  const auto one = make_cpio({a, b});
  const auto two = make_cpio({b, a});
  REQUIRE(one);
  REQUIRE(two);
  CHECK(*one == *two);
}

TEST_CASE("the stock cpio unpacks every kind of entry", "[images][cpio][tools]") {
  if (!has_tool("cpio")) {
    FAIL("cpio is not installed");
    return;
  }
  const ScratchFolder scratch;
  write_file(scratch.path("source"), as_bytes("from a file"));
  const auto archive = make_cpio({{.path = "etc/slipway/token", .mode = 0600, .content = {'T'}},
                                  {.path = "big", .source = scratch.path("source")},
                                  {.kind = Kind::directory, .path = "proc", .mode = 0555},
                                  {.kind = Kind::symlink, .path = "bin/sh", .target = "busybox"},
                                  {.kind = Kind::character_device,
                                   .path = "dev/console",
                                   .mode = 0600,
                                   .major = 5,
                                   .minor = 1}},
                                 4096);
  REQUIRE(archive);
  CHECK(archive->size() % 4096 == 0);
  write_file(scratch.path("archive"), *archive);
  const auto list = run_command("cpio -itv --numeric-uid-gid < " + scratch.path("archive")).output;
  for (const auto* line :
       {"drwxr-xr-x   2 0        0               0 Jan  1  1970 etc/slipway",
        "-rw-------   1 0        0               1 Jan  1  1970 etc/slipway/token",
        "-rw-r--r--   1 0        0              11 Jan  1  1970 big",
        "dr-xr-xr-x   2 0        0               0 Jan  1  1970 proc",
        "Jan  1  1970 bin/sh -> busybox",
        "crw-------   1 0        0          5,   1 Jan  1  1970 dev/console"}) {
    CHECK_THAT(list, ContainsSubstring(line));
  }
}

TEST_CASE("bad entries are refused", "[images][cpio]") {
  for (const auto* path : {"", "/etc", "etc/", "a//b", "../a", "a/../b", "./a", "a/."}) {
    CAPTURE(path);
    CHECK_FALSE(make_cpio({{.path = path}}));
  }
  CHECK_FALSE(make_cpio({{.path = "a"}, {.path = "a"}}));
  CHECK_FALSE(make_cpio({{.path = "a", .source = "/nonexistent"}}));
  CHECK_FALSE(make_cpio({{.kind = Kind::symlink, .path = "a"}}));
}
