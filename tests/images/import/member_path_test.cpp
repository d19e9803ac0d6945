#include "images/import/member_path.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;

TEST_CASE("a member's name is brought to one form", "[import][member_path]") {
  struct Row {
    std::string_view name, path;
  };
  for (const auto& row :
       {Row{"boot/kernel", "boot/kernel"}, Row{"./boot//kernel/", "boot/kernel"}, Row{".", ""},
        Row{"", ""}, Row{"a/./b", "a/b"}, Row{"..a/b..", "..a/b.."}}) {
    INFO(row.name);
    const auto path = member_path(row.name);
    REQUIRE(path);
    CHECK(*path == row.path);
  }
}

TEST_CASE("a name that leads out is refused by name", "[import][member_path][security]") {
  for (const std::string name :
       {"../etc/passwd", "a/../b", "a/..", "/etc/passwd", "//x", "..", "a/../../b"}) {
    INFO(name);
    const auto path = member_path(name);
    REQUIRE_FALSE(path);
    CHECK_THAT(path.error().text(), ContainsSubstring("\"" + name + "\""));
  }
  CHECK_FALSE(member_path(std::string("a\0b", 3)));
  CHECK_FALSE(member_path(std::string(1025, 'a')));
  CHECK(member_path(std::string(1024, 'a')));
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "d/";
  CHECK_FALSE(member_path(deep));
  CHECK(member_path(deep.substr(2)));
}

TEST_CASE("a link is followed within the archive only", "[import][member_path][security]") {
  struct Row {
    std::string_view link, target, path;
  };
  for (const auto& row : {Row{"boot/vmlinuz", "vmlinuz-6.1", "boot/vmlinuz-6.1"},
                          Row{"boot/vmlinuz", "../linux", "linux"},
                          Row{"boot/vmlinuz", "/usr/lib/linux", "usr/lib/linux"},
                          Row{"a", "./b/../c", "c"}, Row{"debian", ".", ""}}) {
    INFO(row.link << " -> " << row.target);
    const auto path = link_target(row.link, row.target);
    REQUIRE(path);
    CHECK(*path == row.path);
  }
  CHECK_FALSE(link_target("boot/vmlinuz", "../../linux"));
  CHECK_FALSE(link_target("a", ".."));
  CHECK_FALSE(link_target("a", "/../x"));
}

TEST_CASE("patterns, level-1 names and what is shown", "[import][member_path]") {
  CHECK(fits("live/vmlinuz-6.1", "live/vmlinuz-*"));
  CHECK(fits("a.zst.aa", "*.zst*"));
  CHECK_FALSE(fits("live/x/vmlinuz-6.1", "live/*-6.1"));
  CHECK_FALSE(fits("a/b.zst", "*.zst"));
  CHECK_FALSE(fits("live/vmlinuz", "live/vmlinuz-*"));
  CHECK(level_1_path("rootfs.squashfs") == "ROOTFS.SQU");
  CHECK(level_1_path("install.amd/initrd.gz") == "INSTALL.AMD/INITRD.GZ");
  CHECK(level_1_path("live/filesystem.squashfs") == "LIVE/FILESYST.SQU");
  CHECK(level_1_path("images/pxeboot/vmlinuz") == "IMAGES/PXEBOOT/VMLINUZ");
  CHECK(shown("a\nb\x7f") == "a?b?");
  CHECK(shown(std::string(300, 'x')).size() == 203);
}
