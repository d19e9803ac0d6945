#include "base/tool.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <thread>

#include "base/temporary_folder.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;

namespace {

using Words = std::vector<std::string>;

Words shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

std::string failure_of(const Fallible<ToolResult>& result) {
  return result ? "it did not fail" : result.error().text();
}

// Until the process `number` is gone or 10 s have passed. A zombie counts as gone.
bool is_gone(int number) {
  for (int look = 0; look < 500; ++look) {
    std::ifstream stat("/proc/" + std::to_string(number) + "/stat");
    std::string text(std::istreambuf_iterator<char>(stat), {});
    if (text.empty() || text.find(") Z") != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace

TEST_CASE("a tool's end is told as it was", "[base][tool]") {
  struct Row {
    const char* script;
    int code;
    const char* out;
    const char* trouble;
  };
  const auto row = GENERATE(values<Row>({
      {"echo yes", 0, "yes\n", ""},
      {"echo no >&2; exit 3", 3, "", "no\n"},
      {"printf %s \"$LC_ALL\"", 0, "C", ""},
      {"pwd", 0, "/\n", ""},
      {"cat", 0, "", ""},  // nothing comes from standard input
      {"exit 255", 255, "", ""},
  }));
  INFO(row.script);
  const auto result = call_tool({.arguments = shell(row.script)});
  REQUIRE(result);
  CHECK(result->code == row.code);
  CHECK(result->out == row.out);
  CHECK(result->trouble == row.trouble);
  CHECK_FALSE(result->cut);
}

TEST_CASE("arguments reach the tool as they are: there is no shell", "[base][tool]") {
  const auto result = call_tool({.arguments = {"printf", "%s|", "a b", "$HOME", "*", ""}});
  REQUIRE(result);
  CHECK(result->out == "a b|$HOME|*||");
}

TEST_CASE("a tool runs in the folder that was named", "[base][tool]") {
  const auto folder = TemporaryFolder::make();
  REQUIRE(folder);
  const auto text = run_tool(shell("pwd -P"), folder->path());
  REQUIRE(text);
  CHECK(*text == folder->path().native() + "\n");
}

TEST_CASE("a tool gets none of our descriptors", "[base][tool]") {
  const int ours = ::open("/dev/null", O_RDONLY);  // not close-on-exec, as a library might do it
  REQUIRE(ours > 2);
  const auto text = run_tool(shell("ls /proc/self/fd | wc -l"));
  ::close(ours);
  REQUIRE(text);
  CHECK(std::stoi(*text) == 4);  // its three, and that of the listing
}

TEST_CASE("a missing tool is said by name", "[base][tool]") {
  CHECK_THAT(failure_of(call_tool({.arguments = {"no-such-tool"}})),
             ContainsSubstring("no program no-such-tool"));
  CHECK_THAT(failure_of(call_tool({.arguments = {"/etc/passwd"}})),
             ContainsSubstring("/etc/passwd"));
  CHECK_FALSE(find_tool("no-such-tool"));
  CHECK_FALSE(find_tool("/etc"));
  CHECK(find_tool("/bin/sh") == "/bin/sh");
  CHECK(find_tool("sh"));
}

TEST_CASE("a folder that is not there is a failure", "[base][tool]") {
  CHECK_THAT(failure_of(call_tool({.arguments = {"true"}, .folder = "/no/such/folder"})),
             ContainsSubstring("starting"));
}

TEST_CASE("a tool that is killed has failed", "[base][tool]") {
  CHECK_THAT(failure_of(call_tool({.arguments = shell("kill -9 $$")})),
             ContainsSubstring("killed by signal 9"));
}

TEST_CASE("a tool's time is bounded, and that of its own children", "[base][tool]") {
  const auto folder = TemporaryFolder::make();
  REQUIRE(folder);
  const auto place = folder->path() / "child";
  const auto result =
      call_tool({.arguments = shell("sleep 1000 & echo $! > child; exec sleep 1000"),
                 .folder = folder->path(),
                 .patience = std::chrono::milliseconds(1500)});
  CHECK_THAT(failure_of(result), ContainsSubstring("within 1.5 s"));
  int child = 0;
  std::ifstream(place) >> child;
  REQUIRE(child > 0);
  CHECK(is_gone(child));
}

TEST_CASE("a tool that speaks without end is killed in time all the same", "[base][tool]") {
  const auto result = call_tool({.arguments = {"yes"}, .patience = std::chrono::milliseconds(300)});
  CHECK_THAT(failure_of(result), ContainsSubstring("was killed"));
}

TEST_CASE("a child that outlives its tool neither lives on nor delays", "[base][tool]") {
  const auto result = call_tool({.arguments = shell("sleep 1000 & echo $!")});
  REQUIRE(result);
  CHECK(result->code == 0);
  CHECK(is_gone(std::stoi(result->out)));
}

TEST_CASE("a tool can be cancelled from another thread", "[base][tool]") {
  std::atomic<bool> cancel = false;
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel = true;
  });
  const auto result = call_tool({.arguments = {"sleep", "1000"}, .cancel = &cancel});
  CHECK_THAT(failure_of(result), ContainsSubstring("cancelled"));
}

TEST_CASE("of a tool's words so many are kept as were asked for", "[base][tool]") {
  const ToolCall call{.arguments = shell("printf 123456789; printf abcdefghi >&2"),
                      .output_octets = 4};
  const auto result = call_tool(call);
  REQUIRE(result);
  CHECK(result->out == "1234");
  CHECK(result->cut);
  CHECK(result->trouble == "fghi");
  const auto whole = run_tool(call);
  REQUIRE_FALSE(whole);
  CHECK_THAT(whole.error().text(), ContainsSubstring("more than 4 octets"));
}

TEST_CASE("much output arrives whole", "[base][tool]") {
  const auto text = run_tool(shell("head -c 900000 /dev/zero | tr '\\0' x"));
  REQUIRE(text);
  CHECK(*text == std::string(900000, 'x'));
}

TEST_CASE("a tool that must succeed and does not says why", "[base][tool]") {
  const auto text = run_tool(shell("echo first >&2; echo the reason >&2; echo >&2; exit 4"));
  REQUIRE_FALSE(text);
  CHECK(text.error().text() == "/bin/sh ended with code 4: the reason");
}

TEST_CASE("a tool reads what it is given, and nothing otherwise", "[base][tool]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  REQUIRE(::write(ends[1], "given", 5) == 5);
  REQUIRE(::close(ends[1]) == 0);
  const auto given = run_tool(ToolCall{.arguments = {"/bin/cat"}, .input = ends[0]});
  REQUIRE(::close(ends[0]) == 0);
  REQUIRE(given);
  CHECK(*given == "given");
  const auto nothing = run_tool({"/bin/cat"});
  REQUIRE(nothing);
  CHECK(nothing->empty());
}
