// The life of a host that an installer of others works on, from its arming to its report.
#include "provisioning/third_party.hpp"

#include "tests/provisioning/databases.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr auto kMac = "52:54:00:aa:00:01";
constexpr auto kOther = "10.0.0.99";
const std::string kInstalled = R"({"state":"installed"})";

InstallerSet live_image() {
  return {.name = "live@1",
          .kind = "kairos",
          .cmdline = "",
          .manifest = Sha256::of("manifest of live@1"),
          .files = {{"kernel", Sha256::of("kernel"), 10U << 20U},
                    {"initrd", Sha256::of("initrd"), 100U << 20U},
                    {"rootfs", Sha256::of("rootfs"), 900U << 20U},
                    {"images/install.img", Sha256::of("stage2"), 1U << 20U}}};
}

// h1 and h2 are to be installed by a profile of this kind.
void use_kind(Depot& depot, InstallerKind kind) {
  depot.neighbours[*Ipv4::parse("10.0.0.21")] = *Mac::parse(kMac);
  depot.neighbours[*Ipv4::parse(kOther)] = *Mac::parse("52:54:00:ee:00:99");
  depot.artifacts.set = live_image();
  auto& profile = depot.inventory.profiles.at(0);
  profile.installer = kind;
  profile.format = UserDataFormat::kairos;
  profile.image = "live@1";
  profile.disk.front().path = "/dev/vda";
  profile.user_data.data = Map{{"install", make_map({{"auto", make_flag(true)}})}};
  if (kind != InstallerKind::kairos) {
    depot.artifacts.set->kind = "generic";
    profile.format = UserDataFormat::cloud_init;
  }
  REQUIRE(depot.order("/api/v1/reload").status == 200);
  depot.settle();
}

std::string path_of(const std::string& token, const std::string& file) {
  return "/h/" + token + "/" + file;
}

// Armed, booted, and with its config: installing.
std::string bring_to_config(Depot& depot) {
  depot.arm("h1");
  auto token = depot.token_for(kMac);
  REQUIRE(depot.ask(path_of(token, "config")).status == 200);
  REQUIRE(depot.state("h1") == "installing");
  return token;
}

void pass(Depot& depot, std::chrono::seconds time) {
  for (auto passed = 0s; passed < time; passed += 5s) depot.advance(5s);
}

void take(Depot& depot, const std::string& content, const std::string& name) {
  INFO(name);
  REQUIRE(depot.ask("/artifacts/" + Sha256::of(content).text() + "/" + name).status == 200);
}

}  // namespace

TEST_CASE("a host is installed by an installer of others", "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  depot.arm("h1");
  const auto script = depot.script_for(kMac);
  CHECK_THAT(script, ContainsSubstring("root=live:http://10.0.0.1:8080/artifacts/"));
  CHECK(depot.script_for(kMac) == script);  // a lost answer is repeated
  const auto token = depot.token_for(kMac);
  CHECK(depot.state("h1") == "booting");
  take(depot, "kernel", "kernel");
  take(depot, "initrd", "initrd");
  take(depot, "rootfs", "rootfs.squashfs");
  const auto config = depot.ask(path_of(token, "config"));
  REQUIRE(config.status == 200);
  CHECK_THAT(text_of(config), ContainsSubstring("http://10.0.0.1:8080/h/" + token + "/report"));
  CHECK(depot.state("h1") == "installing");
  CHECK(depot.post(path_of(token, "report"), kInstalled).status == 200);
  CHECK(depot.state("h1") == "installed");
  CHECK_FALSE(depot.host("h1").arming);
  CHECK_THAT(depot.script_for(kMac), ContainsSubstring("sanboot"));
  CHECK(depot.post(path_of(token, "report"), kInstalled).status == 200);  // its answer was lost
  CHECK(depot.post(path_of(token, "report"), R"({"state":"failed"})").status == 410);
  CHECK(depot.ask(path_of(token, "config")).status == 410);
  CHECK(depot.state("h1") == "installed");
  CHECK(depot.verify_audit());
}

TEST_CASE("each step of it outlives the server, in every database",
          "[provisioning][third_party][databases]") {
  const auto kind = GENERATE(Kind::sqlite, Kind::postgresql);
  Depot depot(std::filesystem::temp_directory_path(),
              kind == Kind::sqlite ? Secret() : PostgresServer::shared().create_database());
  use_kind(depot, InstallerKind::kairos);
  depot.arm("h1");
  depot.restart();
  const auto token = depot.token_for(kMac);
  depot.restart();
  REQUIRE(depot.ask(path_of(token, "config")).status == 200);
  depot.restart();
  CHECK(depot.state("h1") == "installing");
  REQUIRE(depot.post(path_of(token, "report"), kInstalled).status == 200);
  depot.restart();
  CHECK(depot.state("h1") == "installed");
  CHECK(depot.post(path_of(token, "report"), kInstalled).status == 200);
  CHECK_THAT(depot.script_for(kMac), ContainsSubstring("sanboot"));
}

TEST_CASE("a second taker ends the attempt", "[provisioning][third_party][sg2]") {
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  const auto token = bring_to_config(depot);
  SECTION("of the config") {
    CHECK(depot.ask(path_of(token, "config"), {.from = kOther}).status == 403);
  }
  SECTION("of the right to report") {
    const Ask stranger{.body = kInstalled, .from = kOther, .method = http::Method::post};
    CHECK(depot.ask(path_of(token, "report"), stranger).status == 403);
  }
  CHECK(depot.state("h1") == "failed");
  CHECK(depot.host("h1").reason == "second-taker");
  CHECK(depot.ask(path_of(token, "config")).status == 410);
  CHECK(depot.post(path_of(token, "report"), kInstalled).status == 410);
  CHECK(depot.state("h1") == "failed");
}

TEST_CASE("a config is read three times", "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  const auto token = bring_to_config(depot);
  CHECK(depot.ask(path_of(token, "config")).status == 200);
  CHECK(depot.ask(path_of(token, "config")).status == 200);
  CHECK(depot.ask(path_of(token, "config")).status == 410);
  CHECK(depot.ask(path_of(token, "user-data")).status == 200);  // counted by file
  CHECK(depot.post(path_of(token, "report"), kInstalled).status == 200);
}

TEST_CASE("a report is held to what the host can say", "[provisioning][third_party]") {
  struct Row {
    std::string body;
    int status;
    std::string state, reason, detail;
  };
  const auto row = GENERATE(
      Row{R"({"state":"installed"})", 200, "installed", "", ""},
      Row{R"({"state":"failed","reason":"no space on /dev/vda"})", 200, "failed",
          "installer-failed", "no space on /dev/vda"},
      Row{R"({"state":"failed","reason":"a\nb"})", 200, "failed", "installer-failed", "a b"},
      Row{R"({"state":"failed"})", 200, "failed", "installer-failed",
          "The installer gave no reason"},
      Row{R"({"state":"done"})", 400, "installing", "", ""}, Row{"", 400, "installing", "", ""},
      Row{"state=installed", 400, "installing", "", ""});
  INFO(row.body);
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  const auto token = bring_to_config(depot);
  CHECK(depot.post(path_of(token, "report"), row.body).status == row.status);
  CHECK(depot.state("h1") == row.state);
  CHECK(depot.host("h1").reason == row.reason);
  CHECK(depot.host("h1").detail == row.detail);
}

TEST_CASE("a report that nobody may make changes nothing", "[provisioning][third_party]") {
  Depot depot;
  SECTION("with an unknown token") {
    use_kind(depot, InstallerKind::kairos);
    CHECK(depot.post(path_of(std::string(32, 'x'), "report"), kInstalled).status == 404);
  }
  SECTION("before the config was fetched") {
    use_kind(depot, InstallerKind::kairos);
    depot.arm("h1");
    CHECK(depot.post(path_of(depot.token_for(kMac), "report"), kInstalled).status == 409);
    CHECK(depot.state("h1") == "booting");
  }
  SECTION("for a host on which our own agent works") {
    depot.arm("h1");
    const auto token = depot.token_for(kMac);
    const auto bearer = depot.session_for(token);
    REQUIRE(depot.ask("/agent/v1/plan?wait=0", {.bearer = bearer}).status == 200);
    CHECK(depot.post(path_of(token, "report"), kInstalled).status == 409);
    CHECK(depot.state("h1") == "installing");
  }
  SECTION("by GET") {
    use_kind(depot, InstallerKind::kairos);
    const auto token = bring_to_config(depot);
    CHECK(depot.ask(path_of(token, "report")).status == 405);
    CHECK(depot.state("h1") == "installing");
  }
  CHECK_FALSE(depot.state("h1") == "installed");
}

TEST_CASE("a step of an installer of others that takes too long has its reason",
          "[provisioning][third_party][overdue]") {
  struct Row {
    std::string why;
    int reached;  // 0 script, 1 kernel, 2 root file system, 3 config
    std::chrono::seconds limit;
    std::string before, reason, after, detail;
  };
  const auto row = GENERATE(
      Row{"the loader stands still", 0, 3min, "booting", "no-kernel", "armed", "boot HTTP port"},
      Row{"its kernel does not come up", 1, 15min, "booting", "config-not-fetched", "armed",
          "fetched its installer's kernel"},
      Row{"it runs with an empty config", 2, 15min, "booting", "config-not-fetched", "armed",
          "root file system, but not its config"},
      Row{"it never reports", 3, 90min, "installing", "no-report", "failed", "report_url"});
  INFO(row.why);
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  if (row.reached >= 1) take(depot, "kernel", "kernel");
  if (row.reached >= 2) take(depot, "rootfs", "rootfs.squashfs");
  if (row.reached >= 3) REQUIRE(depot.ask(path_of(token, "config")).status == 200);
  pass(depot, row.limit);
  CHECK(depot.state("h1") == row.before);
  pass(depot, 5s);
  CHECK(depot.state("h1") == row.after);
  CHECK(depot.host("h1").reason == row.reason);
  CHECK_THAT(depot.host("h1").detail, ContainsSubstring(row.detail));
  CHECK(depot.host("h1").attempts_left(depot.scheduler.now().steady) == 2);
}

TEST_CASE("a profile says how long its installer may take", "[provisioning][third_party]") {
  Depot depot;
  depot.inventory.profiles.at(0).report_within = 10min;
  use_kind(depot, InstallerKind::kairos);
  (void)bring_to_config(depot);
  pass(depot, 10min);
  CHECK(depot.state("h1") == "installing");
  pass(depot, 5s);
  CHECK(depot.host("h1").reason == "no-report");
}

TEST_CASE("an installer that starts over and over is started three times",
          "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  depot.arm("h1");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    INFO(attempt);
    const auto token = depot.token_for(kMac);
    CHECK(depot.ask(path_of(token, "config")).status == 200);
    depot.advance(2min);
  }
  CHECK_THAT(depot.script_for(kMac), ContainsSubstring("sanboot"));
  CHECK(depot.state("h1") == "failed");
  CHECK(depot.host("h1").reason == "restarted");
}

TEST_CASE("who reports from its disk is told to start it", "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::ignition);
  const auto token = bring_to_config(depot);
  depot.advance(5min);
  CHECK_THAT(depot.script_for(kMac), ContainsSubstring("sanboot"));
  CHECK(depot.state("h1") == "installing");
  CHECK(depot.host("h1").arming->attempts_used == 1);
  CHECK(depot.post(path_of(token, "report"), kInstalled).status == 200);
  CHECK(depot.state("h1") == "installed");
}

TEST_CASE("an installer that never reports is through when its host boots again, or its time is up",
          "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::talos);
  (void)bring_to_config(depot);
  SECTION("it boots again") {
    depot.advance(5min);
    CHECK_THAT(depot.script_for(kMac), ContainsSubstring("sanboot"));
  }
  SECTION("its time is up") { pass(depot, 20min + 5s); }
  CHECK(depot.state("h1") == "installed");
  CHECK_FALSE(depot.host("h1").arming);
}

TEST_CASE("what cannot be booted is not armed", "[provisioning][third_party]") {
  struct Row {
    std::string why;
    void (*spoil)(Depot& depot, Profile& profile);
    std::string detail;
  };
  const std::vector<Row> rows{
      {"no image is named", [](Depot&, Profile& profile) { profile.image.clear(); },
       "names no image to boot"},
      {"the image is not there", [](Depot& depot, Profile&) { depot.artifacts.set.reset(); },
       "there is no installer live@1"},
      {"the image is of another kind",
       [](Depot& depot, Profile&) { depot.artifacts.set->kind = "debian"; },
       "is an installer of kind debian; the installer kairos boots images of kind kairos"},
      {"it has no initrd",
       [](Depot& depot, Profile&) {
         depot.artifacts.set->files.erase(depot.artifacts.set->files.begin() + 1);
       },
       "image live@1 has no initrd"},
      {"the line is too long",
       [](Depot&, Profile& profile) { profile.cmdline = std::string(2000, 'a'); },
       "cuts it off after 2047"},
      {"no disk is named", [](Depot&, Profile& profile) { profile.disk.front().path.clear(); },
       "install.device does not name a disk"},
      {"plain Kairos would not begin",
       [](Depot&, Profile& profile) { profile.user_data = Value(); }, "install: {auto: true}"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Depot depot;
    use_kind(depot, InstallerKind::kairos);
    row.spoil(depot, depot.inventory.profiles.at(0));
    (void)depot.order("/api/v1/reload");
    depot.settle();
    const auto answer = depot.order("/api/v1/hosts/h1/arm");
    CHECK(answer.status == 422);
    CHECK_THAT(member(answer, "detail"), ContainsSubstring(row.detail));
    CHECK_FALSE(depot.host("h1").arming);
  }
}

TEST_CASE("a host that is known to have too little memory is not armed",
          "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  depot.host("h1").inventory_json = R"({"memory_octets":2097151999})";  // one octet short
  const auto answer = depot.order("/api/v1/hosts/h1/arm");
  CHECK(answer.status == 422);
  CHECK_THAT(member(answer, "detail"),
             ContainsSubstring("memory-too-small: host h1 has 2000 MiB of memory, and live@1 "
                               "needs 2000 MiB"));
  depot.host("h1").inventory_json = R"({"memory_octets":2097152000})";
  depot.arm("h1");
}

TEST_CASE("memory is reckoned from the sizes of the files", "[provisioning][third_party]") {
  constexpr std::uint64_t kMiB = 1U << 20U;
  auto set = live_image();
  CHECK(memory_needed(InstallerKind::kairos, set) == 2 * (100 + 900) * kMiB);
  set.kind = "debian";
  CHECK(memory_needed(InstallerKind::preseed, set) == (300 + 900 + 1 + 256) * kMiB);
  set.files = {{"kernel", {}, kMiB}, {"initrd", {}, 30 * kMiB}, {"initrd2", {}, 10 * kMiB}};
  CHECK(memory_needed(InstallerKind::preseed, set) == (120 + 256) * kMiB);
  set.files.push_back({"iso", {}, 2000 * kMiB});
  CHECK(memory_needed(InstallerKind::autoinstall, set) == (120 + 2000 + 256) * kMiB);
}

TEST_CASE("an agent that waits makes room for the installer of others",
          "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  const auto bearer = depot.session_for(depot.token_for(kMac));
  const auto poll = depot.begin("/agent/v1/plan?wait=30", {.bearer = bearer});
  CHECK_FALSE(poll->has_value());
  depot.arm("h1");
  REQUIRE(poll->has_value());
  CHECK((*poll)->status == 410);  // upon which it restarts the host
  CHECK(depot.state("h1") == "armed");
  CHECK_THAT(depot.script_for(kMac), ContainsSubstring("install-mode"));
}

TEST_CASE("an installer's tree is looked up by its paths", "[provisioning][third_party]") {
  struct Row {
    const char* target;
    int status;
  };
  const std::vector<Row> rows{{"/i/live/1/images/install.img", 200},
                              {"/i/live/1/kernel", 200},
                              {"/i/live/1/images", 404},
                              {"/i/live/1/images/x", 404},
                              {"/i/live/2/kernel", 404},
                              {"/i/live/1/../1/kernel", 404}};
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  for (const auto& row : rows) {
    INFO(row.target);
    CHECK(depot.ask(row.target).status == row.status);
  }
}

TEST_CASE("a profile that is another one after a restart boots nothing",
          "[provisioning][third_party]") {
  Depot depot;
  use_kind(depot, InstallerKind::kairos);
  depot.arm("h1");
  depot.inventory.profiles.at(0).cmdline = "quiet";
  depot.restart();
  CHECK(depot.script_for(kMac) == "status 503");
  CHECK(depot.host("h1").arming->attempts_used == 0);
}

}  // namespace slipway::provisioning
