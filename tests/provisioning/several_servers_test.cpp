// Several servers on one PostgreSQL database (docs/architecture.md).
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <random>
#include <thread>

#include "tests/provisioning/databases.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
using enum HostState;

const std::string kMac = "52:54:00:aa:00:01";
const std::string kStranger = "52:54:00:bb:00:07";
const Cause kCause{.who = "ann", .why = "test", .at_ms = 1000};

// Lets `depot` hear from its store until `good`; servers look for news every second.
bool comes_true(Depot& depot, const std::function<bool()>& good) {
  for (int i = 0; i < 600; ++i) {
    depot.settle();
    if (good()) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

std::filesystem::path here() { return std::filesystem::temp_directory_path(); }

std::int64_t rows_of_audit(const Secret& url) {
  auto store = Store::open_postgresql(url);
  REQUIRE(store);
  const auto rows = (*store)->verify_audit();
  INFO((rows ? std::string() : rows.error().text()));
  REQUIRE(rows);
  return *rows;
}

// ---- two processes ---------------------------------------------------------------------------

std::string host_id(std::size_t number) { return "host" + std::to_string(number); }

std::size_t host_count() {
  const auto* text = std::getenv("SLIPWAY_TEST_SCALE");
  const double scale = text != nullptr ? std::strtod(text, nullptr) : 1.0;
  constexpr double kHosts = 500;  // two processes: 1,000 attempts
  return static_cast<std::size_t>(std::max(kHosts * scale, 60.0));
}

// What one process achieved, by host.
struct Wins {
  std::vector<char> armed, claimed;
};

Change arming_of(std::size_t host, std::int64_t id) {
  return {AddArming{.id = id, .host = host_id(host), .remaining_seconds = 3600, .cause = kCause},
          Transition{.host = host_id(host), .from = assigned, .to = armed, .cause = kCause}};
}

Change claim_of(std::size_t host, std::int64_t arming, std::int64_t id) {
  const auto token = Sha256::of(std::to_string(id));
  return {AddAttempt{.id = id, .arming = arming, .host = host_id(host), .at_ms = 1},
          AddSession{.id = id, .host = host_id(host), .token_hash = token, .attempt = id},
          Transition{.host = host_id(host), .from = armed, .to = booting, .cause = kCause}};
}

// Tries one change for each host, a few in one transaction, in an order of its own.
std::vector<char> race(Store& store, std::size_t hosts, unsigned seed,
                       const std::function<Change(std::size_t)>& change_of) {
  constexpr std::size_t kGroup = 5;
  std::vector<std::size_t> order(hosts);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::shuffle(order, std::mt19937(seed));
  std::vector<char> won(hosts, 0);
  for (std::size_t at = 0; at < hosts; at += kGroup) {
    std::vector<Change> group;
    for (std::size_t i = at; i < std::min(at + kGroup, hosts); ++i) {
      group.push_back(change_of(order[i]));
    }
    const auto results = store.apply(group);
    for (std::size_t i = 0; i < results.size(); ++i) won[order[at + i]] = results[i] ? 1 : 0;
  }
  return won;
}

struct Pipe {
  Pipe() { REQUIRE(::pipe(ends.data()) == 0); }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void write(const std::vector<char>& octets) const {
    if (::write(ends[1], octets.data(), octets.size()) < 0) ::_exit(3);
  }
  std::vector<char> read(std::size_t count) const {
    std::vector<char> octets(count);
    for (std::size_t have = 0; have < count;) {
      const auto got = ::read(ends[0], octets.data() + have, count - have);
      if (got <= 0) return {};
      have += static_cast<std::size_t>(got);
    }
    return octets;
  }
  std::array<int, 2> ends{};
};

// A server process: arms, says so, waits for the word, claims.
class Contender {
 public:
  Contender(const Secret& url, std::size_t hosts, unsigned seed) : hosts_(hosts) {
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) ::_exit(run(url, seed));
  }
  ~Contender() { ::waitpid(pid_, nullptr, 0); }
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;

  [[nodiscard]] std::vector<char> result() const { return results_.read(hosts_); }
  void go_on() const { orders_.write({'g'}); }

 private:
  [[nodiscard]] int run(const Secret& url, unsigned seed) const {
    auto store = Store::open_postgresql(url);
    if (!store) return 1;
    auto state = (*store)->load({});
    if (!state) return 2;
    results_.write(race(**store, hosts_, seed,
                        [&](std::size_t host) { return arming_of(host, ++state->last_arming); }));
    (void)orders_.read(1);
    const auto truth = (*store)->load({});
    if (!truth) return 4;
    std::map<std::string, std::int64_t> armings;
    for (const auto& host : truth->hosts) {
      if (host.arming) armings[host.id] = host.arming->id;
    }
    results_.write(race(**store, hosts_, seed + 1, [&](std::size_t host) {
      return claim_of(host, armings[host_id(host)], ++state->last_attempt);
    }));
    return 0;
  }

  std::size_t hosts_;
  Pipe results_, orders_;
  pid_t pid_ = 0;
};

bool each_exactly_once(const std::vector<char>& one, const std::vector<char>& two) {
  if (one.empty() || one.size() != two.size()) return false;
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (one[i] + two[i] != 1) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("of two processes that arm and claim 500 hosts at once, each host goes to one session",
          "[provisioning][servers][sg6]") {
  Database database(Kind::postgresql);
  const auto hosts = host_count();
  std::vector<Change> all;
  for (std::size_t i = 0; i < hosts; ++i) {
    all.push_back(
        {AddHost{.host = host_id(i), .cause = kCause},
         Transition{.host = host_id(i), .from = discovered, .to = assigned, .cause = kCause}});
  }
  for (const auto& result : database.store->apply(all)) REQUIRE(result);
  const Contender one(database.place.url, hosts, 1);
  const Contender two(database.place.url, hosts, 100);
  CHECK(each_exactly_once(one.result(), two.result()));
  one.go_on();
  two.go_on();
  const auto first = one.result();
  const auto second = two.result();
  CHECK(each_exactly_once(first, second));
  // It was a race: both won some.
  CHECK(std::ranges::count(first, 1) > 0);
  CHECK(std::ranges::count(second, 1) > 0);
  const auto state = database.store->load({});
  REQUIRE(state);
  for (const auto& host : state->hosts) {
    CHECK(host.state == booting);
    CHECK(host.sessions.size() == 1);
    CHECK(host.arming->attempts_used == 1);
  }
  // Two rows for each host as it was made, one for its arming and one for its claim.
  CHECK(*database.store->verify_audit() == static_cast<std::int64_t>(4 * hosts));
}

// ---- two servers -----------------------------------------------------------------------------

TEST_CASE("what one server arms, the other one boots", "[provisioning][servers]") {
  const auto url = PostgresServer::shared().create_database();
  Depot one(here(), url);
  Depot two(here(), url);
  CHECK(one.host("h1").id == two.host("h1").id);
  one.arm("h1");
  REQUIRE(comes_true(two, [&] { return two.state("h1") == "armed"; }));
  CHECK(two.host("h1").arming->who == one.host("h1").arming->who);
  const auto session = two.session_for(two.token_for(kMac));
  CHECK(two.ask("/agent/v1/plan?wait=0", {.bearer = session}).status == 200);
  REQUIRE(comes_true(one, [&] { return one.state("h1") == "installing"; }));
  CHECK(one.host("h1").attempt == two.host("h1").attempt);
  CHECK(rows_of_audit(url) > 0);
}

TEST_CASE("a waiting host gets its plan when another server arms it", "[provisioning][servers]") {
  const auto url = PostgresServer::shared().create_database();
  Depot one(here(), url);
  Depot two(here(), url);
  const auto session = two.session_for(two.token_for(kMac));
  const auto poll = two.begin("/agent/v1/plan?wait=30", {.bearer = session});
  CHECK_FALSE(poll->has_value());
  REQUIRE(comes_true(one, [&] { return one.host("h1").sessions.size() == 1; }));
  one.arm("h1");
  REQUIRE(comes_true(two, [&] { return poll->has_value(); }));
  CHECK((*poll)->status == 200);
}

TEST_CASE("a server that is late refuses, follows, and decides on the truth",
          "[provisioning][servers][sg6]") {
  const auto url = PostgresServer::shared().create_database();
  Depot one(here(), url);
  Depot two(here(), url);
  one.arm("h1");
  REQUIRE(comes_true(two, [&] { return two.state("h1") == "armed"; }));
  const auto first = one.token_for(kMac);
  CHECK(two.script_for(kMac) == "status 503");  // it believed the host armed and not begun
  REQUIRE(comes_true(two, [&] { return two.state("h1") == "booting"; }));
  // Asked again it is a new boot of the host: the second attempt, and the first one is dead.
  const auto second = two.token_for(kMac);
  REQUIRE(comes_true(one, [&] { return one.host("h1").arming->attempts_used == 2; }));
  const auto ask = [](const std::string& token) {
    return Ask{.body = R"({"token":")" + token + R"("})", .method = http::Method::post};
  };
  CHECK(one.ask("/agent/v1/session", ask(first)).status == 410);
  CHECK(two.ask("/agent/v1/session", ask(second)).status == 200);
  CHECK(rows_of_audit(url) > 0);
}

TEST_CASE("a stranger that two servers meet at once becomes one host", "[provisioning][servers]") {
  const auto url = PostgresServer::shared().create_database();
  Depot one(here(), url);
  Depot two(here(), url);
  CHECK(one.script_for(kStranger) != "status 503");
  (void)two.script_for(kStranger);  // may be refused: the other one was first
  REQUIRE(comes_true(two, [&] { return two.host(kStranger).id == one.host(kStranger).id; }));
  CHECK(two.host(kStranger).stored);
  auto store = Store::open_postgresql(url);
  REQUIRE(store);
  const auto state = (*store)->load({});
  REQUIRE(state);
  CHECK(std::ranges::count_if(state->hosts, [](const Host& host) {
          return std::ranges::find(host.macs, *Mac::parse(kStranger)) != host.macs.end();
        }) == 1);
  CHECK(state->hosts.size() == 4);
  CHECK(two.script_for(kStranger) != "status 503");
}

TEST_CASE("two servers that start on an empty database at once agree on their hosts",
          "[provisioning][servers]") {
  const auto url = PostgresServer::shared().create_database();
  Depot one(here(), url);
  one.inventory.hosts.push_back(one.inventory.hosts.front());
  Depot two(here(), url);
  auto& added = one.inventory.hosts.back();
  added.name = "h9";
  added.macs = {*Mac::parse("52:54:00:aa:00:09")};
  two.inventory = one.inventory;
  // Both read the same new files before either has heard of the other's host.
  for (auto* depot : {&one, &two}) {
    (void)depot->provisioning->use_inventory(std::make_shared<const Inventory>(one.inventory));
  }
  one.settle();
  two.settle();
  REQUIRE(comes_true(two, [&] {
    return two.host("h9").stored && one.host("h9").stored && two.host("h9").id == one.host("h9").id;
  }));
  auto store = Store::open_postgresql(url);
  REQUIRE(store);
  CHECK((*store)->load({})->hosts.size() == 4);
}

TEST_CASE("an attempt is timed out by the server that its agent talks to",
          "[provisioning][servers]") {
  const auto url = PostgresServer::shared().create_database();
  auto one = std::make_unique<Depot>(here(), url);
  Depot two(here(), url);
  one->arm("h1");
  (void)one->token_for(kMac);
  REQUIRE(comes_true(two, [&] { return two.state("h1") == "booting"; }));
  two.advance(2h);
  CHECK(two.state("h1") == "booting");
  one.reset();  // says that it goes; one that is killed is missed after 30 seconds
  REQUIRE(
      comes_true(two, [&] { return !two.provisioning->ledger().is_elsewhere(two.host("h1")); }));
  two.advance(1min);
  CHECK(two.state("h1") == "booting");  // the whole time-out to come to this server
  two.advance(2h);
  CHECK(two.state("h1") != "booting");
}

TEST_CASE("a profile that one server published is published for the other",
          "[provisioning][servers]") {
  const auto url = PostgresServer::shared().create_database();
  Depot one(here(), url);
  Depot two(here(), url);
  one.arm("h1");
  REQUIRE(comes_true(
      two, [&] { return two.provisioning->ledger().published("edge@1.0.0").has_value(); }));
  two.inventory.profiles.front().description = "changed after it was armed with";
  two.inventory.profiles.front().requirements.memory_octets *= 2;
  (void)two.provisioning->use_inventory(std::make_shared<const Inventory>(two.inventory));
  const auto refused = two.order("/api/v1/hosts/h2/arm");
  CHECK(refused.status == 422);
}

TEST_CASE("a PostgreSQL that breaks down loses nothing and is taken up again",
          "[provisioning][servers][sg11]") {
  PostgresServer server;
  const auto url = server.create_database();
  Depot depot(here(), url);
  depot.arm("h1");
  server.kill();
  const auto refused = depot.order("/api/v1/hosts/h2/arm");
  CHECK(refused.status == 503);
  CHECK_THAT(text_of(refused), ContainsSubstring("database"));
  CHECK(depot.script_for(kMac) == "status 503");  // nothing is served that is not stored
  server.start();
  REQUIRE(comes_true(depot, [&] { return depot.order("/api/v1/hosts/h2/arm").status == 200; }));
  (void)depot.token_for(kMac);
  CHECK(depot.state("h1") == "booting");
  depot.restart();
  CHECK(depot.state("h1") == "booting");
  CHECK(depot.state("h2") == "armed");
  CHECK(rows_of_audit(url) > 0);
}

TEST_CASE("a batch that one server opened takes hosts of the other one, and ends for both",
          "[provisioning][servers][batch]") {
  const auto url = PostgresServer::shared().create_database();
  Depot one(here(), url);
  Depot two(here(), url);
  const auto opened =
      one.order("/api/v1/batches", R"({"profile":"edge","sites":["store-1"],"allow":["any"]})");
  REQUIRE(opened.status == 200);
  const auto path = "/api/v1/batches/" + member(opened, "id");
  two.advance(5s);  // its sweep reads what others opened
  two.fence();
  REQUIRE(two.show(path).status == 200);
  const auto session = two.session_for(two.token_for(kStranger));
  const auto poll = two.begin("/agent/v1/plan?wait=30", {.bearer = session});
  REQUIRE(comes_true(two, [&] { return poll->has_value(); }));
  CHECK((*poll)->status == 200);
  CHECK(two.state(kStranger) == "installing");
  CHECK(member(one.show(path + "/report?format=json"), "boxes").find("not taken") ==
        std::string::npos);
  one.advance(5s);
  one.fence();
  REQUIRE(one.order(path + "/close").status == 200);
  two.advance(5s);
  two.fence();
  CHECK(member(two.show(path), "open") == "false");
}

}  // namespace slipway::provisioning
