#include "agent/burn_in.hpp"

#include <set>

#include "base/bytes.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// A host whose programs say what the test wants and whose time passes by reading.
struct Bench {
  ToolResult memtester{124, "", false, ""}, stress{0, "", false, ""};
  std::vector<std::string> called;
  std::set<std::uint64_t> bad, read;  // MiB of the disk
  TimePoint time{};
  std::atomic<bool> cancel = false;
  std::set<std::string> missing;
  std::vector<std::string> begun;
  Tools tools{.has = [this](const std::string& name) { return !missing.contains(name); },
              .run = [this](const ToolCall& call) -> Fallible<ToolResult> { return run(call); }};

  Fallible<ToolResult> run(const ToolCall& call) {
    std::string line;
    for (const auto& word : call.arguments) line += (line.empty() ? "" : " ") + word;
    called.push_back(line);
    return line.starts_with("timeout") ? memtester : stress;
  }
  std::expected<void, Failure> go(const BurnIn& times, std::uint64_t memory = 1024 * kMiB,
                                  std::uint64_t disk = 64 * kMiB) {
    return burn_in(
        {.times = times,
         .tools = tools,
         .cpus = 4,
         .free_memory_octets = memory,
         .disk = "/dev/sda",
         .disk_octets = disk,
         .read = [this](std::uint64_t offset, std::span<std::uint8_t>) -> Fallible<void> {
           time += milliseconds(100);
           read.insert(offset / kMiB);
           if (bad.contains(offset / kMiB)) return fail("Input/output error");
           return {};
         },
         .now = [this] { return time; },
         .begin = [this](const std::string& part, seconds) { begun.push_back(part); },
         .cancel = &cancel});
  }
};

std::string reason(const std::expected<void, Failure>& done) {
  return done ? "" : done.error().reason;
}

}  // namespace

TEST_CASE("each part is tried for its time, by its program", "[agent][burn_in]") {
  Bench bench;
  CHECK(reason(bench.go({.memory = seconds(60), .disk_read = seconds(10), .cpu = seconds(30)})) ==
        "");
  CHECK(bench.called ==
        std::vector<std::string>{"timeout 60 memtester 896M",
                                 "stress-ng --cpu 4 --verify --timeout 30s --temp-path /tmp"});
  CHECK(bench.begun == std::vector<std::string>{"memory", "cpu", "disk"});  // each said once
  CHECK(bench.time - TimePoint{} == seconds(10));
  CHECK(bench.read.size() == 64);  // 100 reads of 64 MiB: every place of the disk came
}

TEST_CASE("a part without a time is left out", "[agent][burn_in]") {
  Bench bench;
  bench.missing = {"memtester", "stress-ng"};
  CHECK(reason(bench.go({})) == "");
  CHECK(bench.called.empty());
  CHECK(bench.read.empty());
}

TEST_CASE("the disk is read at several places in turn", "[agent][burn_in]") {
  Bench bench;
  CHECK(reason(bench.go({.disk_read = seconds(1)}, 0, 800 * kMiB)) == "");
  CHECK(bench.read == std::set<std::uint64_t>{0, 1, 100, 101, 200, 300, 400, 500, 600, 700});
}

TEST_CASE("what a burn-in finds has a name and details", "[agent][burn_in]") {
  struct Row {
    const char* why;
    ToolResult memtester, stress;
    std::set<std::uint64_t> bad;
    std::uint64_t memory;
    const char* reason;
    const char* detail;
  };
  const std::uint64_t enough = 1024 * kMiB;
  const std::vector<Row> rows = {
      {"the time was up, busybox", {143, "", false, ""}, {}, {}, enough, "", ""},
      {"a wrong bit",
       {124, "", false, "FAILURE: 0x1 != 0x0 at offset 0x8.\n"},
       {},
       {},
       enough,
       "burn-in-memory-failed",
       "FAILURE: 0x1 != 0x0 at offset 0x8."},
      {"a wrong bit, said elsewhere",
       {124, "a\nFAILURE: b\nc\n", false, ""},
       {},
       {},
       enough,
       "burn-in-memory-failed",
       "(FAILURE: b)"},
      {"memtester has no memory",
       {1, "", false, "could not lock\n"},
       {},
       {},
       enough,
       "burn-in-memory-failed",
       "ended early with status 1: could not lock"},
      {"a host without free memory",
       {124, "", false, ""},
       {},
       {},
       143 * kMiB,
       "burn-in-memory-failed",
       "only 143.0 MiB are free"},
      {"a CPU that miscounts",
       {124, "", false, ""},
       {2, "", false, "stress-ng: fail:  [7] cpu: ackermann error\nunsuccessful run\n"},
       {},
       enough,
       "burn-in-cpu-failed",
       "ackermann error"},
      {"one bad place",
       {124, "", false, ""},
       {},
       {17},
       enough,
       "burn-in-disk-failed",
       "/dev/sda: 2 read errors, the first: Input/output error"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Bench bench;
    bench.memtester = row.memtester;
    bench.stress = row.stress;
    bench.bad = row.bad;
    const auto done =
        bench.go({.memory = seconds(9), .disk_read = seconds(10), .cpu = seconds(9)}, row.memory);
    CHECK(reason(done) == row.reason);
    if (!done) CHECK_THAT(done.error().detail, ContainsSubstring(row.detail));
  }
}

TEST_CASE("a disk that gives nothing ends its burn-in early", "[agent][burn_in]") {
  Bench bench;
  for (std::uint64_t i = 0; i < 64; ++i) bench.bad.insert(i);
  const auto done = bench.go({.disk_read = seconds(3600)});
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().detail, ContainsSubstring("16 read errors"));
  CHECK(bench.time - TimePoint{} < seconds(3));
}

TEST_CASE("a burn-in is called off with its attempt", "[agent][burn_in]") {
  Bench bench;
  SECTION("before it") {
    bench.cancel = true;
    CHECK(reason(bench.go({.memory = seconds(60)})) == "cancelled");
    CHECK(bench.called.empty());
  }
  SECTION("while a program runs") {
    bench.tools.run = [&](const ToolCall& call) -> Fallible<ToolResult> {
      bench.cancel = true;
      CHECK(call.cancel == &bench.cancel);
      return fail("cancelled");
    };
    CHECK(reason(bench.go({.memory = seconds(60), .cpu = seconds(60)})) == "cancelled");
  }
}

TEST_CASE("an installer without the programs says which", "[agent][burn_in]") {
  Bench bench;
  bench.missing = {GENERATE("memtester", "stress-ng")};
  const auto done = bench.go({.memory = seconds(1), .cpu = seconds(1)});
  CHECK(reason(done) == "tool-missing");
  CHECK_THAT(done.error().detail, ContainsSubstring(*bench.missing.begin()));
  CHECK_THAT(done.error().detail, ContainsSubstring("--burn-in"));
  CHECK(bench.called.empty());
}
