#include <map>

#include "service/doctor/lan.hpp"
#include "service/doctor/machine.hpp"
#include "tests/support/catch.hpp"

namespace slipway::service {
namespace {

using dhcp::Overheard;
using Kind = Overheard::Kind;
using Level = Finding::Level;

const Interface kInterface{"eth1", 3, *Ipv4::parse("10.88.0.2")};

Overheard answer(Kind kind, const char* ip, const char* next_server = "0.0.0.0") {
  Overheard heard;
  heard.kind = kind;
  heard.ip = *Ipv4::parse(ip);
  heard.mac = *Mac::parse("52:54:00:00:00:01");
  heard.lease = kind == Kind::proxy ? Ipv4{} : *Ipv4::parse("10.88.0.100");
  heard.next_server = *Ipv4::parse(next_server);
  return heard;
}

Overheard with_file(Overheard heard) {
  heard.names_file = true;
  return heard;
}

TEST_CASE("what other servers answer is judged for hosts that boot here", "[service][doctor]") {
  struct Row {
    const char* why;
    std::vector<Overheard> answers;
    std::map<std::string, Level> found;
  };
  const auto lease = answer(Kind::lease, "10.88.0.1");
  const std::vector<Row> rows{
      {"nobody answers", {}, {{"no-dhcp-server", Level::error}}},
      {"a plain DHCP server", {lease}, {{"dhcp-server", Level::ok}}},
      {"dnsmasq names itself as the next server",
       {answer(Kind::boot_lease, "10.88.0.1", "10.88.0.1")},
       {{"dhcp-server", Level::ok}}},
      {"1e.43 it sets option 60",
       {answer(Kind::pxe_lease, "10.88.0.1")},
       {{"dhcp-option-60", Level::error}}},
      {"1e.43 its leases name a file",
       {with_file(answer(Kind::boot_lease, "10.88.0.1"))},
       {{"dhcp-boot-file", Level::warning}}},
      {"GRUB 2.06 would go elsewhere",
       {answer(Kind::boot_lease, "10.88.0.1", "10.88.0.77")},
       {{"dhcp-next-server", Level::warning}}},
      {"GRUB 2.06 would come to us",
       {answer(Kind::boot_lease, "10.88.0.1", "10.88.0.2")},
       {{"dhcp-server", Level::ok}}},
      {"1e.42 another boot server beside it",
       {lease, answer(Kind::proxy, "10.88.0.3")},
       {{"dhcp-server", Level::ok}, {"another-proxy", Level::error}}},
      {"another boot server and no address",
       {answer(Kind::proxy, "10.88.0.3")},
       {{"no-dhcp-server", Level::error}, {"another-proxy", Level::error}}},
      {"two DHCP servers",
       {lease, answer(Kind::lease, "10.88.0.4")},
       {{"dhcp-server", Level::ok}, {"several-dhcp-servers", Level::warning}}},
      {"one that answers twice", {lease, lease}, {{"dhcp-server", Level::ok}}},
      {"we ourselves", {lease, answer(Kind::proxy, "10.88.0.2")}, {{"dhcp-server", Level::ok}}},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    std::map<std::string, Level> found;
    for (const auto& finding : judge_lan(kInterface, row.answers)) {
      INFO(line_of(finding));
      found.emplace(finding.name, finding.level);
      CHECK(finding.remedy.empty() == (finding.level == Level::ok));
      CHECK(finding.text.find("eth1") != std::string::npos);
    }
    CHECK(found == row.found);
  }
}

TEST_CASE("where we give the leases any other DHCP server is a mistake", "[service][doctor]") {
  const auto lease = answer(Kind::lease, "10.88.0.1");
  const auto alone = judge_lan(kInterface, {}, true);
  REQUIRE(alone.size() == 1);
  CHECK(alone[0].name == "dhcp-server");
  CHECK(alone[0].level == Level::ok);
  const std::vector<Overheard> rivals{lease, answer(Kind::proxy, "10.88.0.3"),
                                      answer(Kind::lease, "10.88.0.2")};
  std::map<std::string, Level> found;
  for (const auto& finding : judge_lan(kInterface, rivals, true)) {
    found.emplace(finding.name, finding.level);
    CHECK_FALSE(finding.remedy.empty());
  }
  CHECK(found == std::map<std::string, Level>{{"another-dhcp-server", Level::error},
                                              {"another-proxy", Level::error}});
}

TEST_CASE("another boot server is named with its address and MAC", "[service][doctor]") {
  const std::vector<Overheard> answers{answer(Kind::lease, "10.88.0.1"),
                                       answer(Kind::proxy, "10.88.0.3")};
  const auto findings = judge_lan(kInterface, answers);
  REQUIRE_FALSE(findings.empty());
  CHECK(line_of(findings.front()) ==
        "error another-proxy: another boot server, 10.88.0.3 (52:54:00:00:00:01), answers on eth1; "
        "switch it off, or keep it from this network: hosts boot from whichever they hear first");
}

TEST_CASE("room for the database is a must, room for an image a wish", "[service][doctor]") {
  constexpr std::uint64_t kMib = 1U << 20U;
  const auto [free, level] = GENERATE(table<std::uint64_t, Level>({
      {0, Level::error},
      {255, Level::error},
      {256, Level::warning},
      {4095, Level::warning},
      {4096, Level::ok},
      {1'000'000, Level::ok},
  }));
  INFO(free << " MiB");
  CHECK(judge_space("/data", free * kMib, 2'000'000 * kMib).level == level);
}

TEST_CASE("a clock of 1970 is an error, and none is needed to be right", "[service][doctor]") {
  using namespace std::chrono_literals;
  const auto at = [](std::chrono::year year) {
    return check_clock(std::chrono::sys_days(year / 6 / 1), "/nonexistent").level;
  };
  CHECK(at(1970y) == Level::error);
  CHECK(at(2024y) == Level::error);
  CHECK(at(2025y) == Level::ok);
  CHECK(at(2040y) == Level::ok);
  CHECK(at(2100y) == Level::error);
}

}  // namespace
}  // namespace slipway::service
