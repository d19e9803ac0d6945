#include "provisioning/box.hpp"

#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

const BatchSlot kSlot{.number = 4, .site = "store-4", .host = "host1", .arming = 10, .taken_ms = 1};

ArmingRow arming(std::int64_t id, std::int64_t ended_ms = 0, std::string why = {}) {
  return {.id = id,
          .host = "host1",
          .who = "who" + std::to_string(id),
          .profile = "edge@1",
          .armed_ms = id * 100,
          .ended_ms = ended_ms,
          .ended_why = std::move(why),
          .box = {.name = "till", .site = "store-4"}};
}

AttemptRow attempt(std::int64_t id, std::int64_t of, std::string state, std::string reason = {}) {
  const bool runs = state == "running";
  return {.id = id,
          .arming = of,
          .state = std::move(state),
          .reason = std::move(reason),
          .started_ms = id * 1000,
          .ended_ms = runs ? 0 : id * 1000 + 500};
}

std::string shown(const BoxRecord& record) {
  return std::string(name_of(record.result)) + "|" + record.reason + "|" + record.armed_by + "|" +
         std::to_string(record.attempts) + "|" + std::to_string(record.started_ms) + ".." +
         std::to_string(record.ended_ms);
}

}  // namespace

TEST_CASE("the record of a place is what its host came to", "[provisioning][batch]") {
  const auto [name, history, expected] = GENERATE(table<std::string, History, std::string>({
      {"armed", {.armings = {arming(10)}}, "armed||who10|0|0..0"},
      {"running",
       {.armings = {arming(10)}, .attempts = {attempt(1, 10, "running")}},
       "running||who10|1|1000..0"},
      {"done",
       {.armings = {arming(10, 9)}, .attempts = {attempt(1, 10, "installed")}},
       "installed||who10|1|1000..1500"},
      {"failed once, may try again",
       {.armings = {arming(10)}, .attempts = {attempt(1, 10, "failed", "disk-too-small")}},
       "armed|disk-too-small|who10|1|1000..1500"},
      {"failed for good",
       {.armings = {arming(10, 9, "no attempt left")},
        .attempts = {attempt(1, 10, "failed", "a"), attempt(2, 10, "failed", "b")}},
       "failed|b|who10|2|2000..2500"},
      {"failed, then done",
       {.armings = {arming(10, 9)},
        .attempts = {attempt(1, 10, "failed", "a"), attempt(2, 10, "installed")}},
       "installed||who10|2|2000..2500"},
      {"never begun, and taken back",
       {.armings = {arming(10, 9, "the batch was closed")}},
       "withdrawn|the batch was closed|who10|0|0..0"},
      {"armed again by hand, and done",
       {.armings = {arming(10, 9), arming(12, 11)},
        .attempts = {attempt(1, 10, "failed", "a"), attempt(2, 12, "installed")}},
       "installed||who12|2|2000..2500"},
      {"armed again by hand, and taken back: what happened still stands",
       {.armings = {arming(10, 9), arming(12, 11, "disarmed")},
        .attempts = {attempt(1, 10, "failed", "a")}},
       "failed|a|who10|1|1000..1500"},
      {"a later installation is another story",
       {.armings = {arming(10, 9), arming(12, 11)},
        .attempts = {attempt(1, 10, "installed"), attempt(2, 12, "failed", "x")}},
       "installed||who10|1|1000..1500"},
      {"what another batch did is not ours",
       {.armings = {arming(10, 9), arming(12, 11)},
        .attempts = {attempt(1, 10, "failed", "a"), attempt(2, 12, "installed")},
        .of_other_batches = {12}},
       "failed|a|who10|1|1000..1500"},
      {"what was before is not ours",
       {.armings = {arming(8, 7), arming(10)}, .attempts = {attempt(1, 8, "installed")}},
       "armed||who10|0|0..0"},
  }));
  INFO(name);
  const auto records = records_of(std::span(&kSlot, 1), history);
  REQUIRE(records.size() == 1);
  CHECK(shown(records.front()) == expected);
  CHECK(records.front().number == 4);
  CHECK(records.front().box.name == "till");
}

TEST_CASE("a place that nobody took keeps its site", "[provisioning][batch]") {
  const BatchSlot slot{.number = 1, .site = "store-1"};
  const auto records = records_of(std::span(&slot, 1), {.armings = {arming(10)}});
  REQUIRE(records.size() == 1);
  CHECK(shown(records.front()) == "not taken|||0|0..0");
  CHECK(records.front().box.site == "store-1");
}

TEST_CASE("outside of a batch a host's last arming counts", "[provisioning][batch]") {
  auto other = arming(11);
  other.host = "host2";
  const auto records =
      last_records_of({.armings = {arming(10, 9), other, arming(12, 11)},
                       .attempts = {attempt(1, 10, "failed", "a"), attempt(2, 12, "installed")}});
  REQUIRE(records.size() == 2);
  CHECK(records[0].host == "host1");
  CHECK(shown(records[0]) == "installed||who12|1|2000..2500");
  CHECK(shown(records[1]) == "armed||who11|0|0..0");
}

}  // namespace slipway::provisioning
