#include "provisioning/store.hpp"

#include <sys/stat.h>

#include "provisioning/store_worker.hpp"
#include "tests/provisioning/databases.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

const Cause kCause{.who = "ann", .why = "test", .at_ms = 1000};

Transition step(HostState from, HostState to) {
  return {.host = "host1", .from = from, .to = to, .cause = kCause};
}

HostState state_of(Store& store) {
  const auto loaded = store.load({});
  REQUIRE(loaded);
  REQUIRE(loaded->hosts.size() == 1);
  return loaded->hosts.front().state;
}

using enum HostState;

}  // namespace

TEST_CASE("a transition from another state than the stored one is refused whole",
          "[provisioning][store]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  auto& store = *database.store;
  REQUIRE(store.apply(Change{AddHost{.host = "host1", .cause = kCause}}));
  REQUIRE(store.apply(Change{step(discovered, assigned)}));
  const auto again = store.apply(Change{step(discovered, assigned)});
  REQUIRE_FALSE(again);
  CHECK(again.error().text() == "the state of host host1 was changed meanwhile");
  CHECK_FALSE(store.apply(Change{step(assigned, installed)}));  // not in the table
  CHECK(state_of(store) == assigned);
  CHECK(*store.verify_audit() == 2);
}

TEST_CASE("one change of a group that fails leaves the others alone", "[provisioning][store]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  const std::vector<Change> group{
      {AddHost{.host = "host1", .cause = kCause}},
      {step(discovered, assigned), step(discovered, ignored)},  // the second step cannot
      {step(discovered, ignored)},
  };
  const auto results = database.store->apply(group);
  REQUIRE(results.size() == 3);
  CHECK(results[0]);
  CHECK_FALSE(results[1]);
  CHECK(results[2]);
  database.reopen();
  CHECK(state_of(*database.store) == ignored);
  CHECK(*database.store->verify_audit() == 2);
}

TEST_CASE("a host has at most one live arming and three attempts in it",
          "[provisioning][store][sg6]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  auto& store = *database.store;
  const auto arming = [](std::int64_t id) {
    return AddArming{.id = id, .host = "host1", .remaining_seconds = 60, .cause = kCause};
  };
  const auto attempt = [](std::int64_t id) {
    return Change{AddAttempt{.id = id, .arming = 1, .host = "host1", .at_ms = 1},
                  EndAttempt{.id = id, .state = "failed", .at_ms = 2}};
  };
  REQUIRE(store.apply(Change{AddHost{.host = "host1", .cause = kCause}, arming(1)}));
  CHECK_FALSE(store.apply(Change{arming(2)}));
  CHECK(store.apply(attempt(1)));
  CHECK(store.apply(attempt(2)));
  CHECK(store.apply(attempt(3)));
  CHECK_FALSE(store.apply(attempt(4)));
  REQUIRE(store.apply(Change{EndArming{.id = 1, .cause = kCause}}));
  CHECK(store.apply(Change{arming(2)}));
}

TEST_CASE("everything that a starting server needs comes back", "[provisioning][store]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  const Mac mac = *Mac::parse("52:54:00:aa:00:01");
  REQUIRE(database.store->apply(Change{
      AddHost{.host = "host1", .cause = kCause},
      PutFacts{.host = "host1",
               .name = "h'1\"",
               .macs = {mac},
               .uuid = "12345678-1234-5678-9abc-def012345678",
               .serial = "S1",
               .manufacturer = "QEMU",
               .product = "PC",
               .profile = "edge",
               .site = "store-1",
               .inventory_json = "{}"},
      step(discovered, assigned),
      AddArming{
          .id = 7, .host = "host1", .profile = "edge@1", .remaining_seconds = 90, .cause = kCause},
      step(assigned, armed), AddAttempt{.id = 9, .arming = 7, .host = "host1", .at_ms = 5},
      AddSession{.id = 11,
                 .host = "host1",
                 .token_hash = Sha256::of("t"),
                 .mac = mac,
                 .attempt = 9,
                 .at_ms = 5},
      step(armed, booting),
      OpenSession{.id = 11, .bearer_hash = Sha256::of("b"), .address = *Ipv4::parse("10.0.0.9")},
      PublishProfile{.id = "edge@1", .digest = Sha256::of("p"), .at_ms = 5}}));
  database.reopen();
  const Now now{.steady = TimePoint(std::chrono::hours(9)), .unix_ms = 61'000};
  const auto state = database.store->load(now);
  REQUIRE(state);
  REQUIRE(state->hosts.size() == 1);
  const auto& host = state->hosts.front();
  CHECK(host.name == "h'1\"");
  CHECK(host.macs == std::vector{mac});
  CHECK(host.uuid == Uuid::parse("12345678-1234-5678-9abc-def012345678"));
  CHECK(host.site == "store-1");
  CHECK(host.state == booting);
  CHECK(host.changed == now.steady - std::chrono::seconds(60));
  CHECK(host.attempt == 9);
  REQUIRE(host.arming);
  CHECK(host.arming->expires <= now.steady + std::chrono::seconds(90));
  CHECK(host.arming->expires > now.steady + std::chrono::seconds(30));
  CHECK(host.arming->attempts_used == 1);
  REQUIRE(host.session() != nullptr);
  CHECK(host.session()->token_hash == Sha256::of("t"));
  CHECK(host.session()->bearer_hash == Sha256::of("b"));
  CHECK(host.session()->address == *Ipv4::parse("10.0.0.9"));
  CHECK(host.session()->attempt == 9);
  CHECK(state->published.at("edge@1") == Sha256::of("p"));
  if (database.store->shared()) return;  // its ids go by server, see several_servers_test.cpp
  CHECK(state->last_arming == 7);
  CHECK(state->last_attempt == 9);
  CHECK(state->last_session == 11);
}

TEST_CASE("two armings that are the first with a profile may both publish it",
          "[provisioning][store]") {
  const Database database;
  const PublishProfile first{.id = "edge@1", .digest = Sha256::of("p"), .at_ms = 5};
  REQUIRE(database.store->apply({first}));
  CHECK(database.store->apply({first}));
  const PublishProfile changed{.id = "edge@1", .digest = Sha256::of("q"), .at_ms = 6};
  CHECK_FALSE(database.store->apply({changed}));
  const auto state = database.store->load({});
  REQUIRE(state);
  CHECK(state->published.at("edge@1") == Sha256::of("p"));
}

TEST_CASE("the audit log shows tampering (SG11)", "[provisioning][store][sg11]") {
  const auto [sql, complaint] = GENERATE(table<std::string, std::string>({
      {"UPDATE audit SET who = 'bob' WHERE seq = 2", "audit row 2 was changed"},
      {"UPDATE audit SET at_ms = 1 WHERE seq = 3", "audit row 3 was changed"},
      {"DELETE FROM audit WHERE seq = 2", "audit row 3 follows row 1"},
      {"DELETE FROM audit WHERE seq = 4", "later rows had been written"},
      {"UPDATE audit SET prev_hash = hash WHERE seq = 3", "audit row 3 does not continue"},
  }));
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  REQUIRE(database.store->apply(Change{AddHost{.host = "host1", .cause = kCause}}));
  REQUIRE(database.store->apply(Change{step(discovered, assigned)}));
  REQUIRE(database.store->apply(Change{step(assigned, discovered)}));
  REQUIRE(database.store->apply(Change{step(discovered, assigned)}));
  REQUIRE(*database.store->verify_audit() == 4);
  database.tamper(sql);
  const auto verdict = database.store->verify_audit();
  REQUIRE_FALSE(verdict);
  CHECK_THAT(verdict.error().text(), ContainsSubstring(complaint));
}

TEST_CASE("of each address the last lease is kept", "[provisioning][store]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  const auto mac = *Mac::parse("52:54:00:aa:00:01");
  dhcp::LeaseRecord lease{.network = *Cidr::parse("10.77.0.0/24"),
                          .address = *Ipv4::parse("10.77.0.100"),
                          .client = dhcp::ClientId::of(mac),
                          .mac = mac,
                          .expires_ms = 1'700'000'000'000};
  auto elsewhere = lease;
  elsewhere.network = *Cidr::parse("10.77.0.0/16");
  REQUIRE(database.store->apply(Change{KeepLease{lease}}));
  REQUIRE(database.store->apply(Change{KeepLease{elsewhere}}));
  lease.client = dhcp::ClientId::of(mac, as_bytes(std::string("\0\xff'\"", 4)));
  lease.expires_ms += 1;
  REQUIRE(database.store->apply(Change{KeepLease{lease}}));
  database.reopen();
  const auto state = database.store->load({.steady = {}, .unix_ms = 0});
  REQUIRE(state);
  REQUIRE(state->leases.size() == 2);
  for (const auto& kept : state->leases) {
    CHECK(kept == (kept.network == lease.network ? lease : elsewhere));
  }
}

TEST_CASE("a database of a newer Slipway is refused", "[provisioning][store]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  database.store.reset();
  database.tamper("UPDATE schema_version SET version = 99");
  const auto opened = Store::open(database.place);
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().text(), ContainsSubstring("it has version 99"));
}

TEST_CASE("an arming has as long left as when time was last written", "[provisioning][store]") {
  Database database;
  const auto minutes = [](int count) { return TimePoint(std::chrono::minutes(count)); };
  const auto left = [&](TimePoint now) {
    const auto state = database.store->load({.steady = now, .unix_ms = 0});
    REQUIRE(state);
    return state->hosts.front().arming->expires - now;
  };
  REQUIRE(database.store->load({.steady = minutes(100), .unix_ms = 0}));
  REQUIRE(database.store->apply(
      Change{AddHost{.host = "host1", .cause = kCause}, AddArming{.id = 1,
                                                                  .host = "host1",
                                                                  .remaining_seconds = 3600,
                                                                  .steady = minutes(110),
                                                                  .cause = kCause}}));
  REQUIRE(database.store->apply(Change{KeepTime{.steady = minutes(125)}}));
  database.reopen();
  CHECK(left(minutes(3)) == std::chrono::minutes(45));  // another boot of the server: another clock
  REQUIRE(database.store->apply(Change{KeepTime{.steady = minutes(13)}}));
  REQUIRE(database.store->apply(Change{KeepTime{.steady = minutes(12)}}));  // never goes back
  database.reopen();
  CHECK(left(minutes(7)) == std::chrono::minutes(35));
}

TEST_CASE("with PostgreSQL an arming expires by the database's clock, whoever runs meanwhile",
          "[provisioning][store]") {
  Database database(Kind::postgresql);
  REQUIRE(database.store->apply(
      Change{AddHost{.host = "host1", .cause = kCause},
             AddArming{.id = 1, .host = "host1", .remaining_seconds = 3600, .cause = kCause}}));
  REQUIRE(database.store->apply(Change{KeepTime{.steady = TimePoint(std::chrono::hours(9))}}));
  database.tamper("UPDATE armings SET counted_from_ms = counted_from_ms - 1800000");
  const auto state = database.store->load({});
  REQUIRE(state);
  const auto left = state->hosts.front().arming->expires - TimePoint();
  CHECK(left <= std::chrono::minutes(30));
  CHECK(left > std::chrono::minutes(25));
}

TEST_CASE("a text that is no UTF-8 does not stop a host's change", "[provisioning][store]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  REQUIRE(database.store->apply(
      Change{AddHost{.host = "host1", .cause = {.who = "a\xff", .why = "b\xfe", .at_ms = 1}},
             PutFacts{.host = "host1", .serial = "S\xe9", .product = std::string("P\0C", 3)}}));
  CHECK(*database.store->verify_audit() == 1);
  const auto state = database.store->load({});
  REQUIRE(state);
  CHECK(state->hosts.front().serial == "S?");
  CHECK(state->hosts.front().product == "PC");
}

TEST_CASE("the database is private from its first moment", "[provisioning][store][sg9]") {
  const auto former = ::umask(0);
  Database database;
  ::umask(former);
  for (const auto& entry : std::filesystem::directory_iterator(database.folder)) {
    struct stat status{};
    REQUIRE(::stat(entry.path().c_str(), &status) == 0);
    INFO(entry.path());
    CHECK((status.st_mode & 0777U) == 0600U);
  }
}

TEST_CASE("the store's thread delivers results in order after the commit",
          "[provisioning][store]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  HandScheduler scheduler;
  std::vector<int> order;
  {
    StoreWorker worker(*database.store, scheduler);
    worker.submit(Change{AddHost{.host = "host1", .cause = kCause}},
                  [&](const Fallible<void>& result) { order.push_back(result ? 1 : -1); });
    worker.submit(Change{step(assigned, armed)},
                  [&](const Fallible<void>& result) { order.push_back(result ? 2 : -2); });
    worker.submit(Change{step(discovered, assigned)},
                  [&](const Fallible<void>& result) { order.push_back(result ? 3 : -3); });
  }
  scheduler.run(false);
  CHECK(order == std::vector{1, -2, 3});
  CHECK(state_of(*database.store) == assigned);
}

}  // namespace slipway::provisioning
