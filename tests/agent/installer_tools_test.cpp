#include "service/installer_tools.hpp"

#include <unistd.h>

#include "base/temporary_folder.hpp"
#include "base/tool.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::service;

namespace fs = std::filesystem;

namespace {

// A root folder with what was collected and nothing else, as in the initramfs.
TemporaryFolder lay_out(const CollectedTools& tools) {
  auto folder = TemporaryFolder::make();
  if (!folder) FAIL(folder.error().text());
  for (const auto& [path, source] : tools.files) {
    fs::create_directories((folder->path() / path).parent_path());
    fs::copy_file(source, folder->path() / path);
  }
  return std::move(*folder);
}

ToolCall in_root(const fs::path& root, std::vector<std::string> words) {
  std::vector<std::string> call = {"chroot", root};
  if (::geteuid() != 0) call.insert(call.begin(), {"unshare", "-r"});
  call.insert(call.end(), words.begin(), words.end());
  return {.arguments = call};
}

}  // namespace

TEST_CASE("collected tools run where nothing else is", "[service][installer]") {
  struct Row {
    std::vector<std::string> call;
    const char* says;
  };
  const auto row = GENERATE(values<Row>({{{"/bin/e2fsck", "-V"}, "e2fsck 1."},
                                         {{"/bin/resize2fs"}, "Usage: "},
                                         {{"/bin/xfs_growfs", "-V"}, "xfs_growfs version"},
                                         {{"/bin/smartctl", "--version"}, "smartctl 7"},
                                         {{"/bin/hdparm", "-V"}, "hdparm v"},
                                         {{"/bin/stress-ng", "--version"}, "stress-ng, version"},
                                         {{"/bin/memtester"}, "memtester version"}}));
  INFO(row.call[0]);
  const auto tools = collect_tools(installer_tools(true));
  if (!tools) FAIL(tools.error().text());
  CHECK(tools->remarks.empty());
  const auto root = lay_out(*tools);
  const auto result = call_tool(in_root(root.path(), row.call));
  if (!result) FAIL(result.error().text());
  CHECK_THAT(result->out + result->trouble, ContainsSubstring(row.says));
}

TEST_CASE("only a burn-in brings its programs", "[service][installer]") {
  const auto tools = collect_tools(installer_tools(false));
  REQUIRE(tools);
  CHECK(tools->files.contains("bin/e2fsck"));
  CHECK(tools->files.contains("lib/libext2fs.so.2"));
  CHECK_FALSE(tools->files.contains("bin/stress-ng"));
  CHECK_FALSE(tools->files.contains("bin/memtester"));
}

TEST_CASE("a tool that is not installed is a remark that names its package",
          "[service][installer]") {
  const auto tools = collect_tools({{"no-such-tool", "no-such-package", "do this"}});
  REQUIRE(tools);
  CHECK(tools->files.empty());
  REQUIRE(tools->remarks.size() == 1);
  CHECK_THAT(tools->remarks[0], ContainsSubstring("no-such-tool") &&
                                    ContainsSubstring("cannot do this") &&
                                    ContainsSubstring("install no-such-package"));
}

TEST_CASE("what the loader lists is read line by line", "[service][installer]") {
  const auto files = listed_libraries(
      "\tlinux-vdso.so.1 (0x00007f1708b01000)\n"
      "\tlibuuid.so.1 => /lib/x86_64-linux-gnu/libuuid.so.1 (0x00007f17089c2000)\n"
      "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f17087d3000)\n"
      "\t/lib64/ld-linux-x86-64.so.2 (0x00007f1708b03000)\n");
  REQUIRE(files);
  CHECK(*files == std::vector<fs::path>{"/lib/x86_64-linux-gnu/libuuid.so.1",
                                        "/lib/x86_64-linux-gnu/libc.so.6"});
  const auto missing = listed_libraries("\tlibx.so.1 => not found\n");
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().text(), ContainsSubstring("libx.so.1"));
}
