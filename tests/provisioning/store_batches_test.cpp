// Batches in the store, over both kinds of database.
#include <atomic>
#include <thread>

#include "tests/provisioning/databases.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

const Cause kCause{.who = "ann", .why = "test", .at_ms = 1000};
constexpr unsigned kPlaces = 40;

Batch sample_batch(unsigned places) {
  Batch batch{
      .id = "batch001",
      .profile = "edge@1.0.0",
      .kind = BatchKind::sites,
      .rules = {*parse_allow_rule("mac=52:54:00"), *parse_allow_rule("vendor=A 'B' \"C\"*")},
      .who = "ann (uid 0)",
      .why = "order 4711",
      .opened_ms = 5000};
  for (unsigned i = 1; i <= places; ++i) {
    batch.slots.push_back({.number = i, .site = "store-" + std::to_string(i)});
  }
  return batch;
}

AddBatch added(unsigned places) {
  return {.batch = sample_batch(places), .remaining_seconds = 60, .steady = {}};
}

Change claim(std::int64_t number, const std::string& host, std::int64_t arming) {
  return {
      ClaimSlot{.batch = "batch001", .number = number, .host = host, .arming = arming, .at_ms = 7}};
}

std::vector<Batch> batches_of(Store& store) {
  auto batches = store.batches({});
  REQUIRE(batches);
  return *batches;
}

}  // namespace

TEST_CASE("a place is taken once, and only while its batch is open",
          "[provisioning][store][batch][sg6]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  auto& store = *database.store;
  REQUIRE(store.apply(Change{added(3)}));
  CHECK(store.apply(claim(1, "host1", 10)));
  CHECK_FALSE(store.apply(claim(1, "host2", 11)));
  CHECK_FALSE(store.apply(claim(1, "host1", 12)));
  CHECK_FALSE(store.apply(claim(2, "host1", 13)));  // it has a place
  CHECK_FALSE(store.apply(claim(9, "host9", 14)));  // there is no such place
  const CloseBatch close{.batch = "batch001", .who = "bob", .at_ms = 9000};
  CHECK(store.apply(Change{close}));
  CHECK_FALSE(store.apply(Change{close}));
  CHECK_FALSE(store.apply(claim(2, "host2", 15)));
  database.reopen();
  const auto batches = batches_of(*database.store);
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].slots[0].host == "host1");
  CHECK(batches[0].slots[0].arming == 10);
  CHECK(batches[0].slots[0].taken_ms == 7);
  CHECK(batches[0].slots[1].host.empty());
  CHECK(batches[0].closed_ms == 9000);
  CHECK(batches[0].closed_by == "bob");
  CHECK(*database.store->verify_audit() == 2);
}

TEST_CASE("a place that is foreseen for one host is no other's", "[provisioning][store][batch]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  auto batch = added(1);
  batch.batch.kind = BatchKind::hosts;
  batch.batch.slots[0].host = "host1";
  REQUIRE(database.store->apply(Change{batch}));
  CHECK_FALSE(database.store->apply(claim(1, "host2", 10)));
  CHECK(database.store->apply(claim(1, "host1", 11)));
}

TEST_CASE("batches and what is kept of boxes come back", "[provisioning][store][batch]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  const Box box{.name = "till 'x'",
                .macs = {*Mac::parse("52:54:00:aa:00:01"), *Mac::parse("52:54:00:aa:00:02")},
                .uuid = "12345678-1234-5678-9abc-def012345678",
                .serial = "S \"1\"",
                .edge_id = "edge-1",
                .site = "store-1",
                .image = "debian@12",
                .image_digest = Sha256::of("manifest"),
                .tags = {{"b", "x\ny"}, {"a", "Gr\xC3\xBC\xC3\x9F"}}};
  auto later = box;
  later.serial = "S2";
  REQUIRE(database.store->apply(
      Change{AddHost{.host = "host1", .cause = kCause},
             AddArming{.id = 7, .host = "host1", .profile = "edge@1", .cause = kCause},
             KeepBox{.arming = 7, .box = box}, added(2), claim(1, "host1", 7).front(),
             KeepBox{.arming = 7, .box = later},
             AddAttempt{.id = 9, .arming = 7, .host = "host1", .at_ms = 5},
             EndAttempt{.id = 9, .state = "installed", .report_json = "{}", .at_ms = 6}}));
  database.reopen();
  const auto batch = batches_of(*database.store).front();
  const auto wanted = sample_batch(2);
  CHECK(batch.profile == wanted.profile);
  CHECK(batch.kind == wanted.kind);
  CHECK(batch.who == wanted.who);
  CHECK(batch.why == wanted.why);
  CHECK(batch.opened_ms == 5000);
  REQUIRE(batch.rules.size() == 2);
  CHECK(text_of(batch.rules[1]) == "vendor=A 'B' \"C\"*");
  const auto history = database.store->history_of_batch("batch001");
  REQUIRE(history);
  REQUIRE(history->armings.size() == 1);
  const auto& kept = history->armings[0].box;
  CHECK(kept.name == box.name);
  CHECK(kept.macs == box.macs);
  CHECK(kept.serial == "S2");
  CHECK(kept.edge_id == box.edge_id);
  CHECK(kept.image_digest == box.image_digest);
  CHECK(kept.tags == box.tags);
  REQUIRE(history->attempts.size() == 1);
  CHECK(history->attempts[0].state == "installed");
}

TEST_CASE("two servers that claim at once never share a place",
          "[provisioning][store][batch][sg6]") {
  Database database(GENERATE(Kind::sqlite, Kind::postgresql));
  REQUIRE(database.store->apply(Change{added(kPlaces)}));
  std::atomic<unsigned> won{0};
  const auto take_all = [&won](Store& store, const std::string& name) {
    for (unsigned i = 1; i <= kPlaces; ++i) {
      const auto host = name + std::to_string(i);
      if (store.apply(claim(i, host, i))) ++won;
    }
  };
  const auto other = database.another();
  {
    const std::jthread first([&] { take_all(*database.store, "a"); });
    const std::jthread second([&] { take_all(*other, "b"); });
  }
  CHECK(won == kPlaces);
  const auto batch = batches_of(*other).front();
  for (const auto& slot : batch.slots) CHECK_FALSE(slot.host.empty());
}

}  // namespace slipway::provisioning
