// Each step of an attempt has its time, its name and its remedy.
#include "provisioning/overdue.hpp"

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr auto kMac = "52:54:00:aa:00:01";

enum class Reached : std::uint8_t { script, kernel, token, session, plan, config };

// A host of `depot`, armed and brought as far as `reached`; its bearer, if it has one.
std::string bring(Depot& depot, Reached reached) {
  depot.neighbours[*Ipv4::parse("10.0.0.21")] = *Mac::parse(kMac);
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  if (reached == Reached::kernel) {
    const auto kernel = "/artifacts/" + Sha256::of("vmlinuz").text() + "/vmlinuz";
    REQUIRE(depot.ask(kernel).status == 200);
  }
  if (reached == Reached::token) REQUIRE(depot.ask("/h/" + token + "/initrd").status == 200);
  if (reached <= Reached::token) return {};
  auto bearer = depot.session_for(token);
  if (reached >= Reached::plan) {
    REQUIRE(depot.ask("/agent/v1/plan?wait=0", {.bearer = bearer}).status == 200);
  }
  if (reached == Reached::config) {
    REQUIRE(depot.ask("/agent/v1/seed", {.bearer = bearer}).status == 200);
  }
  return bearer;
}

// Time passes in the steps of the sweep, while the agent reports if it has a bearer.
void pass(Depot& depot, std::chrono::seconds time, const std::string& reports_as = {}) {
  for (auto passed = 0s; passed < time; passed += 5s) {
    if (!reports_as.empty()) {
      (void)depot.post("/agent/v1/progress", R"({"attempt":1,"step":"checks"})", reports_as);
    }
    depot.advance(5s);
  }
}

}  // namespace

TEST_CASE("a step that takes too long ends the attempt with its reason and a remedy",
          "[provisioning][overdue]") {
  struct Row {
    std::string_view why;
    Reached reached;
    bool reports;
    std::chrono::seconds limit;
    std::string before, reason, after, remedy;
  };
  const auto row =
      GENERATE(Row{"the loader stands still", Reached::script, false, 3min, "booting", "no-kernel",
                   "armed", "boot HTTP port"},
               Row{"the kernel does not come up", Reached::kernel, false, 10min, "booting",
                   "no-agent", "armed", "look at its console"},
               Row{"the token alone shows that the loader works", Reached::token, false, 10min,
                   "booting", "no-agent", "armed", "look at its console"},
               Row{"the agent stops after its session", Reached::session, false, 3min, "booting",
                   "no-plan-asked", "armed", "switch it on again"},
               Row{"the agent works on something else", Reached::plan, true, 3min, "installing",
                   "config-not-fetched", "failed", "nothing was written"},
               Row{"the agent stops after its plan", Reached::plan, false, 150s, "installing",
                   "silent", "failed", "its power and its cable"},
               Row{"the agent stops while it writes", Reached::config, false, 150s, "installing",
                   "silent", "failed", "its power and its cable"});
  INFO(row.why);
  Depot depot;
  const auto bearer = bring(depot, row.reached);
  pass(depot, row.limit, row.reports ? bearer : std::string());
  CHECK(depot.state("h1") == row.before);
  pass(depot, 5s, row.reports ? bearer : std::string());
  CHECK(depot.state("h1") == row.after);
  const auto shown = depot.show("/api/v1/hosts/h1");
  CHECK(member(shown, "reason") == row.reason);
  CHECK_THAT(member(shown, "detail"), ContainsSubstring(row.remedy));
  CHECK(member(shown, "attempts_left") == "2");
}

TEST_CASE("an agent that reports is given all the time that the disk takes",
          "[provisioning][overdue]") {
  Depot depot;
  const auto bearer = bring(depot, Reached::config);
  pass(depot, 1h, bearer);
  CHECK(depot.state("h1") == "installing");
}

TEST_CASE("burn-in and erasing may take their time before the config is fetched",
          "[provisioning][overdue]") {
  const auto step = GENERATE(as<std::string>(), "burn-in", "erase");
  Depot depot;
  const auto bearer = bring(depot, Reached::plan);
  const auto body =
      R"({"attempt":)" + std::to_string(depot.host("h1").attempt) + R"(,"step":")" + step + R"("})";
  REQUIRE(depot.post("/agent/v1/progress", body, bearer).status == 204);
  pass(depot, 1h, bearer);
  CHECK(depot.state("h1") == "installing");
}

TEST_CASE("after a restart of the server each step has its whole time again",
          "[provisioning][overdue]") {
  struct Row {
    Reached reached;
    std::chrono::seconds before, after;  // the restart, and from it on
    std::string state, reason;
  };
  // A new server cannot know whether a loader took the kernel: it waits for the agent.
  const auto row = GENERATE(Row{Reached::script, 175s, 10min, "armed", "no-agent"},
                            Row{Reached::session, 175s, 3min, "armed", "no-plan-asked"},
                            Row{Reached::plan, 145s, 150s, "failed", "silent"},
                            Row{Reached::config, 145s, 150s, "failed", "silent"});
  Depot depot;
  (void)bring(depot, row.reached);
  pass(depot, row.before);
  depot.restart();
  pass(depot, row.after);
  CHECK(depot.host("h1").reason.empty());
  pass(depot, 5s);
  CHECK(depot.state("h1") == row.state);
  CHECK(depot.host("h1").reason == row.reason);
}

TEST_CASE("a host behind a router is known by who asked for its script",
          "[provisioning][overdue]") {
  Depot depot;
  depot.arm("h1");
  (void)depot.token_for(kMac, "192.0.2.7");
  const auto kernel = "/artifacts/" + Sha256::of("vmlinuz").text() + "/vmlinuz";
  REQUIRE(depot.ask(kernel, {.from = "192.0.2.8"}).status == 200);
  CHECK_FALSE(depot.host("h1").kernel_asked);
  REQUIRE(depot.ask(kernel, {.from = "192.0.2.7"}).status == 200);
  CHECK(depot.host("h1").kernel_asked);
}

TEST_CASE("a host without an attempt is never overdue", "[provisioning][overdue]") {
  const TimePoint now{std::chrono::hours(100)};
  Host host;
  host.state = GENERATE(HostState::discovered, HostState::assigned, HostState::armed,
                        HostState::installed, HostState::failed, HostState::ignored);
  CHECK_FALSE(overdue(host, now));
}

}  // namespace slipway::provisioning
