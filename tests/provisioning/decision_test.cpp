#include "provisioning/decision.hpp"

#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {
using enum HostState;
constexpr auto ignore = UnknownHosts::ignore;
constexpr auto discover = UnknownHosts::discover;
constexpr auto local_disk = Script::local_disk;
constexpr auto wait = Script::wait;
constexpr auto install = Script::install;
}  // namespace

TEST_CASE("each client gets what the table of docs/boot-flow.md says", "[provisioning][decision]") {
  using View = std::optional<HostView>;
  struct Row {
    std::string why;
    View host;
    UnknownHosts unknown;
    bool answered;
    Script script;
  };
  const auto row = GENERATE(values<Row>({
      {"not in the inventory, ignore", std::nullopt, ignore, false, local_disk},
      {"not in the inventory, discover", std::nullopt, discover, true, wait},
      {"discovered, since switched to ignore", View({discovered}), ignore, false, local_disk},
      {"discovered", View({discovered}), discover, true, wait},
      {"assigned, not armed, discover", View({assigned}), discover, true, wait},
      {"assigned, not armed, ignore", View({assigned}), ignore, false, local_disk},
      {"armed", View({armed, 3}), ignore, true, install},
      {"booting with attempts left", View({booting, 2}), ignore, true, install},
      {"installing with attempts left", View({installing, 1}), ignore, true, install},
      {"failed with attempts left", View({failed, 1}), ignore, true, install},
      {"failed with attempts left, discover", View({failed, 2}), discover, true, install},
      {"in its last attempt", View({installing, 0}), discover, false, local_disk},
      {"failed for good", View({failed, 0}), ignore, false, local_disk},
      {"failed for good, discover", View({failed, 0}), discover, false, local_disk},
      {"installed within the hour", View({installed, 0, true}), ignore, true, local_disk},
      {"installed long ago", View({installed, 0, false}), discover, false, local_disk},
      {"ignored", View({HostState::ignored}), discover, false, local_disk},
  }));
  INFO(row.why);
  const auto decision = decide(row.host, row.unknown);
  CHECK(decision.answer_dhcp == row.answered);
  CHECK(decision.script == row.script);
}

TEST_CASE("an expired arming counts as none before anybody wrote that down",
          "[provisioning][decision]") {
  const TimePoint now(std::chrono::hours(5));
  Host host;
  host.state = armed;
  host.arming = Arming{};
  host.arming->expires = now + std::chrono::seconds(1);
  CHECK(view_of(host, now).state == armed);
  CHECK(view_of(host, now).attempts_left == 3);
  CHECK(view_of(host, now + std::chrono::seconds(1)).state == assigned);
  host.state = failed;
  CHECK(view_of(host, now + std::chrono::seconds(1)).attempts_left == 0);
}

TEST_CASE("a host is just installed for one hour", "[provisioning][decision]") {
  Host host;
  host.state = installed;
  host.changed = TimePoint(std::chrono::hours(5));
  CHECK(view_of(host, host.changed + std::chrono::minutes(59)).just_installed);
  CHECK_FALSE(view_of(host, host.changed + std::chrono::minutes(60)).just_installed);
}

}  // namespace slipway::provisioning
