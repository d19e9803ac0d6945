// The security goals of docs/security.md that are kept here, each with a test named after it.
#include <fstream>
#include <sstream>

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr auto kMac = "52:54:00:aa:00:01";
constexpr auto kOtherMac = "52:54:00:aa:00:02";
const auto kHere = *Ipv4::parse("10.0.0.21");
const auto kThere = *Ipv4::parse("10.0.0.99");

bool has_event(Depot& depot, const std::string& host, const std::string& event) {
  const auto& id = depot.host(host).id;
  for (const auto& each : depot.provisioning->ledger().journey().of(id)) {
    if (each.event == event) return true;
  }
  return false;
}

std::string database_text(const Depot& depot) {
  std::ostringstream all;
  for (const auto& entry : std::filesystem::directory_iterator(depot.folder)) {
    if (!entry.path().filename().string().starts_with("slipway.db")) continue;
    all << std::ifstream(entry.path(), std::ios::binary).rdbuf();
  }
  return all.str();
}

// Both hosts' profile becomes one for Kairos.
void serve_kairos(Depot& depot) {
  auto& profile = depot.inventory.profiles.front();
  profile.format = UserDataFormat::kairos;
  Map site{{"paletteEndpoint", Value{std::string("api.example.com"), {}}},
           {"edgeHostToken", Value{Secret("hunter2"), {}}}};
  profile.user_data.data = Map{{"stylus", Value{Map{{"site", Value{std::move(site), {}}}}, {}}}};
  depot.provisioning->use_inventory(std::make_shared<const Inventory>(depot.inventory));
  depot.settle();
}

}  // namespace

TEST_CASE("SG1: no secret leaves the server for a host that is not armed", "[provisioning][sg1]") {
  Depot depot;
  const auto token = depot.token_for(kMac);  // assigned: it only waits
  const auto* file = GENERATE("user-data", "meta-data", "vendor-data", "network-config");
  CHECK(depot.ask("/h/" + token + "/" + file).status == 403);
  const auto session = depot.session_for(token);
  CHECK(depot.ask("/agent/v1/seed", {.bearer = session}).status == 403);
  CHECK(depot.ask("/agent/v1/plan?wait=0", {.bearer = session}).status == 204);
}

TEST_CASE("SG1: nor after the arming has ended", "[provisioning][sg1]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  CHECK(depot.ask("/h/" + token + "/user-data").status == 200);
  const auto session = depot.session_for(token);
  CHECK(depot.ask("/agent/v1/seed", {.bearer = session}).status == 403);  // booting: not yet
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  REQUIRE(depot.ask("/agent/v1/seed", {.bearer = session}).status == 200);
  SECTION("by success") {
    REQUIRE(
        depot.post("/agent/v1/result", R"({"attempt":1,"state":"installed"})", session).status ==
        200);
    CHECK(depot.ask("/h/" + token + "/user-data").status == 410);
    CHECK(depot.ask("/agent/v1/seed", {.bearer = session}).status == 410);
  }
  SECTION("by a person") {
    REQUIRE(depot.order("/api/v1/hosts/h1/disarm").status == 200);
    CHECK(depot.ask("/h/" + token + "/user-data").status == 403);
    CHECK(depot.ask("/agent/v1/seed", {.bearer = session}).status == 403);
  }
}

TEST_CASE("SG1 and SG2: the document for Kairos is given as the seed is", "[provisioning][sg2]") {
  Depot depot;
  serve_kairos(depot);
  const auto early = depot.session_for(depot.token_for(kMac));
  CHECK(depot.ask("/agent/v1/oem", {.bearer = early}).status == 403);  // assigned: it only waits
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  CHECK(depot.ask("/agent/v1/oem", {.bearer = session}).status == 403);  // booting: not yet
  const auto plan = text_of(depot.ask("/agent/v1/plan", {.bearer = session}));
  const auto document = depot.ask("/agent/v1/oem", {.bearer = session});
  REQUIRE(document.status == 200);
  const auto text = text_of(document);
  CHECK(text.starts_with("#cloud-config\n"));
  CHECK_THAT(text, ContainsSubstring("hunter2"));
  CHECK_THAT(plan, ContainsSubstring(R"("oem":{"url":"/agent/v1/oem","octets":)" +
                                     std::to_string(text.size()) + R"(,"sha256":")" +
                                     Sha256::of(text).text() + R"(","path":"99_slipway.yaml"})"));
  CHECK_THAT(plan, !ContainsSubstring("hunter2"));
  // Another session, and the same one after the end, get nothing.
  CHECK(depot.ask("/agent/v1/oem", {.bearer = early}).status == 410);
  CHECK(depot.ask("/agent/v1/oem").status == 401);
  REQUIRE(depot.post("/agent/v1/result", R"({"attempt":1,"state":"installed"})", session).status ==
          200);
  CHECK(depot.ask("/agent/v1/oem", {.bearer = session}).status == 410);
}

TEST_CASE("SG3: the document for Kairos goes to no second taker", "[provisioning][sg3]") {
  Depot depot;
  serve_kairos(depot);
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  CHECK(depot.ask("/agent/v1/oem", {.bearer = session, .from = "10.0.0.99"}).status == 403);
  CHECK(depot.host("h1").reason == "second-taker");
  CHECK(depot.ask("/agent/v1/oem", {.bearer = session}).status == 410);
}

TEST_CASE("a profile of another format has no document for Kairos", "[provisioning]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  const auto plan = text_of(depot.ask("/agent/v1/plan", {.bearer = session}));
  CHECK_THAT(plan, !ContainsSubstring("\"oem\""));
  CHECK(depot.ask("/agent/v1/oem", {.bearer = session}).status == 404);
}

TEST_CASE("SG2: secrets go to one boot session; a newer boot kills the older one",
          "[provisioning][sg2]") {
  Depot depot;
  depot.arm("h1");
  const auto first = depot.token_for(kMac);
  const auto first_session = depot.session_for(first);
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = first_session}).status == 200);
  const auto second = depot.token_for(kMac);
  REQUIRE(second != first);
  CHECK(depot.ask("/h/" + first + "/user-data").status == 410);
  CHECK(depot.ask("/h/" + first + "/initrd").status == 410);
  CHECK(depot.ask("/agent/v1/seed", {.bearer = first_session}).status == 410);
  CHECK(depot.ask("/agent/v1/plan", {.bearer = first_session}).status == 410);
  CHECK(depot.post("/agent/v1/progress", R"({"attempt":1})", first_session).status == 409);
  CHECK(depot.post("/agent/v1/result", R"({"attempt":1,"state":"installed"})", first_session)
            .status == 409);
  CHECK(depot.state("h1") == "booting");
  CHECK(depot.ask("/h/" + second + "/user-data").status == 200);
}

TEST_CASE("SG2: a file is read three times with a token", "[provisioning][sg2]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  for (int i = 0; i < 3; ++i) CHECK(depot.ask("/h/" + token + "/user-data").status == 200);
  CHECK(depot.ask("/h/" + token + "/user-data").status == 410);
  CHECK(depot.ask("/h/" + token + "/meta-data").status == 200);
}

TEST_CASE("SG3: a second taker is refused, raises an alarm and ends the attempt",
          "[provisioning][sg3]") {
  Depot depot;
  depot.arm("h1");
  depot.neighbours[kHere] = *Mac::parse(kMac);
  const auto token = depot.token_for(kMac);
  const auto session = depot.session_for(token);
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  int status = 0;
  SECTION("a token from another MAC") {
    depot.neighbours[kThere] = *Mac::parse(kOtherMac);
    status = depot.ask("/h/" + token + "/user-data", {.from = "10.0.0.99"}).status;
  }
  SECTION("a token from another address") {
    status = depot.ask("/h/" + token + "/user-data", {.from = "10.0.0.99"}).status;
  }
  SECTION("a token traded by another machine") {
    status = depot
                 .post("/agent/v1/session",
                       R"({"token":")" + token + R"(","macs":["52:54:00:aa:00:02"]})")
                 .status;
  }
  SECTION("a session from another address") {
    status = depot.ask("/agent/v1/seed", {.bearer = session, .from = "10.0.0.99"}).status;
  }
  SECTION("a session from the same address but another MAC") {
    depot.neighbours[kHere] = *Mac::parse(kOtherMac);
    status = depot.ask("/agent/v1/seed", {.bearer = session}).status;
    depot.neighbours[kHere] = *Mac::parse(kMac);
  }
  CHECK(status == 403);
  CHECK(depot.state("h1") == "failed");
  CHECK(depot.host("h1").reason == "second-taker");
  CHECK(has_event(depot, "h1", "host.second_taker_refused"));
  // What it stood for is dead, for the right taker as well, and stays so.
  CHECK(depot.ask("/agent/v1/seed", {.bearer = session}).status == 410);
  CHECK(depot.ask("/h/" + token + "/user-data").status == 410);
  CHECK(depot.post("/agent/v1/progress", R"({"attempt":1})", session).status == 409);
  depot.restart();
  CHECK(depot.ask("/agent/v1/seed", {.bearer = session}).status == 410);
  CHECK(depot.audit().back().why.starts_with("alarm: "));
}

TEST_CASE("SG3: a script asked for by another machine costs the host nothing",
          "[provisioning][sg3]") {
  Depot depot;
  depot.arm("h1");
  depot.neighbours[kThere] = *Mac::parse(kOtherMac);
  CHECK(depot.script_for(kMac, "10.0.0.99") == "status 403");
  CHECK(depot.state("h1") == "armed");
  CHECK(depot.host("h1").arming->attempts_used == 0);
  CHECK(has_event(depot, "h1", "host.impostor_refused"));
}

TEST_CASE("SG3: iPXE and the kernel may hold different leases", "[provisioning][sg3]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac, "10.0.0.20");
  CHECK(depot.ask("/h/" + token + "/initrd", {.from = "10.0.0.20"}).status == 200);
  CHECK_FALSE(depot.session_for(token, "10.0.0.21").empty());
  CHECK(depot.state("h1") == "booting");
}

TEST_CASE("SG3: the same taker may trade its token again, and only the last bearer lives",
          "[provisioning][sg3]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  const auto first = depot.session_for(token);
  const auto second = depot.session_for(token);
  CHECK(depot.ask("/agent/v1/plan", {.bearer = first}).status == 401);
  CHECK(depot.ask("/agent/v1/plan", {.bearer = second}).status == 200);
}

TEST_CASE("SG6: no host is written without an arming by a person", "[provisioning][sg6]") {
  Depot depot;
  const auto* mac = GENERATE("52:54:00:aa:00:01", "52:54:00:aa:00:03", "52:54:00:bb:00:01");
  const auto session = depot.session_for(depot.token_for(mac));
  CHECK(depot.ask("/agent/v1/plan?wait=0", {.bearer = session}).status == 204);
  CHECK(depot.post("/agent/v1/result", R"({"attempt":1,"state":"installed"})", session).status ==
        409);
  CHECK(depot.host(mac).state != HostState::installed);
}

TEST_CASE("SG6: the boot plane has no operator function", "[provisioning][sg6]") {
  Depot depot;
  CHECK(depot.post("/api/v1/hosts/h1/arm", "{}").status == 404);
  const auto stranger = depot.ask("/api/v1/hosts", {});
  CHECK(stranger.status == 404);
}

TEST_CASE("SG6: the operator plane answers only root and the server's user",
          "[provisioning][sg6]") {
  Depot depot;
  auto match = depot.operations.match(http::Method::post, "/api/v1/hosts/h1/arm");
  REQUIRE(match.handler != nullptr);
  http::Request request;
  request.method = http::Method::post;
  request.captures = match.captures;
  int status = 0;
  SECTION("not on a UNIX socket") { request.peer.unix_user = std::nullopt; }
  SECTION("another user") { request.peer.unix_user = 65534; }
  (*match.handler)(request, [&](const http::Response& response) { status = response.status; });
  CHECK(status == 403);
  CHECK(depot.state("h1") == "assigned");
}

TEST_CASE("SG9: neither tokens nor bearers nor user-data reach the database",
          "[provisioning][sg9]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  const auto session = depot.session_for(token);
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  const auto all = database_text(depot);
  CHECK(all.find("h1") != std::string::npos);
  CHECK(all.find(token) == std::string::npos);
  CHECK(all.find(session) == std::string::npos);
  CHECK(all.find("hunter2") == std::string::npos);
}

TEST_CASE("SG11: every change of state is in the audit log, in order", "[provisioning][sg11]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  REQUIRE(depot.post("/agent/v1/result", R"({"attempt":1,"state":"installed"})", session).status ==
          200);
  std::vector<std::string> steps;
  const auto id = depot.host("h1").id;
  for (const auto& row : depot.audit()) {
    if (row.host == id && row.what == "transition") {
      steps.push_back(row.from + ">" + row.to + " " + row.who);
    }
  }
  const auto user = std::to_string(::geteuid());
  CHECK(steps == std::vector<std::string>{
                     "discovered>assigned inventory", "assigned>armed ann (uid " + user + ")",
                     "armed>booting host", "booting>installing host", "installing>installed host"});
  CHECK(depot.verify_audit());
}

TEST_CASE("a guessed token is answered late, and not at all cheaply for the guesser",
          "[provisioning][token]") {
  Depot depot;
  const auto guess = depot.begin("/h/00000000000000000000000000000000/user-data");
  CHECK_FALSE(guess->has_value());
  depot.advance(1s);
  REQUIRE(guess->has_value());
  CHECK((*guess)->status == 404);
  std::vector<Pending> flood;
  for (int i = 0; i < 200; ++i) flood.push_back(depot.begin("/h/0/initrd"));
  CHECK(flood.front()->has_value() == false);
  REQUIRE(flood.back()->has_value());
  CHECK((*flood.back())->status == 429);
}

TEST_CASE("asking with HEAD uses up nothing", "[provisioning][token]") {
  Depot depot;
  depot.arm("h1");
  const auto answer =
      depot.ask(std::string("/boot.ipxe?mac=") + kMac, {.method = http::Method::head});
  CHECK(answer.status == 200);
  CHECK_THAT(text_of(answer), ContainsSubstring("/h/00000000000000000000000000000000/initrd"));
  CHECK(depot.state("h1") == "armed");
  CHECK(depot.host("h1").sessions.empty());
}

TEST_CASE("HEAD by the wrong taker is refused, and only its GET revokes", "[provisioning][token]") {
  Depot depot;
  depot.arm("h1");
  depot.neighbours[kHere] = *Mac::parse(kMac);
  depot.neighbours[kThere] = *Mac::parse(kOtherMac);
  const auto path = "/h/" + depot.token_for(kMac) + "/user-data";
  CHECK(depot.ask(path, {.from = kThere.text(), .method = http::Method::head}).status == 403);
  CHECK(depot.state("h1") == "booting");
  CHECK(depot.ask(path, {.from = kThere.text()}).status == 403);
  CHECK(depot.ask(path, {.method = http::Method::head}).status == 410);
}

}  // namespace slipway::provisioning
