// Batches through the operator's plane and the agent's, with a real store.
#include "provisioning/batches.hpp"

#include <boost/json.hpp>

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr auto kStranger1 = "52:54:00:bb:00:01";
constexpr auto kStranger2 = "52:54:00:bb:00:02";
constexpr auto kForeign = "00:11:22:33:44:55";

// store-1 to store-4; `lone` holds one host, and h1 goes nowhere near it.
class Bench {
 public:
  Bench() {
    for (const auto* name : {"store-2", "store-3", "store-4"}) {
      depot.inventory.sites.push_back(Site{.name = name, .user_data = {}, .mark = {}});
    }
    Value lone;
    lone.set("stylus", make_map({{"site", make_map({{"name", make_text("the-only-one")}})}}));
    depot.inventory.sites.push_back(Site{.name = "lone", .user_data = lone, .mark = {}});
    REQUIRE(depot.order("/api/v1/reload").status == 200);
    depot.settle();
  }

  // Opens a batch and gives its id.
  std::string open(const std::string& body) {
    const auto response = depot.order("/api/v1/batches", body);
    INFO(text_of(response));
    REQUIRE(response.status == 200);
    return member(response, "id");
  }

  // A machine boots, and its agent waits for a plan; the answer when it has one.
  Pending appear(const std::string& mac, const std::string& extra = "") {
    const auto from = address_of(mac);
    const auto script =
        depot.ask("/boot.ipxe?mac=" + mac + "&platform=efi" + extra, {.from = from});
    const auto text = text_of(script);
    const auto at = text.find("/h/");
    REQUIRE(at != std::string::npos);
    bearers[mac] = depot.session_for(text.substr(at + 3, 32), from);
    return poll(mac);
  }

  Pending poll(const std::string& mac) {
    return depot.begin("/agent/v1/plan?wait=30", {.bearer = bearers[mac], .from = address_of(mac)});
  }

  void report(const std::string& mac, const std::string& state) {
    const auto attempt = std::to_string(depot.host(mac).attempt);
    const auto body = R"({"attempt":)" + attempt + R"(,"state":")" + state +
                      R"(","reason":"disk-too-small","detail":"8 GB","seconds":{"write":4.5}})";
    const auto answer = depot.ask("/agent/v1/result", {.body = body,
                                                       .bearer = bearers[mac],
                                                       .from = address_of(mac),
                                                       .method = http::Method::post});
    REQUIRE(answer.status == 200);
  }

  std::string shown(const std::string& id, const std::string& name) {
    return member(depot.show("/api/v1/batches/" + id), name);
  }

  // "done/failed/running/armed/waiting/withdrawn of total"
  std::string counts(const std::string& id) {
    const auto view = boost::json::parse(text_of(depot.show("/api/v1/batches/" + id)));
    std::string text;
    for (const auto* name : {"done", "failed", "running", "armed", "waiting", "withdrawn"}) {
      text += (text.empty() ? "" : "/") + boost::json::serialize(view.at(name));
    }
    return text + " of " + boost::json::serialize(view.at("total"));
  }

  std::string report_of(const std::string& id, const std::string& format) {
    const auto response = depot.show("/api/v1/batches/" + id + "/report?format=" + format);
    REQUIRE(response.status == 200);
    return text_of(response);
  }

  static std::string address_of(const std::string& mac) {
    return "10.0.1." + std::to_string(std::stoi(mac.substr(15), nullptr, 16));
  }

  Depot depot;
  std::map<std::string, std::string> bearers;
};

constexpr auto kTwoSites =
    R"({"profile":"edge","sites":["store-1","store-2"],"allow":["mac=52:54:00"],"by":"ann"})";

// "pointer: detail" of each mistake.
std::vector<std::string> mistakes_of(const http::Response& response) {
  std::vector<std::string> lines;
  const auto document = boost::json::parse(text_of(response));
  for (const auto& each : document.at("errors").as_array()) {
    lines.push_back(std::string(each.at("pointer").as_string().c_str()) + ": " +
                    each.at("detail").as_string().c_str());
  }
  return lines;
}

}  // namespace

TEST_CASE("discovered hosts that fit take the next site and go on without a reboot",
          "[provisioning][batch][sg6]") {
  Bench bench;
  auto& depot = bench.depot;
  const auto early = bench.appear(kStranger1);  // waits when the batch is opened
  const auto id = bench.open(kTwoSites);
  REQUIRE(early->has_value());
  CHECK((*early)->status == 200);
  CHECK(depot.state(kStranger1) == "installing");
  CHECK(depot.host(kStranger1).site == "store-1");
  CHECK(depot.host(kStranger1).profile == "edge@1.0.0");
  CHECK(depot.host(kStranger1).arming->who ==
        "batch " + id + ", opened by ann (uid " + std::to_string(::geteuid()) + ")");

  const auto foreign = bench.appear(kForeign);
  CHECK_FALSE(foreign->has_value());
  CHECK(depot.state(kForeign) == "discovered");

  const auto late = bench.appear(kStranger2);
  REQUIRE(late->has_value());
  CHECK((*late)->status == 200);
  CHECK(depot.host(kStranger2).site == "store-2");
  CHECK(bench.counts(id) == "0/0/2/0/0/0 of 2");

  const auto third = bench.appear("52:54:00:bb:00:03");  // there is no site left
  CHECK_FALSE(third->has_value());

  bench.report(kStranger1, "installed");
  CHECK(bench.counts(id) == "1/0/1/0/0/0 of 2");
  CHECK(depot.verify_audit().has_value());
}

TEST_CASE("two that wait when a batch is opened get a site each, at once",
          "[provisioning][batch][sg6]") {
  Bench bench;
  const auto first = bench.appear(kStranger2);
  bench.depot.advance(1s);
  const auto second = bench.appear(kStranger1);
  bench.open(kTwoSites);
  CHECK(first->has_value());
  CHECK(second->has_value());
  CHECK(bench.depot.host(kStranger2).site == "store-1");  // it was here first
  CHECK(bench.depot.host(kStranger1).site == "store-2");
}

TEST_CASE("what the rules say is asked of every host", "[provisioning][batch][sg6]") {
  const auto [rules, extra, taken] = GENERATE(table<std::string, std::string, bool>({
      {R"("vendor=ACME","product=Edge*")", "&manufacturer=ACME&product=Edge%203000", true},
      {R"("vendor=ACME","product=Edge*")", "&manufacturer=ACME&product=Other", false},
      {R"("vendor=ACME")", "", false},
      {R"("any")", "", true},
  }));
  Bench bench;
  bench.open(R"({"profile":"edge","sites":["store-1"],"allow":[)" + rules + "]}");
  CHECK(bench.appear(kStranger1, extra)->has_value() == taken);
  CHECK(bench.depot.state(kStranger1) == (taken ? "installing" : "discovered"));
}

TEST_CASE("hosts of the inventory and ignored ones are never taken", "[provisioning][batch][sg6]") {
  Bench bench;
  auto& depot = bench.depot;
  CHECK_FALSE(bench.appear("52:54:00:aa:00:01")->has_value());  // h1
  CHECK_FALSE(bench.appear("52:54:00:aa:00:03")->has_value());  // spare, without a profile
  (void)depot.script_for(kStranger1);
  REQUIRE(depot.order("/api/v1/hosts/" + std::string(kStranger1) + "/ignore").status == 200);
  const auto id = bench.open(kTwoSites);
  CHECK_FALSE(bench.poll("52:54:00:aa:00:01")->has_value());
  CHECK_FALSE(bench.poll("52:54:00:aa:00:03")->has_value());
  CHECK_THAT(depot.script_for(kStranger1), ContainsSubstring("sanboot"));
  CHECK(bench.counts(id) == "0/0/0/0/2/0 of 2");
}

TEST_CASE("a batch of hosts arms them at once, and gives a profile where none is",
          "[provisioning][batch]") {
  Bench bench;
  auto& depot = bench.depot;
  const auto spare = bench.appear("52:54:00:aa:00:03");
  const auto id = bench.open(
      R"({"profile":"edge","hosts":[{"host":"h1"},{"host":"52:54:00:aa:00:02"},)"
      R"({"host":"spare","site":"store-3"},{"host":"52:54:00:cc:00:09","site":"store-4"}]})");
  CHECK(depot.state("h1") == "armed");
  CHECK(depot.state("h2") == "armed");
  CHECK(depot.state("52:54:00:cc:00:09") == "armed");
  CHECK(depot.host("52:54:00:cc:00:09").site == "store-4");
  REQUIRE(spare->has_value());
  CHECK((*spare)->status == 200);
  CHECK(bench.counts(id) == "0/0/1/3/0/0 of 4");
  depot.restart();
  CHECK(depot.state("h1") == "armed");
  CHECK(depot.state("spare") == "installing");
  CHECK(member(depot.show("/api/v1/hosts/spare"), "site") == "store-3");
  CHECK(bench.counts(id) == "0/0/1/3/0/0 of 4");
}

TEST_CASE("every mistake in what is asked is said at once, and nothing is armed",
          "[provisioning][batch]") {
  Bench bench;
  auto& depot = bench.depot;
  Profile other = depot.inventory.profiles.front();
  other.name = "other";
  depot.inventory.profiles.push_back(other);
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  depot.arm("h2");
  REQUIRE(depot.order("/api/v1/hosts/spare/ignore").status == 200);
  const auto armer = "ann (uid " + std::to_string(::geteuid()) + ")";

  SECTION("hosts") {
    const auto response = depot.order(
        "/api/v1/batches",
        R"({"profile":"other","hosts":[{"host":"h1"},{"host":"h2"},{"host":"h9"},{"host":"spare"},)"
        R"({"host":"h1"},{"host":"52:54:00:cc:00:09","site":"nowhere"}],"allow":["any"],"limit":2})");
    CHECK(response.status == 422);
    CHECK(mistakes_of(response) ==
          std::vector<std::string>{
              "/allow: a batch by hosts names them, so it has no allow-rules",
              "/limit: only a batch by sites has a limit",
              "/hosts/0: host h1 has the profile edge@1.0.0 by the inventory, not other@1.0.0",
              "/hosts/1: host h2 is armed already, by " + armer,
              "/hosts/2: there is no host h9; name it by its name, its ID or a MAC",
              "/hosts/3: host spare is ignored; assign it first", "/hosts/4: host h1 stands twice",
              "/hosts/5: host 52:54:00:cc:00:09 has the site nowhere, which is not in the "
              "inventory"});
    CHECK(depot.state("h1") == "assigned");
    CHECK(depot.provisioning->ledger().hosts().by_reference("52:54:00:cc:00:09") == nullptr);
  }
  SECTION("sites") {
    const auto id = bench.open(kTwoSites);
    depot.inventory.hosts[2].site = "lone";
    REQUIRE(depot.order("/api/v1/reload").status == 200);
    const auto response = depot.order(
        "/api/v1/batches",
        R"({"profile":"nope","sites":["store-1","store-3","nowhere","store-3","lone"],"limit":0})");
    CHECK(response.status == 422);
    CHECK(mistakes_of(response) ==
          std::vector<std::string>{
              "/profile: there is no profile nope in the inventory",
              "/allow: a batch by sites takes no unknown host without a rule; expected mac=PREFIX, "
              "vendor=TEXT, product=TEXT, or any for whatever is plugged in",
              "/limit: expected at least 1", "/sites/0: site store-1 is in the open batch " + id,
              "/sites/2: there is no site nowhere in the inventory",
              "/sites/3: site store-3 stands twice",
              "/sites/4: site lone has an edge-host ID (stylus.site.name), so it holds one host, "
              "and host spare is in it"});
  }
  SECTION("a site that another profile contradicts, an image that is missing") {
    depot.artifacts.has_image = false;
    const auto response = depot.order("/api/v1/batches", kTwoSites);
    CHECK(mistakes_of(response) ==
          std::vector<std::string>{"/sites/0: profile edge@1.0.0: there is no image debian@12",
                                   "/sites/1: profile edge@1.0.0: there is no image debian@12"});
  }
  CHECK(depot.state("h1") == "assigned");
}

TEST_CASE("what is no batch at all is a bad request", "[provisioning][batch]") {
  const auto [body, detail] = GENERATE(table<std::string, std::string>({
      {"[]", "document: expected an object."},
      {"{}", "profile: expected a value, found none."},
      {R"({"profile":"edge"})", "document: expected either sites or hosts."},
      {R"({"profile":"edge","sites":["a"],"hosts":[]})",
       "document: expected either sites or hosts."},
      {R"({"profile":"edge","sites":["a"],"expires_seconds":0})",
       "expires_seconds: expected 1 second to 90 days."},
  }));
  Bench bench;
  const auto response = bench.depot.order("/api/v1/batches", body);
  CHECK(response.status == 400);
  CHECK(member(response, "detail") == detail);
}

TEST_CASE("a limit leaves the rest of the sites alone", "[provisioning][batch]") {
  Bench bench;
  const auto id = bench.open(
      R"({"profile":"edge","sites":["store-1","store-2","store-3"],"allow":["any"],"limit":2})");
  CHECK(bench.counts(id) == "0/0/0/0/2/0 of 2");
  CHECK(bench.appear(kStranger1)->has_value());
  CHECK(bench.appear(kStranger2)->has_value());
  CHECK_FALSE(bench.appear(kForeign)->has_value());
}

TEST_CASE("closing disarms what has not begun and leaves the rest to finish",
          "[provisioning][batch][sg6]") {
  Bench bench;
  auto& depot = bench.depot;
  const auto running = bench.appear("52:54:00:aa:00:03");
  const auto id =
      bench.open(R"({"profile":"edge","hosts":[{"host":"h1"},{"host":"h2"},{"host":"spare"}]})");
  CHECK(depot.state("spare") == "installing");
  (void)depot.script_for("52:54:00:aa:00:02");  // h2 boots
  const auto url = "/api/v1/batches/" + id + "/close";
  REQUIRE(depot.order(url, R"({"by":"bob","why":"enough"})").status == 200);
  CHECK(depot.state("h1") == "assigned");
  CHECK(depot.state("h2") == "booting");
  CHECK(depot.state("spare") == "installing");
  CHECK(bench.counts(id) == "0/0/2/0/0/1 of 3");
  bench.report("52:54:00:aa:00:03", "failed");
  depot.advance(5s);  // whatever it might still try is taken back
  CHECK(depot.state("spare") == "failed");
  CHECK_FALSE(depot.host("spare").arming);
  CHECK(depot.order(url).status == 409);
  CHECK(depot.order("/api/v1/batches/none/close").status == 404);
  CHECK(bench.counts(id) == "0/1/1/0/0/1 of 3");
}

TEST_CASE("a closed batch takes nobody, and neither does an expired one",
          "[provisioning][batch][sg6]") {
  Bench bench;
  const auto id =
      bench.open(R"({"profile":"edge","sites":["store-1"],"allow":["any"],"expires_seconds":60})");
  SECTION("closed") {
    REQUIRE(bench.depot.order("/api/v1/batches/" + id + "/close").status == 200);
  }
  SECTION("expired") { bench.depot.advance(61s); }
  SECTION("expired while the server was down for a moment") {
    bench.depot.advance(50s);
    bench.depot.fence();
    bench.depot.restart();
    bench.depot.advance(11s);
  }
  bench.depot.fence();
  CHECK(bench.shown(id, "open") == "false");
  CHECK_FALSE(bench.appear(kStranger1)->has_value());
}

TEST_CASE("what a person armed by hand stays armed when the batch closes",
          "[provisioning][batch]") {
  Bench bench;
  auto& depot = bench.depot;
  const auto id = bench.open(R"({"profile":"edge","hosts":[{"host":"h1"}]})");
  REQUIRE(depot.order("/api/v1/hosts/h1/disarm").status == 200);
  depot.arm("h1");
  REQUIRE(depot.order("/api/v1/batches/" + id + "/close").status == 200);
  depot.advance(5s);
  CHECK(depot.state("h1") == "armed");
}

TEST_CASE("a report is the same after a restart and after the inventory changed",
          "[provisioning][batch][report]") {
  Bench bench;
  auto& depot = bench.depot;
  const auto id = bench.open(kTwoSites);
  const auto serial = "&serial=S-77&uuid=12345678-1234-5678-9abc-def012345678";
  REQUIRE(bench.appear(kStranger1, serial)->has_value());
  depot.advance(60s);
  bench.report(kStranger1, "installed");
  REQUIRE(depot.order("/api/v1/batches/" + id + "/close").status == 200);
  const auto before = bench.report_of(id, "csv");
  const auto name = depot.host(kStranger1).id;
  const auto me = "ann (uid " + std::to_string(::geteuid()) + ")";
  CHECK(before ==
        "number,name,macs,serial,uuid,edge_id,site,profile,image,image_digest,started,ended,result,"
        "reason,armed_by,attempts\r\n1," +
            name +
            ",52:54:00:bb:00:01,S-77,12345678-1234-5678-9abc-def012345678,"
            "edge-12345678123456789abcdef012345678,store-1,edge@1.0.0,debian@12,"
            "sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f,"
            "2023-11-14T22:13:20Z,2023-11-14T22:14:20Z,installed,,\"batch " +
            id + ", opened by " + me + "\",1\r\n2,,,,,,store-2,,,,,,not taken,,,0\r\n");
  const auto text = bench.report_of(id, "text");
  const auto json = bench.report_of(id, "json");

  depot.inventory.sites.clear();
  depot.inventory.hosts.clear();
  depot.inventory.profiles.clear();
  depot.restart();
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  CHECK(bench.report_of(id, "csv") == before);
  CHECK(bench.report_of(id, "text") == text);
  CHECK(bench.report_of(id, "json") == json);
  CHECK(depot.show("/api/v1/batches/" + id + "/report?format=pdf").status == 400);
}

TEST_CASE("a box that was armed before it was seen is reported with what it said of itself",
          "[provisioning][batch][report]") {
  Bench bench;
  const auto id = bench.open(R"({"profile":"edge","hosts":[{"host":"h1"}]})");
  CHECK_THAT(bench.report_of(id, "csv"), ContainsSubstring("h1,52:54:00:aa:00:01,,,,store-1"));
  REQUIRE(bench.appear("52:54:00:aa:00:01", "&serial=S-99")->has_value());
  CHECK_THAT(bench.report_of(id, "csv"),
             ContainsSubstring("h1,52:54:00:aa:00:01,S-99,,edge-S-99,store-1"));
}

TEST_CASE("armed again by hand, a failed member's success counts", "[provisioning][batch]") {
  Bench bench;
  auto& depot = bench.depot;
  const auto id = bench.open(kTwoSites);
  REQUIRE(bench.appear(kStranger1)->has_value());
  bench.report(kStranger1, "failed");
  REQUIRE(depot.order("/api/v1/hosts/" + std::string(kStranger1) + "/disarm").status == 200);
  CHECK(bench.counts(id) == "0/1/0/0/1/0 of 2");
  depot.arm(kStranger1);
  const auto poll = bench.poll(kStranger1);
  REQUIRE(poll->has_value());
  bench.report(kStranger1, "installed");
  CHECK(bench.counts(id) == "1/0/0/0/1/0 of 2");
  CHECK_THAT(bench.report_of(id, "csv"), ContainsSubstring(",installed,,ann (uid "));
}

TEST_CASE("finished hosts are exported, all or those of a batch", "[provisioning][batch]") {
  Bench bench;
  auto& depot = bench.depot;
  depot.arm("h1");
  REQUIRE(bench.appear("52:54:00:aa:00:01", "&serial=H-1")->has_value());
  bench.report("52:54:00:aa:00:01", "installed");
  const auto id = bench.open(kTwoSites);
  REQUIRE(bench.appear(kStranger1, "&serial=S-1")->has_value());
  bench.report(kStranger1, "installed");
  const auto whole = text_of(depot.show("/api/v1/export/hosts?format=terraform"));
  CHECK_THAT(whole, ContainsSubstring("\"h1\" {\n  uid  = \"edge-H-1\"\n"));
  CHECK_THAT(whole, ContainsSubstring("uid  = \"edge-S-1\""));
  const auto of_batch = text_of(depot.show("/api/v1/export/hosts?format=terraform&batch=" + id));
  CHECK_THAT(of_batch, !ContainsSubstring("edge-H-1"));
  CHECK_THAT(of_batch, ContainsSubstring("edge-S-1"));
  CHECK_THAT(text_of(depot.show("/api/v1/export/hosts?format=csv")), ContainsSubstring(",H-1,"));
  CHECK_THAT(text_of(depot.show("/api/v1/export/hosts?format=json&state=failed")),
             ContainsSubstring(R"({"hosts":[]})"));
  CHECK(depot.show("/api/v1/export/hosts?format=xml").status == 400);
  CHECK(depot.show("/api/v1/export/hosts?state=gone").status == 400);
  CHECK(depot.show("/api/v1/export/hosts?batch=none").status == 404);
}

TEST_CASE("batches are listed with their counts, and only root may ask", "[provisioning][batch]") {
  Bench bench;
  const auto first = bench.open(kTwoSites);
  const auto second = bench.open(R"({"profile":"edge","hosts":[{"host":"h1"}]})");
  const auto list = boost::json::parse(text_of(bench.depot.show("/api/v1/batches")));
  const auto& batches = list.at("batches").as_array();
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].at("id") == boost::json::string(first));
  CHECK(batches[0].at("allow") == boost::json::array{"mac=52:54:00"});
  CHECK(batches[0].at("waiting") == 2);
  CHECK(batches[1].at("id") == boost::json::string(second));
  CHECK(batches[1].at("armed") == 1);
  CHECK(bench.depot.show("/api/v1/batches/none").status == 404);
}

}  // namespace slipway::provisioning
