#include "agent/stick.hpp"

#include <sys/stat.h>

#include "agent/parameters.hpp"
#include "tests/agent/fake_root.hpp"
#include "tests/agent/fake_server.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using namespace slipway::test;

namespace {

constexpr auto kToken = "00112233445566778899aabbccddeeff";

// Two cards, of which the second holds the lease.
void make_host(const FakeRoot& root) {
  int number = 1;
  for (const auto* name : {"eth0", "eth1"}) {
    const std::string nic = std::string("sys/class/net/") + name;
    root.file(nic + "/address", "52:54:00:aa:00:0" + std::to_string(number++) + "\n");
    root.file(nic + "/type", "1\n");
    root.folder(nic + "/device");
  }
  root.file("run/lease.eth1", "10.0.0.5\n");
  root.file("sys/class/dmi/id/product_serial", "SN 1&2\n");
}

struct Bench {
  FakeRoot root;
  FakeServer server;
  FakeTransport transport{server};
  Naps naps;
  std::vector<std::vector<std::string>> screens;
  Stick stick{root.path(), transport, naps.waiting(),
              [this](const std::vector<std::string>& lines) { screens.push_back(lines); }};

  Bench() { make_host(root); }
  // These, one after the other.
  void answer(std::vector<Answer> answers) {
    server.answer = [answers = std::move(answers), at = std::size_t{0}](const Call&) mutable {
      return Fallible<Answer>(answers.at(at++));
    };
  }
};

}  // namespace

TEST_CASE("the agent on a stick asks by the card that holds the lease, and keeps the token",
          "[agent][stick]") {
  Bench bench;
  bench.answer({{200, kToken}});
  CHECK(bench.stick.token("").reveal() == kToken);
  const auto calls = bench.server.calls();
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].method == "GET");
  CHECK(calls[0].target == "/boot.token?mac=52:54:00:aa:00:02&serial=SN%201%262");
  CHECK(bench.root.text("etc/slipway/token") == kToken);
  struct stat about{};
  REQUIRE(::stat((bench.root.path() / "etc/slipway/token").c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0600);
}

TEST_CASE("it asks until the host is armed, and shows once what it waits for", "[agent][stick]") {
  Bench bench;
  bench.answer({{204, ""}, {204, ""}, {503, ""}, {200, "no token"}, {200, kToken}});
  CHECK(bench.stick.token("").reveal() == kToken);
  CHECK(bench.naps.taken.size() == 4);
  REQUIRE(bench.screens.size() == 3);
  CHECK(bench.screens[0][2] == "MAC     52:54:00:aa:00:02");
  CHECK_THAT(bench.screens[1][0], ContainsSubstring("503"));
}

TEST_CASE("a stick that is for one host asks nothing on another", "[agent][stick]") {
  Bench bench;
  bench.answer({{200, kToken}});
  SECTION("the card is there, though another one holds the lease") {
    CHECK(bench.stick.token("52:54:00:aa:00:01").reveal() == kToken);
  }
  SECTION("the card is not there, until it is plugged in") {
    int looks = 0;
    Stick stick(bench.root.path(), bench.transport,
                {[&](std::chrono::milliseconds) {
                   CHECK(bench.server.calls().empty());
                   if (++looks == 3) {
                     bench.root.file("sys/class/net/eth0/address", "52:54:00:aa:00:07\n");
                   }
                 },
                 [] { return 1.0; }},
                [&](const auto& lines) { bench.screens.push_back(lines); });
    CHECK(stick.token("52:54:00:aa:00:07").reveal() == kToken);
    CHECK(looks == 3);
    REQUIRE(bench.screens.size() == 1);
    CHECK_THAT(bench.screens[0][0], ContainsSubstring("52:54:00:aa:00:07"));
  }
}

TEST_CASE("without a token only a stick's command line is a boot of ours", "[agent][stick]") {
  const FakeRoot root;
  root.file("proc/cmdline", "slipway.server=http://10.0.0.1:8080 slipway.mac=52:54:00:aa:00:01\n");
  CHECK_FALSE(read_parameters(root.path()));
  root.file("proc/cmdline",
            "slipway.server=http://10.0.0.1:8080 slipway.mac=52:54:00:aa:00:01 "
            "slipway.medium=11111111-2222-3333-4444-555555555555\n");
  const auto read = read_parameters(root.path());
  REQUIRE(read);
  CHECK(read->token.empty());
  CHECK(read->only_mac == "52:54:00:aa:00:01");
  root.file("etc/slipway/token", "abc");  // an agent that starts again
  CHECK(read_parameters(root.path())->token.reveal() == "abc");
}
