#include "agent/preparation.hpp"

#include "tests/agent/fake_root.hpp"
#include "tests/agent/fake_server.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kDiskOctets = std::uint64_t{16} << 20;
const std::string kGood = R"({"smartctl":{},"smart_status":{"passed":true}})";
const std::string kBad = R"({"smartctl":{},"smart_status":{"passed":false}})";

using Happened = std::vector<std::string>;

class NotingTarget : public EraseTarget {
 public:
  NotingTarget(Happened& happened, bool discards) : happened_(happened), discards_(discards) {}
  ~NotingTarget() override { happened_.push_back("close"); }
  std::uint64_t size_octets() override { return kDiskOctets; }
  Fallible<void> read_at(std::uint64_t, std::span<std::uint8_t> out) override {
    std::ranges::fill(out, std::uint8_t{0});
    return {};
  }
  bool can_discard() override { return discards_; }
  Fallible<void> discard(std::uint64_t, std::uint64_t) override {
    happened_.push_back("discard");
    return {};
  }
  Fallible<std::uint32_t> nvme_namespace() override { return fail("no NVMe"); }
  Fallible<void> nvme(const NvmeCommand&, std::span<std::uint8_t>) override {
    return fail("no NVMe");
  }
  Fallible<ToolResult> hdparm(const std::vector<std::string>&, seconds) override {
    return fail("no ATA");
  }
  void pause(std::chrono::milliseconds) override {}

 private:
  Happened& happened_;
  bool discards_;
};

// A host whose programs and disk note what is done with them.
struct Scene {
  test::FakeRoot root;
  test::FakeServer server;
  Happened happened;
  Happened happened_in_run;  // the writer needs the disk as soon as run() has returned
  std::string smartctl = kGood;
  bool discards = true, has_tools = true;
  int stress_code = 0;
  Outcome outcome;

  std::string prepare(const Plan& plan) {
    server.answer = [](const Call&) -> Fallible<Answer> { return Answer{204, ""}; };
    root.file("proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 2097152 kB\n");
    root.file("sys/class/tty/console/active", "ttyS0\n");
    root.file("dev/ttyS0", "");
    Console console(root.path());
    ProgressReport report(std::make_unique<test::FakeTransport>(server), Secret("s"), 1);
    const Tools tools{.has = [this](const std::string&) { return has_tools; },
                      .run = [this](const ToolCall& call) { return run(call); }};
    Preparation preparation(
        {root.path(), console, report, tools,
         [this](const std::string& path, const Tools&) -> Fallible<std::unique_ptr<EraseTarget>> {
           happened.push_back("open " + path.substr(root.path().native().size()));
           return std::make_unique<NotingTarget>(happened, discards);
         }});
    Disk disk;
    disk.path = "/dev/sda";
    disk.type = "ssd";
    disk.size_octets = kDiskOctets;
    const auto done = preparation.run(plan, disk, 2, outcome);
    happened_in_run = happened;
    return done ? "" : done.error().reason;
  }
  Fallible<ToolResult> run(const ToolCall& call) {
    const auto& name = call.arguments.front();
    happened.push_back(name);
    if (name == "smartctl") return ToolResult{0, smartctl, false, ""};
    return ToolResult{stress_code, "", false, "it failed"};
  }
};

Plan plan_with(Erase erase, seconds cpu) {
  Plan plan;
  plan.erase = erase;
  plan.burn_in.cpu = cpu;
  return plan;
}

}  // namespace

TEST_CASE("a host is checked, tried, and its disk erased, in this order", "[agent][preparation]") {
  Scene scene;
  CHECK(scene.prepare(plan_with(Erase::discard, seconds(1))) == "");
  CHECK(scene.happened_in_run ==
        Happened{"smartctl", "open /dev/sda", "stress-ng", "discard", "close"});
  REQUIRE(scene.outcome.health);
  CHECK(scene.outcome.health->summary == "SMART passed");
  REQUIRE(scene.outcome.erase);
  CHECK(scene.outcome.erase->method == "discard");
  CHECK(scene.outcome.erase->verified);
  for (const auto* step : {"checks", "burn-in", "erase"}) {
    INFO(step);
    CHECK(scene.outcome.seconds.contains(step));
  }
}

TEST_CASE("what a profile does not ask for is left out", "[agent][preparation]") {
  Scene scene;
  auto plan = plan_with(Erase::none, seconds(0));
  SECTION("health alone") {
    CHECK(scene.prepare(plan) == "");
    CHECK(scene.happened == Happened{"smartctl"});
  }
  SECTION("nothing") {
    plan.requirements.healthy_disk = false;
    scene.smartctl = kBad;
    scene.has_tools = false;
    CHECK(scene.prepare(plan) == "");
    CHECK(scene.happened.empty());
    CHECK_FALSE(scene.outcome.health);
  }
  CHECK_FALSE(scene.outcome.erase);
}

TEST_CASE("what refuses a disk does so before the burn-in, and nothing is erased",
          "[agent][preparation]") {
  Scene scene;
  SECTION("an unhealthy disk") {
    scene.smartctl = kBad;
    CHECK(scene.prepare(plan_with(Erase::discard, seconds(1))) == "disk-unhealthy");
    REQUIRE(scene.outcome.health);  // the report says why
    CHECK(scene.outcome.health->verdict == Health::Verdict::bad);
    CHECK(scene.happened == Happened{"smartctl"});
  }
  SECTION("a disk that cannot be erased so") {
    scene.discards = false;
    CHECK(scene.prepare(plan_with(Erase::discard, seconds(1))) == "erase-unsupported");
    CHECK(scene.happened_in_run == Happened{"smartctl", "open /dev/sda", "close"});
  }
  SECTION("missing programs") {
    scene.has_tools = false;
    CHECK(scene.prepare(plan_with(Erase::discard, seconds(1))) == "tool-missing");
    CHECK(scene.happened.empty());
  }
  SECTION("a host that does not stand the burn-in") {
    scene.stress_code = 2;
    CHECK(scene.prepare(plan_with(Erase::discard, seconds(1))) == "burn-in-cpu-failed");
    CHECK(scene.happened_in_run == Happened{"smartctl", "open /dev/sda", "stress-ng", "close"});
    CHECK(scene.outcome.seconds.contains("burn-in"));
  }
  CHECK_FALSE(scene.outcome.erase);
}
