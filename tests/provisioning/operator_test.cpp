#include <fstream>

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
constexpr auto kMac = "52:54:00:aa:00:01";
constexpr auto kNewMac = "52:54:00:bb:00:07";

std::string refusal_of(const http::Response& response) {
  return std::to_string(response.status) + " " + member(response, "detail");
}

}  // namespace

TEST_CASE("arming is refused with a sentence when something is missing",
          "[provisioning][operator]") {
  Depot depot;
  std::string host = "h1";
  std::string expected;
  SECTION("no profile") {
    host = "spare";
    expected = "422 host spare has no profile.";
  }
  SECTION("no image") {
    depot.artifacts.has_image = false;
    expected = "422 profile edge@1.0.0: there is no image debian@12.";
  }
  SECTION("no installer") {
    depot.artifacts.has_installer = false;
    expected = "422 the installer is not built; run slipway installer build.";
  }
  SECTION("armed already") {
    depot.arm("h1");
    expected = "409 host h1 is armed already, by ann (uid " + std::to_string(::geteuid()) + ").";
  }
  SECTION("unknown host") {
    host = "h9";
    expected = "404 There is no host h9; name it by its name, its ID or a MAC.";
  }
  CHECK(refusal_of(depot.order("/api/v1/hosts/" + host + "/arm")) == expected);
}

TEST_CASE("a published profile cannot change", "[provisioning][operator]") {
  Depot depot;
  depot.arm("h1");
  depot.inventory.profiles.front().finish = Finish::reboot;
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  const auto changed =
      "422 profile edge@1.0.0 was changed after a host had been armed with it; give it a new "
      "version.";
  CHECK(refusal_of(depot.order("/api/v1/hosts/h2/arm")) == changed);
  depot.restart();
  CHECK(refusal_of(depot.order("/api/v1/hosts/h2/arm")) == changed);
  depot.inventory.profiles.front().version = "1.0.1";
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  CHECK(depot.order("/api/v1/hosts/h2/arm").status == 200);
}

TEST_CASE("a discovered host can be assigned, armed and installed without a reboot",
          "[provisioning][operator]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for(kNewMac));
  CHECK(depot.state(kNewMac) == "discovered");
  const auto poll = depot.begin("/agent/v1/plan?wait=30", {.bearer = session});
  const std::string url = "/api/v1/hosts/" + std::string(kNewMac);
  CHECK(refusal_of(depot.order(url + "/assign", R"({"profile":"nope"})")).starts_with("422 "));
  REQUIRE(depot
              .order(url + "/assign",
                     R"({"profile":"edge","site":"store-1","name":"till-7","why":"new"})")
              .status == 200);
  CHECK(depot.state("till-7") == "assigned");
  CHECK_FALSE(poll->has_value());
  depot.restart();
  CHECK(depot.state("till-7") == "assigned");
  const auto again = depot.begin("/agent/v1/plan?wait=30", {.bearer = session});
  depot.arm("till-7");
  depot.settle();
  REQUIRE(again->has_value());
  CHECK((*again)->status == 200);
  CHECK(member(**again, "host") == "till-7");
}

TEST_CASE("a waiting host is told why it waits, at once when that changes",
          "[provisioning][operator]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for(kNewMac));
  const std::string url = "/api/v1/hosts/" + std::string(kNewMac);
  const auto id = depot.host(kNewMac).id;
  const auto first = depot.ask("/agent/v1/plan?wait=30&seen=", {.bearer = session});
  REQUIRE(first.status == 200);
  CHECK(text_of(first) ==
        R"({"action":"wait","name":"","state":"discovered","text":"Not assigned. Assign and arm )"
        R"(it on the server: slipway host assign )" +
            id + " --profile PROFILE --site SITE; slipway host arm " + id + R"(."})");
  const auto tag = Sha256::of(text_of(first)).text().substr(0, 8);
  const auto poll = depot.begin("/agent/v1/plan?wait=30&seen=" + tag, {.bearer = session});
  depot.settle();
  CHECK_FALSE(poll->has_value());
  const auto body = R"({"profile":"edge","site":"store-1","name":"till-7"})";
  REQUIRE(depot.order(url + "/assign", body).status == 200);
  depot.settle();
  REQUIRE(poll->has_value());
  CHECK(text_of(**poll) ==
        R"({"action":"wait","name":"till-7","state":"assigned","text":"Assigned, but not armed. )"
        R"(Arm it on the server: slipway host arm till-7."})");
}

TEST_CASE("a session tells the host its ID, and its page when the pages have an address",
          "[provisioning][operator]") {
  Depot depot;
  const auto open = [&] {
    const auto token = depot.token_for(kNewMac);
    return depot.ask("/agent/v1/session",
                     {.body = R"({"token":")" + token + R"(","macs":[")" + kNewMac + R"("]})",
                      .method = http::Method::post});
  };
  auto opened = open();
  const auto id = depot.host(kNewMac).id;
  CHECK(member(opened, "id") == id);
  CHECK_THAT(text_of(opened), !ContainsSubstring("url"));
  CHECK_THAT(text_of(opened), !ContainsSubstring("qr"));
  depot.config.public_url = "https://depot.example.com";
  opened = open();
  CHECK(member(opened, "url") == "https://depot.example.com/r/" + id);
  CHECK_THAT(text_of(opened), ContainsSubstring(R"("qr":["1111111)"));
}

TEST_CASE("an ignored host gets its disk and nothing else", "[provisioning][operator]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for(kNewMac));
  REQUIRE(depot.order("/api/v1/hosts/" + std::string(kNewMac) + "/ignore").status == 200);
  CHECK(depot.state(kNewMac) == "ignored");
  CHECK_THAT(depot.script_for(kNewMac), ContainsSubstring("sanboot"));
  CHECK(depot.ask("/agent/v1/plan", {.bearer = session}).status == 410);
  CHECK(refusal_of(depot.order("/api/v1/hosts/h1/ignore")) ==
        "409 host h1 is assigned; only a discovered host can be ignored.");
  const auto body = R"({"profile":"edge"})";
  CHECK(depot.order("/api/v1/hosts/" + std::string(kNewMac) + "/assign", body).status == 200);
  CHECK(depot.state(kNewMac) == "assigned");
}

TEST_CASE("hosts follow the inventory", "[provisioning][operator]") {
  Depot depot;
  SECTION("a host that becomes complete is assigned") {
    depot.inventory.hosts[2].profile = "edge";
    REQUIRE(depot.order("/api/v1/reload").status == 200);
    depot.settle();
    CHECK(depot.state("spare") == "assigned");
  }
  SECTION("a host that is dropped is only discovered") {
    depot.inventory.hosts.erase(depot.inventory.hosts.begin());
    REQUIRE(depot.order("/api/v1/reload").status == 200);
    depot.settle();
    CHECK(depot.state("h1") == "discovered");
  }
  SECTION("a discovered host that is written down keeps its session") {
    const auto session = depot.session_for(depot.token_for(kNewMac));
    const auto poll = depot.begin("/agent/v1/plan?wait=30", {.bearer = session});
    auto entry = depot.inventory.hosts[0];
    SECTION("under a new name") {
      entry.name = "h3";
      entry.macs = {*Mac::parse(kNewMac)};
      depot.inventory.hosts.push_back(entry);
    }
    SECTION("as a second card of a known host") {
      entry.name = "h3";
      entry.macs = {*Mac::parse("52:54:00:aa:00:33")};
      depot.inventory.hosts.push_back(entry);
      REQUIRE(depot.order("/api/v1/reload").status == 200);
      depot.inventory.hosts.back().macs.push_back(*Mac::parse(kNewMac));
    }
    REQUIRE(depot.order("/api/v1/reload").status == 200);
    depot.settle();
    CHECK(depot.state("h3") == "assigned");
    CHECK_FALSE(poll->has_value());
    depot.arm(kNewMac);
    depot.settle();
    REQUIRE(poll->has_value());
    CHECK(member(**poll, "host") == "h3");
    depot.restart();
    CHECK(&depot.host("h3") == &depot.host(kNewMac));
    CHECK(depot.state("h3") == "installing");
  }
  SECTION("a MAC moves with the inventory") {
    std::swap(depot.inventory.hosts[0].macs, depot.inventory.hosts[1].macs);
    REQUIRE(depot.order("/api/v1/reload").status == 200);
    depot.settle();
    CHECK(depot.host(kMac).name == "h2");
    depot.restart();
    CHECK(depot.host(kMac).name == "h2");
  }
}

TEST_CASE("a bad inventory is not taken, and its mistakes are told", "[provisioning][operator]") {
  Depot depot;
  depot.reload_mistakes = {"hosts/h1.yaml:3:7: no such profile"};
  const auto response = depot.order("/api/v1/reload");
  CHECK(response.status == 422);
  CHECK(member(response, "mistakes") == R"(["hosts/h1.yaml:3:7: no such profile"])");
  CHECK(depot.state("h1") == "assigned");
}

TEST_CASE("hosts are listed and shown by name, ID and MAC", "[provisioning][operator]") {
  Depot depot;
  const auto id = depot.host("h1").id;
  const auto by_name = text_of(depot.show("/api/v1/hosts/h1"));
  CHECK(text_of(depot.show("/api/v1/hosts/" + id)) == by_name);
  CHECK(text_of(depot.show("/api/v1/hosts/52:54:00:AA:00:01")) == by_name);
  CHECK_THAT(by_name, ContainsSubstring(
                          R"("name":"h1","macs":["52:54:00:aa:00:01"],"uuid":"","serial":"")"));
  CHECK_THAT(by_name, ContainsSubstring(R"("state":"assigned","profile":"edge","site":"store-1")"));
  CHECK(member(depot.show("/api/v1/hosts"), "hosts").find(id) != std::string::npos);
  depot.arm("h1");
  const auto timeline = text_of(depot.show("/api/v1/hosts/h1/timeline"));
  CHECK_THAT(timeline, ContainsSubstring(R"("event":"host.armed","text":"armed by ann)"));
}

TEST_CASE("an arming lives for 1 second to 90 days", "[provisioning][operator]") {
  Depot depot;
  CHECK(depot.order("/api/v1/hosts/h1/arm", R"({"expires_seconds":0})").status == 400);
  CHECK(depot.order("/api/v1/hosts/h1/arm", R"({"expires_seconds":7776001})").status == 400);
  CHECK(depot.order("/api/v1/hosts/h1/arm", "[]").status == 400);
  CHECK(depot.order("/api/v1/hosts/h1/arm", "").status == 200);
  CHECK(depot.host("h1").arming->expires - depot.scheduler.now().steady == 24h);
}

}  // namespace slipway::provisioning
