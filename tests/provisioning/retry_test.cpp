#include <algorithm>

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
constexpr auto kMac = "52:54:00:aa:00:01";
constexpr auto kNewMac = "52:54:00:bb:00:07";
constexpr auto kOpen = R"({"open":true,"by":"ann"})";
constexpr auto kClose = R"({"open":false,"by":"ann"})";

std::string refusal_of(const http::Response& response) {
  return std::to_string(response.status) + " " + member(response, "detail");
}

void fail_attempt(Depot& depot, const std::string& session) {
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  const auto attempt = std::to_string(depot.host("h1").attempt);
  const auto result =
      R"({"attempt":)" + attempt + R"(,"state":"failed","reason":"disk-read-error"})";
  REQUIRE(depot.post("/agent/v1/result", result, session).status == 200);
  REQUIRE(depot.state("h1") == "failed");
}

std::string hold_of_waiting(Depot& depot, const std::string& session) {
  return text_of(depot.ask("/agent/v1/plan?wait=0&seen=", {.bearer = session}));
}

std::size_t audited(Depot& depot, const std::string& what) {
  const auto rows = depot.audit();
  return static_cast<std::size_t>(
      std::ranges::count_if(rows, [&](const AuditRow& row) { return row.what == what; }));
}

}  // namespace

TEST_CASE("a failed host is tried again without a reboot, with the attempts that are left",
          "[provisioning][retry]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  fail_attempt(depot, session);
  const auto arming = depot.host("h1").arming->id;
  const auto poll = depot.begin("/agent/v1/plan?wait=30", {.bearer = session});
  REQUIRE(depot.order("/api/v1/hosts/h1/retry", R"({"why":"cable"})").status == 200);
  depot.settle();
  REQUIRE(poll->has_value());
  CHECK((*poll)->status == 200);
  CHECK(depot.state("h1") == "installing");
  CHECK(depot.host("h1").arming->id == arming);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "attempts_left") == "1");
}

TEST_CASE("a failed host whose arming is used up is armed again by a retry",
          "[provisioning][retry]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  fail_attempt(depot, session);
  const auto first = depot.host("h1").arming->id;
  for (int again = 0; again < 2; ++again) {
    REQUIRE(depot.order("/api/v1/hosts/h1/retry").status == 200);
    fail_attempt(depot, session);
  }
  CHECK_FALSE(depot.host("h1").arming);
  REQUIRE(depot.order("/api/v1/hosts/h1/retry", R"({"by":"ann","why":"new disk"})").status == 200);
  CHECK(depot.host("h1").arming->id != first);
  CHECK(depot.host("h1").arming->why == "new disk");
  CHECK(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
}

TEST_CASE("only a failed host is tried again", "[provisioning][retry][sg6]") {
  Depot depot;
  CHECK(refusal_of(depot.order("/api/v1/hosts/h1/retry")) ==
        "409 host h1 is assigned; only a failed host can be tried again.");
  depot.arm("h1");
  CHECK(refusal_of(depot.order("/api/v1/hosts/h1/retry")) ==
        "409 host h1 is armed; only a failed host can be tried again.");
}

TEST_CASE("a rescue shell is ordered, recorded, told to the host and closed again",
          "[provisioning][rescue]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for(kNewMac));
  const std::string url = "/api/v1/hosts/" + std::string(kNewMac) + "/rescue";
  CHECK_THAT(hold_of_waiting(depot, session), ContainsSubstring(R"("action":"wait")"));
  const auto tag = Sha256::of(hold_of_waiting(depot, session)).text().substr(0, 8);
  const auto poll = depot.begin("/agent/v1/plan?wait=30&seen=" + tag, {.bearer = session});
  const auto ordered = depot.order(url, kOpen);
  REQUIRE(ordered.status == 200);
  CHECK_THAT(member(ordered, "rescue_by"), ContainsSubstring("ann"));
  depot.settle();
  REQUIRE(poll->has_value());
  CHECK_THAT(text_of(**poll), ContainsSubstring(R"({"action":"shell")"));
  CHECK_THAT(text_of(**poll), ContainsSubstring(R"("by":"ann)"));
  CHECK(audited(depot, "rescue shell opened") == 1);
  REQUIRE(depot.order(url, kClose).status == 200);
  CHECK_THAT(hold_of_waiting(depot, session), ContainsSubstring(R"("action":"wait")"));
  CHECK(audited(depot, "rescue shell closed") == 1);
}

TEST_CASE("a rescue shell ends with the next transition and with a restart of the server",
          "[provisioning][rescue]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for("52:54:00:aa:00:02"));
  REQUIRE(depot.order("/api/v1/hosts/h2/rescue", kOpen).status == 200);
  SECTION("armed") {
    depot.arm("h2");
    CHECK_FALSE(depot.host("h2").rescue);
    CHECK_THAT(text_of(depot.ask("/agent/v1/plan?seen=", {.bearer = session})),
               ContainsSubstring(R"("action":"write")"));
  }
  SECTION("restarted") {
    depot.restart();
    CHECK_THAT(hold_of_waiting(depot, session), ContainsSubstring(R"("action":"wait")"));
  }
}

TEST_CASE("no shell is opened on a host that is at work or not in the installer",
          "[provisioning][rescue]") {
  Depot depot;
  CHECK(refusal_of(depot.order("/api/v1/hosts/h1/rescue", kOpen)) ==
        "409 host h1 is not in the installer; boot it from the network first.");
  CHECK(depot.order("/api/v1/hosts/h1/rescue", "{}").status == 400);
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  CHECK(refusal_of(depot.order("/api/v1/hosts/h1/rescue", kOpen)) ==
        "409 host h1 is installing; a shell is opened only while it waits.");
  // An agent that does not say what it shows is an old one: it would not understand.
  const auto other = depot.session_for(depot.token_for(kNewMac, "10.0.0.22"), "10.0.0.22");
  REQUIRE(depot.order("/api/v1/hosts/" + std::string(kNewMac) + "/rescue", kOpen).status == 200);
  CHECK(depot.ask("/agent/v1/plan?wait=0", {.bearer = other, .from = "10.0.0.22"}).status == 204);
  depot.advance(5min);
  CHECK(depot.order("/api/v1/hosts/" + std::string(kNewMac) + "/rescue", kOpen).status == 409);
}

TEST_CASE("a host that gets another lease while it writes goes on", "[provisioning][sg3]") {
  Depot depot;
  depot.arm("h1");
  depot.neighbours[*Ipv4::parse("10.0.0.21")] = *Mac::parse(kMac);
  const auto session = depot.session_for(depot.token_for(kMac));
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  const auto progress = R"({"attempt":)" + std::to_string(depot.host("h1").attempt) +
                        R"(,"step":"write","done_octets":50,"total_octets":100,"rate_octets":10})";
  const auto report_from = [&](const std::string& address) {
    return depot
        .ask("/agent/v1/progress",
             {.body = progress, .bearer = session, .from = address, .method = http::Method::post})
        .status;
  };
  SECTION("the LAN knows its MAC at the new address") {
    depot.neighbours[*Ipv4::parse("10.0.0.99")] = *Mac::parse(kMac);
    CHECK(report_from("10.0.0.99") == 204);
    CHECK(depot.state("h1") == "installing");
    CHECK(member(depot.show("/api/v1/hosts/h1"), "eta_seconds") == "5");
    // The former address may be anybody's now.
    depot.neighbours[*Ipv4::parse("10.0.0.21")] = *Mac::parse(kNewMac);
    CHECK(report_from("10.0.0.21") == 403);
  }
  SECTION("another machine on the LAN") {
    depot.neighbours[*Ipv4::parse("10.0.0.99")] = *Mac::parse(kNewMac);
    CHECK(report_from("10.0.0.99") == 403);
    CHECK(depot.state("h1") == "failed");
  }
  SECTION("from behind a router nobody can tell") {
    CHECK(report_from("10.9.9.9") == 403);
    CHECK(depot.state("h1") == "failed");
  }
}

}  // namespace slipway::provisioning
