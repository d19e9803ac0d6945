#include "agent/clock.hpp"

#include <optional>

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;

namespace {

class FakeClock : public Clock {
 public:
  explicit FakeClock(std::int64_t now) : now_(now) {}
  std::int64_t now_ms() override { return now_; }
  Fallible<void> set_ms(std::int64_t unix_ms) override {
    if (refuses_) return fail("setting the clock: Operation not permitted");
    now_ = unix_ms;
    ++sets_;
    return {};
  }
  Fallible<void> set_hardware_ms(std::int64_t unix_ms) override {
    if (has_no_battery_) return fail("opening /dev/rtc0: No such file or directory");
    hardware_ = unix_ms;
    return {};
  }

  std::int64_t now_;
  std::optional<std::int64_t> hardware_;
  int sets_ = 0;
  bool refuses_ = false, has_no_battery_ = false;
};

constexpr std::int64_t kServer = 1'795'284'291'500;  // 2026-11-21 18:04:51.5

}  // namespace

TEST_CASE("the clock follows the server when it is more than 2 s off", "[agent][clock]") {
  struct Row {
    const char* why;
    std::int64_t host, server;
    bool set;
  };
  const auto row = GENERATE(values<Row>({
      {"right", kServer, kServer, false},
      {"2 s behind", kServer - 2'000, kServer, false},
      {"a bit more behind", kServer - 2'001, kServer, true},
      {"2 s ahead", kServer + 2'000, kServer, false},
      {"a bit more ahead", kServer + 2'001, kServer, true},
      {"an empty battery", 0, kServer, true},
      {"before 1970", -5'000'000, kServer, true},
      {"a server that does not say", 0, 0, false},
  }));
  INFO(row.why);
  FakeClock clock(row.host);
  const auto line = follow_server(clock, row.server);
  CHECK(line.empty() != row.set);
  CHECK(clock.sets_ == (row.set ? 1 : 0));
  CHECK(clock.now_ == (row.set ? row.server : row.host));
  CHECK(clock.hardware_ == (row.set ? std::optional(row.server) : std::nullopt));
}

TEST_CASE("what became of the clock is said", "[agent][clock]") {
  FakeClock clock(0);
  SECTION("set") {
    CHECK(follow_server(clock, kServer) ==
          "The clock stood at 1970-01-01 00:00:00 UTC; it is 2026-11-21 18:04:51 UTC now.");
  }
  SECTION("no battery") {
    clock.has_no_battery_ = true;
    CHECK(follow_server(clock, kServer) ==
          "The clock stood at 1970-01-01 00:00:00 UTC; it is 2026-11-21 18:04:51 UTC now, but it "
          "will be wrong again after the next start: opening /dev/rtc0: No such file or "
          "directory.");
    CHECK(clock.now_ == kServer);
  }
  SECTION("refused") {
    clock.refuses_ = true;
    CHECK(follow_server(clock, kServer) ==
          "The clock stays at 1970-01-01 00:00:00 UTC: setting the clock: Operation not "
          "permitted.");
    CHECK_FALSE(clock.hardware_);
  }
}

TEST_CASE("the system's clock counts milliseconds since 1970", "[agent][clock]") {
  SystemClock clock;
  CHECK(clock.now_ms() > 1'700'000'000'000);  // after 2023, before 2100
  CHECK(clock.now_ms() < 4'102'444'800'000);
}
