#include "provisioning/passage.hpp"

#include "provisioning/journey.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
using enum Milestone;

constexpr TimePoint kStart{1000h};

TEST_CASE("a milestone is counted from the one before it, once", "[provisioning][passage]") {
  Passage passage;
  CHECK_FALSE(passage.reach(asked, kStart));
  CHECK(passage.reach(loader_asked, kStart + 3s) == 3s);
  CHECK(passage.reach(script, kStart + 5s) == 2s);
  CHECK_FALSE(passage.reach(script, kStart + 6s));
  // The latest of those that were passed, not the first.
  CHECK(passage.reach(kernel, kStart + 9s) == 4s);
  CHECK(passage.at(script) == kStart + 5s);
  CHECK(passage.last == kStart + 9s);
}

TEST_CASE("a DHCP request begins another boot when this one was past its loader",
          "[provisioning][passage]") {
  struct Row {
    const char* why;
    std::vector<Milestone> passed;
    bool loaded;
    std::chrono::seconds later;
    bool is_over;
  };
  const std::vector<Row> rows{
      {"nothing was seen yet", {}, false, 0s, true},
      {"firmware asks again while nobody answers", {asked}, false, 16s, false},
      {"and again after its own boot server request", {asked, boot_server}, false, 30s, false},
      {"the iPXE that we sent asks for itself", {asked, loader_sent}, true, 5s, false},
      {"firmware asks after it had the loader", {asked, loader_sent}, false, 5s, true},
      {"an iPXE in the ROM asks after it had its script", {asked, script}, true, 60s, true},
      {"the host was installed", {asked, script, kernel, agent, installed}, false, 5s, true},
      {"it was quiet for long", {asked}, false, 601s, true},
      {"a stick or a restart of the server: no request was seen", {script, agent}, false, 5s, true},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Passage passage;
    for (const auto milestone : row.passed) (void)passage.reach(milestone, kStart);
    CHECK(passage.is_over(row.loaded, kStart + row.later) == row.is_over);
  }
}

TEST_CASE("a script after an installer ran is a boot without DHCP", "[provisioning][passage]") {
  Passage passage;
  for (const auto milestone : {asked, script, kernel, agent})
    (void)passage.reach(milestone, kStart);
  CHECK_FALSE(passage.reach(script, kStart + 1h));
  CHECK_FALSE(passage.has(agent));
  CHECK(passage.at(script) == kStart + 1h);
}

TEST_CASE("the journey of a host that turns out to be another goes with it",
          "[provisioning][journey]") {
  Journey journey;
  const dhcp::Client client;
  (void)journey.ask("seen", client, kStart);
  journey.reach("seen", script, kStart + 4s);
  (void)journey.ask("known", client, kStart - 1h);
  journey.move("seen", "known");
  CHECK(journey.passage("known").at(script) == kStart + 4s);
  CHECK_FALSE(journey.passage("seen").has(asked));
  CHECK(journey.took(script).count() == 1);
  CHECK(journey.took(script).sum() == 4.0);
  journey.forget("known");
  CHECK_FALSE(journey.passage("known").has(script));
}

}  // namespace
}  // namespace slipway::provisioning
