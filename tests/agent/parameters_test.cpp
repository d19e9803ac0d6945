#include "agent/parameters.hpp"

#include "agent/initramfs/scripts.hpp"
#include "tests/agent/fake_root.hpp"
#include "tests/support/catch.hpp"

using namespace slipway::agent;
using slipway::test::FakeRoot;

TEST_CASE("the last word of the command line with the name counts", "[agent][parameters]") {
  CHECK(command_line_value("quiet a=1 b=2 a=3\n", "a") == "3");
  CHECK(command_line_value("quiet aa=1", "a").empty());
  CHECK(command_line_value("a", "a").empty());
  CHECK(command_line_value("", "a").empty());
}

TEST_CASE("server and token are read, and their absence is said with a remedy",
          "[agent][parameters]") {
  const FakeRoot root;
  CHECK_FALSE(read_parameters(root.path()));
  root.file("proc/cmdline", "vmlinuz slipway.server=http://10.0.0.1:8080/ quiet\n");
  const auto without_token = read_parameters(root.path());
  REQUIRE_FALSE(without_token);
  CHECK_THAT(without_token.error().text(), ContainsSubstring("token"));
  root.file("etc/slipway/token", "abc\n");
  const auto whole = read_parameters(root.path());
  REQUIRE(whole);
  CHECK(whole->server == "http://10.0.0.1:8080");
  CHECK(whole->token.reveal() == "abc");
}

TEST_CASE("the scripts in the program are those of the tree", "[agent][initramfs]") {
  const std::filesystem::path folder = SLIPWAY_SOURCE_DIR "/agent/initramfs";
  const auto text = [&](const char* name) {
    std::ifstream in(folder / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  CHECK(kInitScript == text("init"));
  CHECK(kHotplugScript == text("hotplug"));
  CHECK(kUdhcpcScript == text("udhcpc"));
  CHECK(kInitScript.starts_with("#!/bin/busybox sh\n"));
}
