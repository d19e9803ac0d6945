// The life of a host, driven through the routes.
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr auto kMac = "52:54:00:aa:00:01";
constexpr auto kLocalDisk =
    "#!ipxe\niseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||\nexit 1\n";

std::string result_of(const std::string& attempt, const std::string& state) {
  return R"({"attempt":)" + attempt + R"(,"state":")" + state +
         R"(","reason":"disk-too-small","detail":"Use a larger disk","seconds":{"write":3}})";
}

struct Installing {
  std::string token, session, attempt;
};

Installing to_installing(Depot& depot, const std::string& name = "h1",
                         const std::string& mac = kMac) {
  depot.arm(name);
  Installing at;
  at.token = depot.token_for(mac);
  at.session = depot.session_for(at.token);
  const auto plan = depot.ask("/agent/v1/plan?wait=0", {.bearer = at.session});
  REQUIRE(plan.status == 200);
  at.attempt = member(plan, "attempt");
  REQUIRE(depot.state(name) == "installing");
  return at;
}

}  // namespace

TEST_CASE("an armed host boots, takes its plan, reports, and is left alone",
          "[provisioning][life]") {
  Depot depot;
  CHECK(depot.state("h1") == "assigned");
  depot.arm("h1");
  CHECK(depot.state("h1") == "armed");
  const auto token = depot.token_for(kMac);
  CHECK(depot.state("h1") == "booting");
  CHECK(text_of(depot.ask("/h/" + token + "/initrd")).substr(0, 37) == "cpio:" + token);

  const auto hello = depot.post("/agent/v1/session", R"({"token":")" + token +
                                                         R"(","macs":["52:54:00:aa:00:01"],)" +
                                                         R"("serial":"S1","product":"PC"})");
  REQUIRE(hello.status == 200);
  CHECK(member(hello, "host") == "h1");
  CHECK(member(hello, "attempt") == "1");
  const auto session = member(hello, "session");
  CHECK(depot.post("/agent/v1/inventory", R"({"cpus":2,"disks":[{"path":"/dev/vda"}]})", session)
            .status == 204);

  const auto plan = depot.ask("/agent/v1/plan?wait=30", {.bearer = session});
  REQUIRE(plan.status == 200);
  CHECK(depot.state("h1") == "installing");
  const auto seed = depot.ask("/agent/v1/seed", {.bearer = session});
  CHECK_THAT(text_of(plan), ContainsSubstring(Sha256::of(text_of(seed)).text()));
  CHECK(text_of(depot.ask("/agent/v1/plan", {.bearer = session})) == text_of(plan));

  CHECK(depot
            .post("/agent/v1/progress",
                  R"({"attempt":1,"step":"write","done_octets":5,"total_octets":9})", session)
            .status == 204);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "done_octets") == "5");
  CHECK(depot.post("/agent/v1/log", R"({"lines":["a","b"]})", session).status == 204);

  CHECK(depot.post("/agent/v1/result", result_of("1", "installed"), session).status == 200);
  CHECK(depot.state("h1") == "installed");
  CHECK(depot.post("/agent/v1/result", result_of("1", "installed"), session).status == 200);
  CHECK(depot.post("/agent/v1/progress", R"({"attempt":1})", session).status == 409);
  CHECK(depot.ask("/agent/v1/plan", {.bearer = session}).status == 410);
  CHECK(depot.script_for(kMac) == kLocalDisk);
  CHECK(depot.host("h1").serial == "S1");
  CHECK(member(depot.show("/api/v1/hosts/h1"), "inventory") ==
        R"({"cpus":2,"nics":[],"disks":[{"path":"/dev/vda"}]})");
}

TEST_CASE("the plan reads as the protocol says", "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  const auto plan = text_of(depot.ask("/agent/v1/plan", {.bearer = session}));
  const auto seed_at = plan.find(R"(,"seed":)");
  CHECK(
      plan.substr(0, seed_at) ==
      R"({"action":"write","attempt":1,"host":"h1",)"
      R"("image":{"name":"debian@12",)"
      R"("manifest":"/artifacts/05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f/manifest.json",)"
      R"("manifest_sha256":"05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f",)"
      R"("signature":"",)"
      R"("data":"/artifacts/3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7/image.zst"},)"
      R"("requirements":{"memory_octets":1073741824,"cpus":0,"disk_octets":0,"firmware":"any",)"
      R"("secure_boot":"any","tpm":"any","nic_speed_mbit":0,"disk_health":"good"},)"
      R"("disk":[{"type":"virtio","min_octets":0,"max_octets":0,"model":"","serial":"","wwn":"",)"
      R"("path":"","rotational":"any"}],"disk_pick":"one","erase":"none","new_guids":false,)"
      R"("grow":false,"burn_in":{"memory_seconds":0,"disk_read_seconds":0,"cpu_seconds":0})");

  CHECK_THAT(plan, ContainsSubstring(R"("kind":"cidata","url":"/agent/v1/seed","octets":)"));
  CHECK_THAT(plan, ContainsSubstring(R"("finish":"poweroff")"));
}

TEST_CASE("a host with a disk of 4096-octet sectors gets its seed as FAT", "[provisioning][life]") {
  struct Row {
    const char* disks;
    const char* volume;
  };
  const auto row = GENERATE(values<Row>(
      {{R"([{"path":"/dev/sda","sector_octets":512}])", "ISO|"},
       {R"([])", "ISO|"},
       {R"([{"path":"/dev/nvme0n1","sector_octets":4096}])", "FAT|"},
       {R"([{"path":"/dev/sda","sector_octets":512},{"path":"/dev/sdb","sector_octets":4096}])",
        "FAT|"}}));
  INFO(row.disks);
  Depot depot;
  depot.arm("h1");
  const auto hello = depot.post("/agent/v1/session", R"({"token":")" + depot.token_for(kMac) +
                                                         R"(","macs":["52:54:00:aa:00:01"]})");
  const auto session = member(hello, "session");
  const auto inventory = std::string(R"({"cpus":2,"disks":)") + row.disks + "}";
  REQUIRE(depot.post("/agent/v1/inventory", inventory, session).status == 204);
  const auto plan = text_of(depot.ask("/agent/v1/plan?wait=30", {.bearer = session}));
  const auto seed = text_of(depot.ask("/agent/v1/seed", {.bearer = session}));
  CHECK(seed.substr(0, 4) == row.volume);
  CHECK_THAT(plan, ContainsSubstring(Sha256::of(seed).text()));
}

TEST_CASE("the plan carries all that a profile asks of a host", "[provisioning][life]") {
  Depot depot;
  auto& profile = depot.inventory.profiles.front();
  profile.requirements = {.memory_octets = 1,
                          .cpus = 2,
                          .disk_octets = 3,
                          .firmware = Firmware::uefi,
                          .secure_boot = SecureBoot::on,
                          .tpm = true,
                          .nic_speed_mbit = 1000,
                          .healthy_disk = false};
  profile.disk.front().wwn = "eui.0025385b71b0a1c2";
  profile.disk.front().rotational = false;
  profile.pick = DiskPick::smallest;
  profile.erase = Erase::secure;
  profile.new_guids = true;
  profile.grow = true;
  profile.burn_in = {.memory = 60s, .disk_read = 120s, .cpu = 3600s};
  depot.provisioning->use_inventory(std::make_shared<const Inventory>(depot.inventory));
  depot.settle();
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  const auto plan = text_of(depot.ask("/agent/v1/plan", {.bearer = session}));
  const auto begin = plan.find(R"("requirements")");
  CHECK(plan.substr(begin, plan.find(R"(,"seed":)") - begin) ==
        R"("requirements":{"memory_octets":1,"cpus":2,"disk_octets":3,"firmware":"uefi",)"
        R"("secure_boot":"on","tpm":"present","nic_speed_mbit":1000,"disk_health":"any"},)"
        R"("disk":[{"type":"virtio","min_octets":0,"max_octets":0,"model":"","serial":"",)"
        R"("wwn":"eui.0025385b71b0a1c2","path":"","rotational":"no"}],"disk_pick":"smallest",)"
        R"("erase":"secure","new_guids":true,"grow":true,)"
        R"("burn_in":{"memory_seconds":60,"disk_read_seconds":120,"cpu_seconds":3600})");
}

TEST_CASE("what the agent found is kept and shown with the host", "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "report") == "null");
  const std::string disks =
      R"([{"path":"/dev/vda","model":"","serial":"S","size_octets":5,"taken":true,"why":"a"},)"
      R"({"path":"/dev/vdb","model":"M","serial":"","size_octets":6,"taken":false,"why":"b"}])";
  const std::string health = R"({"verdict":"good","summary":"fine"})";
  const std::string erase = R"({"method":"discard","seconds":2,"verified":true})";
  CHECK(depot
            .post("/agent/v1/result",
                  R"({"attempt":1,"state":"installed","seconds":{"erase":2,"burn-in":3},"disks":)" +
                      disks + R"(,"health":)" + health + R"(,"erase":)" + erase + "}",
                  session)
            .status == 200);
  const auto report = member(depot.show("/api/v1/hosts/h1"), "report");
  CHECK_THAT(report, ContainsSubstring(R"("disks":)" + disks));
  CHECK_THAT(report, ContainsSubstring(R"("health":)" + health));
  CHECK_THAT(report, ContainsSubstring(R"("erase":)" + erase));
  CHECK_THAT(report, ContainsSubstring(R"("burn-in":3)"));
  depot.restart();
  CHECK(member(depot.show("/api/v1/hosts/h1"), "report") == report);
}

TEST_CASE("asking for the script again gives the same token and uses no attempt",
          "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  depot.advance(59s);
  CHECK(depot.token_for(kMac) == token);
  CHECK(depot.host("h1").arming->attempts_used == 1);
  depot.advance(1s);
  CHECK(depot.token_for(kMac) != token);
  CHECK(depot.host("h1").arming->attempts_used == 2);
}

TEST_CASE("a used token is not handed out again", "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  (void)depot.ask("/h/" + token + "/initrd");
  CHECK(depot.token_for(kMac) != token);
  CHECK(depot.host("h1").arming->attempts_used == 2);
}

TEST_CASE("a host gets three attempts and no fourth", "[provisioning][life][sg6]") {
  Depot depot;
  depot.arm("h1");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto session = depot.session_for(depot.token_for(kMac));
    REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
    const auto number = std::to_string(attempt);
    CHECK(depot.post("/agent/v1/result", result_of(number, "failed"), session).status == 200);
    CHECK(depot.state("h1") == "failed");
    CHECK(depot.post("/agent/v1/result", result_of(number, "failed"), session).status == 200);
    CHECK(depot.ask("/agent/v1/plan?wait=0", {.bearer = session}).status == 204);
  }
  CHECK(depot.host("h1").reason == "disk-too-small");
  CHECK(depot.host("h1").detail == "Use a larger disk");
  CHECK_FALSE(depot.host("h1").arming);
  CHECK(depot.script_for(kMac) == kLocalDisk);
}

TEST_CASE("a restart during the last attempt fails the host", "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  for (int i = 0; i < 3; ++i) (void)depot.session_for(depot.token_for(kMac));
  CHECK(depot.state("h1") == "booting");
  CHECK(depot.script_for(kMac) == kLocalDisk);
  CHECK(depot.state("h1") == "failed");
  CHECK(depot.host("h1").reason == "restarted");
}

TEST_CASE("a boot that comes to nothing is armed again, three times", "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  for (int i = 1; i <= 3; ++i) {
    (void)depot.token_for(kMac);
    depot.advance(3min);
    CHECK(depot.state("h1") == "booting");
    depot.advance(5s);
    CHECK(depot.state("h1") == (i < 3 ? "armed" : "failed"));
    CHECK(depot.host("h1").reason == "no-kernel");
  }
  CHECK_FALSE(depot.host("h1").arming);
}

TEST_CASE("an agent that was given up is told so, and its host gets another attempt",
          "[provisioning][life]") {
  Depot depot;
  const auto at = to_installing(depot);
  depot.advance(151s);
  CHECK(depot.state("h1") == "failed");
  CHECK(depot.host("h1").reason == "silent");
  CHECK(depot.post("/agent/v1/progress", R"({"attempt":1,"step":"write"})", at.session).status ==
        409);
  CHECK(depot.post("/agent/v1/result", result_of("1", "installed"), at.session).status == 409);
  (void)depot.token_for(kMac);
  CHECK(depot.state("h1") == "booting");
}

TEST_CASE("an arming expires", "[provisioning][life]") {
  Depot depot;
  const auto armed = depot.order("/api/v1/hosts/h1/arm", R"({"expires_seconds":60})");
  REQUIRE(armed.status == 200);
  depot.advance(59s);
  CHECK(depot.state("h1") == "armed");
  depot.advance(6s);
  CHECK(depot.state("h1") == "assigned");
  CHECK_FALSE(depot.host("h1").arming);
}

TEST_CASE("an arming keeps its remaining time across a restart", "[provisioning][life]") {
  Depot depot;
  REQUIRE(depot.order("/api/v1/hosts/h1/arm", R"({"expires_seconds":600})").status == 200);
  for (int i = 0; i < 24; ++i) depot.advance(5s);  // each a sweep that writes the time down
  depot.restart();
  const auto left = depot.host("h1").arming->expires - depot.scheduler.now().steady;
  CHECK(left >= 480s);
  CHECK(left <= 485s);  // what a kill gives away is at most the time between two sweeps
}

TEST_CASE("an installed host is answered for one hour", "[provisioning][life]") {
  Depot depot;
  const auto at = to_installing(depot);
  REQUIRE(depot.post("/agent/v1/result", result_of("1", "installed"), at.session).status == 200);
  dhcp::Client client;
  client.mac = *Mac::parse(kMac);
  const auto server = *Ipv4::parse("10.0.0.1");
  auto& policy = depot.provisioning->boot_policy();
  CHECK(policy.boot_file(client, server) == "undionly.kpxe");
  depot.restart();
  CHECK(depot.provisioning->boot_policy().boot_file(client, server) == "undionly.kpxe");
  depot.advance(1h);
  CHECK(depot.provisioning->boot_policy().boot_file(client, server).empty());
}

TEST_CASE("a waiting host gets its plan as soon as it is armed, without a reboot",
          "[provisioning][life]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for(kMac));  // assigned, so it waits
  const auto poll = depot.begin("/agent/v1/plan?wait=30", {.bearer = session});
  CHECK_FALSE(poll->has_value());
  depot.advance(10s);
  CHECK_FALSE(poll->has_value());
  depot.arm("h1");
  depot.settle();
  REQUIRE(poll->has_value());
  CHECK((*poll)->status == 200);
  CHECK(member(**poll, "attempt") == "1");
  CHECK(depot.state("h1") == "installing");
  CHECK(depot.post("/agent/v1/result", result_of("1", "installed"), session).status == 200);
}

TEST_CASE("a poll without a plan ends after its time, at most 30 s", "[provisioning][life]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for(kMac));
  const auto poll = depot.begin("/agent/v1/plan?wait=9999", {.bearer = session});
  depot.advance(29s);
  CHECK_FALSE(poll->has_value());
  depot.advance(1s);
  REQUIRE(poll->has_value());
  CHECK((*poll)->status == 204);
}

TEST_CASE("a second poll sends the first one home", "[provisioning][life]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for(kMac));
  const auto first = depot.begin("/agent/v1/plan?wait=30", {.bearer = session});
  const auto second = depot.begin("/agent/v1/plan?wait=30", {.bearer = session});
  REQUIRE(first->has_value());
  CHECK((*first)->status == 204);
  CHECK_FALSE(second->has_value());
}

TEST_CASE("a failed host that is armed again goes on in its session", "[provisioning][life]") {
  Depot depot;
  const auto at = to_installing(depot);
  REQUIRE(depot.post("/agent/v1/result", result_of("1", "failed"), at.session).status == 200);
  const auto poll = depot.begin("/agent/v1/plan?wait=30", {.bearer = at.session});
  CHECK_FALSE(poll->has_value());
  depot.arm("h1");
  depot.settle();
  REQUIRE(poll->has_value());
  CHECK(member(**poll, "attempt") == "2");
  CHECK(depot.post("/agent/v1/result", result_of("1", "failed"), at.session).status == 409);
  CHECK(depot.state("h1") == "installing");
}

TEST_CASE("disarming stops a running installation", "[provisioning][life]") {
  Depot depot;
  const auto at = to_installing(depot);
  REQUIRE(depot.order("/api/v1/hosts/h1/disarm", R"({"why":"wrong site"})").status == 200);
  CHECK(depot.state("h1") == "failed");
  CHECK(depot.host("h1").detail == "wrong site");
  CHECK(depot.post("/agent/v1/progress", R"({"attempt":1})", at.session).status == 409);
  CHECK(depot.script_for(kMac) == kLocalDisk);
}

TEST_CASE("a server that is killed in mid-write takes the host up again", "[provisioning][life]") {
  Depot depot;
  const auto at = to_installing(depot);
  const auto plan = text_of(depot.ask("/agent/v1/plan", {.bearer = at.session}));
  const auto seed = text_of(depot.ask("/agent/v1/seed", {.bearer = at.session}));
  depot.restart();
  CHECK(depot.state("h1") == "installing");
  CHECK(text_of(depot.ask("/agent/v1/seed", {.bearer = at.session})) == seed);
  CHECK(text_of(depot.ask("/agent/v1/plan", {.bearer = at.session})) == plan);
  CHECK(depot.post("/agent/v1/progress", R"({"attempt":1,"step":"write"})", at.session).status ==
        204);
  CHECK(depot.post("/agent/v1/result", result_of("1", "installed"), at.session).status == 200);
  depot.restart();
  CHECK(depot.state("h1") == "installed");
  CHECK(depot.post("/agent/v1/result", result_of("1", "installed"), at.session).status == 200);
  CHECK(depot.script_for(kMac) == kLocalDisk);
}

TEST_CASE("a token that was issued before a restart still works after it", "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  depot.restart();
  CHECK(depot.ask("/h/" + token + "/initrd").status == 200);
  const auto session = depot.session_for(token);
  CHECK(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
}

TEST_CASE("a profile that changed while the server was down is not served with the old token",
          "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  depot.inventory.profiles.front().image = "other@1";
  depot.restart();
  CHECK(depot.ask("/h/" + token + "/user-data").status == 500);
  depot.inventory.profiles.front().image = "debian@12";
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  CHECK(depot.ask("/h/" + token + "/user-data").status == 200);
}

TEST_CASE("a profile that changed while the server was down ends the arming",
          "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  depot.inventory.profiles.front().image = "other@1";
  depot.restart();
  const auto session = depot.session_for(depot.token_for(kMac));
  CHECK(depot.ask("/agent/v1/plan?wait=0", {.bearer = session}).status == 204);
  CHECK(depot.state("h1") == "failed");
  CHECK(depot.host("h1").reason == "plan-impossible");
  CHECK_THAT(depot.host("h1").detail, ContainsSubstring("is not what the host was armed with"));
  CHECK_FALSE(depot.host("h1").arming);
}

TEST_CASE("a reload while a host is armed does not change what it gets", "[provisioning][life]") {
  Depot depot;
  depot.arm("h1");
  depot.inventory.profiles.front().image = "other@1";
  depot.inventory.hosts.clear();
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  depot.settle();
  const auto session = depot.session_for(depot.token_for(kMac));
  const auto plan = depot.ask("/agent/v1/plan", {.bearer = session});
  REQUIRE(plan.status == 200);
  CHECK_THAT(text_of(plan), ContainsSubstring("debian@12"));
}

}  // namespace slipway::provisioning
