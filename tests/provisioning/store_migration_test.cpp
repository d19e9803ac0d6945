#include <unistd.h>

#include <cstdlib>

#include "provisioning/store.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

// A file that version 1 wrote, with everything that it can hold.
class OldDatabase {
 public:
  OldDatabase() {
    std::string pattern = "/tmp/slipway-migrate-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    sqlite(".read " SLIPWAY_SOURCE_DIR "/tests/provisioning/slipway-v1.sql");
  }
  ~OldDatabase() { std::filesystem::remove_all(folder_); }
  OldDatabase(const OldDatabase&) = delete;
  OldDatabase& operator=(const OldDatabase&) = delete;

  [[nodiscard]] std::filesystem::path file() const { return folder_ / "slipway.db"; }
  void sqlite(const std::string& order) const {
    const auto command = "sqlite3 " + file().string() + " \"" + order + "\"";
    REQUIRE(std::system(command.c_str()) == 0);
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace

TEST_CASE("a database of version 1 is brought forward and keeps everything",
          "[provisioning][store]") {
  OldDatabase old;
  for (int time = 0; time < 2; ++time) {  // the second time there is nothing left to do
    auto store = Store::open(old.file());
    REQUIRE(store);
    CHECK(*(*store)->verify_audit() == 6);
    const Now now{.steady = TimePoint(std::chrono::hours(9)), .unix_ms = 61'000};
    const auto state = (*store)->load(now);
    REQUIRE(state);
    REQUIRE(state->hosts.size() == 2);
    const auto& host = state->hosts.front();
    CHECK(host.name == "h1");
    CHECK(host.macs ==
          std::vector{*Mac::parse("52:54:00:aa:00:01"), *Mac::parse("52:54:00:aa:00:00")});
    CHECK(host.state == HostState::booting);
    CHECK(host.attempt == 9);
    CHECK(host.attempt_state == "running");
    REQUIRE(host.arming);
    CHECK(host.arming->id == 7);
    CHECK(host.arming->attempts_used == 2);
    CHECK(host.arming->expires == now.steady + std::chrono::seconds(90));
    REQUIRE(host.session() != nullptr);
    CHECK(host.session()->bearer_hash == Sha256::of("b"));
    CHECK(state->hosts.back().state == HostState::ignored);
    CHECK(state->published.at("edge@1") == Sha256::of("p"));
    CHECK(state->last_session == 11);
  }
}

TEST_CASE("a database brought forward goes on as a new one does", "[provisioning][store]") {
  OldDatabase old;
  auto store = Store::open(old.file());
  REQUIRE(store);
  const Cause cause{.who = "ann", .why = "after the update", .at_ms = 2000};
  REQUIRE((*store)->apply(Change{
      EndAttempt{.id = 9, .state = "failed", .reason = "silent", .at_ms = 2000},
      Transition{
          .host = "host1", .from = HostState::booting, .to = HostState::failed, .cause = cause},
      EndArming{.id = 7, .cause = cause},
      AddArming{.id = 8, .host = "host1", .remaining_seconds = 60, .cause = cause}}));
  CHECK(*(*store)->verify_audit() == 7);
  CHECK((*store)->audit(6, 1)->front().who == "ann");
}

TEST_CASE("a migration that breaks off leaves the old version whole", "[provisioning][store]") {
  OldDatabase old;
  old.sqlite("CREATE TABLE hosts_revision (stands INTEGER)");  // in the way of the new index
  const auto opened = Store::open(old.file());
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().text(), ContainsSubstring("hosts_revision"));
  old.sqlite("DROP TABLE hosts_revision");
  auto store = Store::open(old.file());
  REQUIRE(store);
  CHECK(*(*store)->verify_audit() == 6);
}

}  // namespace slipway::provisioning
