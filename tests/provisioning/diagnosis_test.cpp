#include "provisioning/diagnosis.hpp"

#include <functional>
#include <vector>

#include "base/failures.hpp"
#include "provisioning/journey.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
using enum Milestone;

constexpr TimePoint kStart{1000h};
const Sight kServer{.ip = {{10, 0, 0, 1}}, .mac = *Mac::parse("52:54:00:00:00:01"), .at = kStart};
const Sight kOther{.ip = {{10, 0, 0, 9}}, .mac = *Mac::parse("52:54:00:00:00:09"), .at = kStart};

// Milestones in seconds after the first request.
Passage passed(std::vector<std::pair<Milestone, int>> milestones) {
  Passage passage;
  passage.asks = 1;
  passage.arch = dhcp::Arch::uefi_x64;
  passage.loader = "snponly.efi";
  for (const auto& [milestone, second] : milestones) {
    (void)passage.reach(milestone, kStart + std::chrono::seconds(second));
  }
  return passage;
}

struct Row {
  const char* why;
  Passage passage;
  int second;        // after the first request
  const char* name;  // "" while the host may still get on
};

void check(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    INFO(row.why << " at " << row.second << " s");
    const auto said = diagnose(row.passage, kStart + std::chrono::seconds(row.second));
    CHECK((said ? said->name : std::string_view()) == row.name);
    if (!said) continue;
    CHECK_FALSE(said->detail.empty());
    CHECK(find_failure_kind(said->name) != nullptr);
  }
}

template <class... Changes>
Passage with(Passage passage, const Changes&... changes) {
  (changes(passage), ...);
  return passage;
}

const auto kLeased = [](Passage& passage) { passage.lease = kServer; };
const auto kRival = [](Passage& passage) { passage.rival = kOther; };
const auto kOption60 = [](Passage& passage) { passage.pxe_lease = kServer; };
const auto kBios = [](Passage& passage) { passage.arch = dhcp::Arch::bios; };
const auto kByHttp = [](Passage& passage) { passage.by_http = true; };
const auto kIpxe = [](Passage& passage) { passage.ipxe_asked = kStart + 3s; };
const auto kHome = [](Passage& passage) { passage.sent_home = true; };

TEST_CASE("a host that stands at the offer: who else answered it decides what is said",
          "[provisioning][diagnosis]") {
  const auto asks = passed({{asked, 0}});
  check({
      {"nothing was seen of it", Passage{}, 999, ""},
      {"it has time", asks, 19, ""},
      {"nobody gave it an address", asks, 20, "no-dhcp-server"},
      {"it is still so an hour later", asks, 3600, "no-dhcp-server"},
      {"it has a lease and does not come", with(asks, kLeased), 20, "offer-ignored"},
      {"it has a lease and has time", with(asks, kLeased), 19, ""},
      {"another boot server answered", with(asks, kLeased, kRival), 20, "another-proxy-first"},
      {"another one answered, and it has time", with(asks, kRival), 19, ""},
      {"another one answered and it came to us all the same",
       with(passed({{asked, 0}, {boot_server, 2}, {loader_asked, 3}}), kLeased, kRival), 20, ""},
      {"the lease's server sets option 60", with(asks, kLeased, kOption60), 20,
       "dhcp-server-is-pxe"},
      {"it was told to start its disk", with(asks, kLeased, kHome), 999, ""},
  });
}

TEST_CASE("a host that was told of its boot program and does not get it",
          "[provisioning][diagnosis]") {
  const auto told = with(passed({{asked, 0}, {boot_server, 4}}), kLeased);
  const auto takes = with(passed({{asked, 0}, {boot_server, 4}, {loader_asked, 5}}), kLeased);
  const auto ended = [](Transfer how) {
    return [how](Passage& passage) { passage.transfer = how; };
  };
  check({
      {"it was told just now", told, 18, ""},
      {"no request for the file came", told, 19, "tftp-blocked"},
      {"an iPXE in the ROM comes for its script, not for a file", with(told, kIpxe), 19, ""},
      {"it takes it", takes, 34, ""},
      {"it takes it for too long", takes, 35, "tftp-slow"},
      {"it acknowledged nothing", with(takes, ended(Transfer::unanswered)), 11, "tftp-blocked"},
      {"it went silent in the middle", with(takes, ended(Transfer::broken)), 20, "tftp-slow"},
      {"it tries again", with(takes, ended(Transfer::running)), 20, ""},
  });
}

TEST_CASE("a host that has its boot program and does not go on", "[provisioning][diagnosis]") {
  const auto has = with(passed({{asked, 0}, {loader_asked, 5}, {loader_sent, 6}}), kLeased);
  auto own = has;
  own.loader = "secure.img";
  const auto by_http = with(passed({{asked, 0}, {loader_asked, 5}}), kLeased, kByHttp);
  const auto refused = [](Passage& passage) { passage.refused = "snponly.efi"; };
  check({
      {"it may wait for an IPv6 router", has, 50, ""},
      {"UEFI did not start it", has, 51, "loader-refused"},
      {"a BIOS has no Secure Boot", with(has, kBios), 51, "loader-silent"},
      {"over HTTP nobody says when it has it", by_http, 49, ""},
      {"over HTTP", by_http, 50, "loader-refused"},
      {"firmware begins anew after it had it", with(passed({{asked, 0}}), refused), 1,
       "loader-refused"},
      {"an image starts a kernel of its own", own, 305, ""},
      {"an image that was not started", own, 306, "loader-refused"},
      {"the loader runs and asked by DHCP", with(has, kIpxe), 47, ""},
      {"the loader runs and has no script", with(has, kIpxe), 48, "script-not-fetched"},
      {"an iPXE in the ROM", with(passed({{asked, 3}}), kLeased, kIpxe), 48, "script-not-fetched"},
      {"an iPXE in the ROM without a lease", with(passed({{asked, 3}}), kIpxe), 23,
       "no-dhcp-server"},
  });
}

TEST_CASE("a host that has its script, and one that has its kernel", "[provisioning][diagnosis]") {
  const auto script_only = with(passed({{asked, 0}, {script, 10}}), kLeased);
  const auto others = [](Passage& passage) { passage.by_others = true; };
  const auto kernel_too = with(passed({{asked, 0}, {script, 10}, {kernel, 11}}), kLeased);
  check({
      {"it has just its script", script_only, 69, ""},
      {"no kernel was asked for", script_only, 70, "no-kernel"},
      {"it loads", kernel_too, 310, ""},
      {"no agent came", kernel_too, 311, "no-agent"},
      {"an installer of others has more to fetch", with(kernel_too, others), 610, ""},
      {"an installer of others did not come for its config", with(kernel_too, others), 611,
       "config-not-fetched"},
      {"the agent came", passed({{asked, 0}, {script, 10}, {kernel, 11}, {agent, 30}}), 9999, ""},
      {"an installer of others has its config",
       passed({{asked, 0}, {script, 10}, {kernel, 11}, {config, 60}}), 9999, ""},
      {"a stick, of which no loader is seen", passed({{script, 0}, {agent, 1}}), 9999, ""},
  });
}

TEST_CASE("a firmware that we have nothing for is named with its architecture",
          "[provisioning][diagnosis]") {
  Journey journey;
  journey.ask_in_vain("h", 11, kStart);
  const auto said = diagnose(journey.passage("h"), kStart);
  REQUIRE(said);
  CHECK(said->name == "wrong-architecture");
  CHECK(said->detail == "its firmware says architecture 11");
  // The boot mode was changed.
  dhcp::Client client;
  client.arch = dhcp::Arch::uefi_x64;
  CHECK(journey.ask("h", client, kStart + 11min));
  CHECK_FALSE(diagnose(journey.passage("h"), kStart + 11min));
}

TEST_CASE("the details give the other server's address and MAC, and how often the host asked",
          "[provisioning][diagnosis]") {
  auto passage = with(passed({{asked, 0}}), kLeased, kRival);
  passage.asks = 3;
  const auto said = diagnose(passage, kStart + 25s);
  REQUIRE(said);
  CHECK(said->detail ==
        "the boot server at 10.0.0.9 (52:54:00:00:00:09) answered it; it asked 3 times in 25 s");
}

TEST_CASE("what was heard right before a request belongs to it, and what is old does not",
          "[provisioning][journey]") {
  Journey journey;
  dhcp::Client client;
  client.arch = dhcp::Arch::uefi_x64;
  journey.boot_of("h").hear(Heard::proxy, kOther);
  CHECK(journey.ask("h", client, kStart + 100ms));
  CHECK(journey.passage("h").rival);
  CHECK_FALSE(journey.ask("h", client, kStart + 4s));
  CHECK(journey.passage("h").asks == 2);
  CHECK(journey.ask("h", client, kStart + 1h));
  CHECK_FALSE(journey.passage("h").rival);
  CHECK(journey.passage("h").asks == 1);
}

TEST_CASE("firmware that begins anew after it had the loader is remembered for it",
          "[provisioning][journey]") {
  Journey journey;
  dhcp::Client client;
  client.arch = dhcp::Arch::uefi_x64;
  CHECK(journey.ask("h", client, kStart));
  journey.reach("h", loader_asked, kStart + 5s);
  journey.boot_of("h").loader = "snponly.efi";
  journey.reach("h", loader_sent, kStart + 6s);
  CHECK(journey.ask("h", client, kStart + 9s));
  const auto said = diagnose(journey.passage("h"), kStart + 9s);
  REQUIRE(said);
  CHECK(said->name == "loader-refused");
  CHECK(said->detail == "it took snponly.efi and began to boot anew");
  journey.reach("h", script, kStart + 15s);
  CHECK_FALSE(diagnose(journey.passage("h"), kStart + 16s));
}

}  // namespace
}  // namespace slipway::provisioning
