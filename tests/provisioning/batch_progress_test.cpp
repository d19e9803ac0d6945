#include "provisioning/batch_progress.hpp"

#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using enum MemberState;

constexpr std::int64_t kNow = 100'000'000;
constexpr std::int64_t kMinute = 60'000;

Member done_in(std::int64_t minutes, std::int64_t ended_ms, double write_seconds) {
  return {.state = done,
          .started_ms = ended_ms - minutes * kMinute,
          .ended_ms = ended_ms,
          .step_seconds = {{"write", write_seconds}, {"checks", 0.1}}};
}

Member at_step(std::string step, std::int64_t step_ms, std::int64_t whole_ms) {
  return {.state = running,
          .started_ms = kNow - whole_ms,
          .step = std::move(step),
          .step_began_ms = kNow - step_ms};
}

// What is said of one member beside three that took 10 minutes, 300 seconds of them to write.
std::string said_of(const Member& member) {
  const std::vector<Member> members{done_in(8, kNow - 1, 200), done_in(10, kNow - 1, 300),
                                    done_in(60, kNow - 1, 3000), member};
  const auto progress = progress_of(members, kNow);
  if (progress.stragglers.empty()) return "";
  REQUIRE(progress.stragglers.size() == 1);
  CHECK(progress.stragglers.front().member == 3);
  return progress.stragglers.front().why;
}

}  // namespace

TEST_CASE("a batch is counted by the state of its members", "[provisioning][batch]") {
  std::vector<Member> members(9);
  members[0].state = members[1].state = members[2].state = done;
  members[3].state = failed;
  members[4].state = members[5].state = running;
  members[6].state = armed;
  members[7].state = withdrawn;
  const auto progress = progress_of(members, kNow);
  CHECK(progress.total == 9);
  CHECK(progress.done == 3);
  CHECK(progress.failed == 1);
  CHECK(progress.running == 2);
  CHECK(progress.armed == 1);
  CHECK(progress.withdrawn == 1);
  CHECK(progress.waiting == 1);
}

TEST_CASE("pace and ETA follow the last hour", "[provisioning][batch]") {
  struct Case {
    std::string name;
    std::vector<Member> members;
    double per_hour;
    std::optional<std::int64_t> eta_ms;
  };
  const Member open{};
  const auto c = GENERATE_COPY(values<Case>({
      {"nothing yet", {open, open}, 0, std::nullopt},
      {"no members", {}, 0, std::nullopt},
      {"two within half an hour, two left: 4 an hour",
       {done_in(30, kNow - 5, 1), done_in(10, kNow, 1), open, open},
       4,
       kNow + 30 * kMinute},
      {"what ended before the hour has no part",
       {done_in(30, kNow - 70 * kMinute, 1), done_in(10, kNow - 59 * kMinute, 1), open},
       1,
       kNow + 60 * kMinute},
      {"after a night there is no pace",
       {done_in(10, kNow - 600 * kMinute, 1), open},
       0,
       std::nullopt},
      {"all done: no ETA", {done_in(60, kNow, 1)}, 1, std::nullopt},
  }));
  INFO(c.name);
  const auto progress = progress_of(c.members, kNow);
  CHECK(std::abs(progress.boxes_per_hour - c.per_hour) < 0.01);
  REQUIRE(progress.eta_ms.has_value() == c.eta_ms.has_value());
  if (c.eta_ms) CHECK(std::abs(*progress.eta_ms - *c.eta_ms) <= kMinute / 10);
}

TEST_CASE("a straggler takes more than twice what is usual", "[provisioning][batch]") {
  const auto [name, member, expected] = GENERATE(table<std::string, Member, std::string>({
      {"its step is within the measure", at_step("write", 600'000, 700'000), ""},
      {"its step takes too long", at_step("write", 601'000, 700'000),
       "in step write for 10 min, usual are 5 min"},
      {"a quick step may take half a minute", at_step("checks", 29'000, 60'000), ""},
      {"no longer, though", at_step("checks", 31'000, 60'000),
       "in step checks for 31 s, usual are 0 s"},
      {"an unknown step counts by the whole attempt", at_step("boot", 1, 1'200'000), ""},
      {"and that takes too long", at_step("boot", 1, 1'201'000),
       "at work for 20 min, usual are 10 min"},
      {"armed, and it will come", {.state = armed, .armed_ms = kNow - 20 * kMinute}, ""},
      {"armed, and it has not shown up",
       {.state = armed, .armed_ms = kNow - 21 * kMinute},
       "has not booted yet, armed for 21 min"},
      {"armed after a failure: it was here",
       {.state = armed, .armed_ms = kNow - 90 * kMinute, .started_ms = kNow - 80 * kMinute},
       ""},
      {"a place that nobody took is no straggler", {}, ""},
      {"nor is a failed one", {.state = failed, .armed_ms = 1, .started_ms = 2}, ""},
  }));
  INFO(name);
  CHECK(said_of(member) == expected);
}

TEST_CASE("without a finished member nobody lags", "[provisioning][batch]") {
  const std::vector<Member> members{at_step("write", 90'000'000, 90'000'000),
                                    {.state = armed, .armed_ms = 1}};
  CHECK(progress_of(members, kNow).stragglers.empty());
}

}  // namespace slipway::provisioning
