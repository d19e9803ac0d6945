// The token of an agent that a stick started: the gate's rules are those of a boot script.
#include <algorithm>

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr auto kToken = "/boot.token?mac=52:54:00:aa:00:01";

std::size_t count_of(Depot& depot, const std::string& host, const std::string& event) {
  const auto events = depot.provisioning->ledger().journey().of(depot.host(host).id);
  return static_cast<std::size_t>(
      std::ranges::count_if(events, [&](const auto& each) { return each.event == event; }));
}

}  // namespace

TEST_CASE("an armed host on a stick gets a token that is good for an installation",
          "[provisioning][stick]") {
  Depot depot;
  depot.arm("h1");
  const auto given = depot.ask(kToken);
  REQUIRE(given.status == 200);
  const auto token = text_of(given);
  CHECK(token.size() == 32);
  CHECK(depot.state("h1") == "booting");
  CHECK(count_of(depot, "h1", "host.stick_started") == 1);
  CHECK(text_of(depot.ask(kToken)) == token);  // the answer may have been lost
  const auto session = depot.session_for(token);
  CHECK(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  CHECK(depot.state("h1") == "installing");
}

TEST_CASE("SG1, SG6: a stick gives no more than a network boot to a host that is not armed",
          "[provisioning][stick][sg1][sg6]") {
  Depot depot;
  SECTION("where unknown hosts are discovered, it waits") {
    const auto session = depot.session_for(text_of(depot.ask(kToken)));
    CHECK(depot.ask("/agent/v1/plan?wait=0", {.bearer = session}).status == 204);
    CHECK(depot.ask("/agent/v1/seed", {.bearer = session}).status == 403);
    CHECK(depot.ask("/boot.token?mac=52:54:00:bb:00:01").status == 200);
    CHECK(depot.state("52:54:00:bb:00:01") == "discovered");
  }
  SECTION("where they are ignored, there is no token, and no line for each time it asks") {
    depot.config.unknown_hosts = UnknownHosts::ignore;
    for (int times = 0; times < 3; ++times) CHECK(depot.ask(kToken).status == 204);
    CHECK(text_of(depot.ask(kToken)).empty());
    CHECK(depot.ask("/boot.token?mac=52:54:00:bb:00:01").status == 204);
    CHECK(depot.state("h1") == "assigned");
    CHECK(count_of(depot, "h1", "host.local_disk") == 0);
    depot.arm("h1");
    CHECK(depot.ask(kToken).status == 200);
  }
}

TEST_CASE("SG3: another machine gets no token in the name of a host",
          "[provisioning][stick][sg3]") {
  Depot depot;
  depot.neighbours[*Ipv4::parse("10.0.0.99")] = *Mac::parse("52:54:00:aa:00:02");
  depot.arm("h1");
  CHECK(depot.ask(kToken, {.from = "10.0.0.99"}).status == 403);
  CHECK(depot.state("h1") == "armed");
}

TEST_CASE("a stick left in its host does not write it again", "[provisioning][stick][sg6]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(text_of(depot.ask(kToken)));
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  REQUIRE(depot.post("/agent/v1/result", R"({"attempt":1,"state":"installed"})", session).status ==
          200);
  CHECK(depot.ask(kToken).status == 204);
  CHECK(depot.state("h1") == "installed");
}

TEST_CASE("a stick's attempts are counted like any others", "[provisioning][stick][sg6]") {
  Depot depot;
  depot.arm("h1");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    INFO(attempt);
    CHECK(depot.ask(kToken).status == 200);
    depot.advance(61s);  // later than that it is another start
  }
  CHECK(depot.ask(kToken).status == 204);
  CHECK(depot.state("h1") == "failed");
}

TEST_CASE("what is no question for a token is refused, and HEAD uses none up",
          "[provisioning][stick]") {
  Depot depot;
  depot.arm("h1");
  CHECK(depot.ask("/boot.token").status == 400);
  CHECK(depot.ask("/boot.token?mac=52:54").status == 400);
  CHECK(text_of(depot.ask(kToken, {.method = http::Method::head})) == std::string(32, '0'));
  CHECK(depot.host("h1").arming->attempts_used == 0);
}

}  // namespace slipway::provisioning
