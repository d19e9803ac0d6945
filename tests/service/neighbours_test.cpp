// The kernel's neighbour table, in a network of the test's own.
#include "service/neighbours.hpp"

#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "base/temporary_folder.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::service;

namespace {

constexpr Ipv4 kHost{{10, 91, 0, 2}};
constexpr Mac kFirst{{0x52, 0x54, 0, 0xaa, 0, 1}};
constexpr Mac kSecond{{0x52, 0x54, 0, 0xaa, 0, 2}};

void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

// Runs `test` in a network namespace that holds a veth pair, "near" with 10.91.0.1/16, and goes
// with the thread.
template <class Test>
void in_a_network(Test test) {
  if (::geteuid() != 0) {
    WARN("a network of one's own needs root");
    return;
  }
  std::async(std::launch::async, [&test] {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    run("ip link add near type veth peer name far && ip addr add 10.91.0.1/16 dev near &&"
        " ip link set near up && ip link set far up && ip link set lo up");
    test(::if_nametoindex("near"));
  }).get();
}

void set_neighbour(const Mac& mac, const std::string& state = "reachable") {
  run("ip neigh replace " + kHost.text() + " lladdr " + mac.text() + " dev near nud " + state);
}

}  // namespace

TEST_CASE("the MAC behind an address is the kernel's, at every moment", "[service][neighbours]") {
  in_a_network([](unsigned near) {
    Neighbours neighbours;
    CHECK_FALSE(neighbours.mac_of(kHost, near));
    set_neighbour(kFirst);
    CHECK(neighbours.mac_of(kHost, near) == kFirst);
    CHECK(neighbours.mac_of(kHost, near) == kFirst);  // out of memory
    set_neighbour(kSecond);
    CHECK(neighbours.mac_of(kHost, near) == kSecond);
    run("ip neigh del " + kHost.text() + " dev near");
    CHECK_FALSE(neighbours.mac_of(kHost, near));
    set_neighbour(kFirst, "permanent");
    CHECK(neighbours.mac_of(kHost, near) == kFirst);
    run("ip link set near down && ip link set near up");  // takes its entries along
    CHECK_FALSE(neighbours.mac_of(kHost, near));
  });
}

TEST_CASE("an address is asked for on one interface", "[service][neighbours]") {
  in_a_network([](unsigned near) {
    set_neighbour(kFirst);
    Neighbours neighbours;
    CHECK(neighbours.mac_of(kHost, near) == kFirst);
    CHECK_FALSE(neighbours.mac_of(kHost, ::if_nametoindex("far")));
    CHECK_FALSE(neighbours.mac_of(kHost, ::if_nametoindex("lo")));
    CHECK_FALSE(neighbours.mac_of(kHost, 4711));  // no such interface
    CHECK_FALSE(neighbours.mac_of({{10, 91, 0, 3}}, near));
    CHECK(neighbours.mac_of(kHost, near) == kFirst);
  });
}

TEST_CASE("an entry that the kernel does not vouch for is none", "[service][neighbours]") {
  in_a_network([](unsigned near) {
    Neighbours neighbours;
    for (const auto* state : {"reachable", "stale", "permanent", "noarp"}) {
      CAPTURE(state);
      set_neighbour(kFirst, state);
      CHECK(neighbours.mac_of(kHost, near) == kFirst);
    }
    for (const auto* state : {"failed", "incomplete"}) {
      CAPTURE(state);
      run("ip neigh replace " + kHost.text() + " dev near nud " + state);
      CHECK_FALSE(neighbours.mac_of(kHost, near));
    }
  });
}

TEST_CASE("more changes than the socket holds lose none of them", "[service][neighbours]") {
  in_a_network([](unsigned near) {
    set_neighbour(kFirst);
    Neighbours neighbours;
    CHECK(neighbours.mac_of(kHost, near) == kFirst);
    const auto folder = TemporaryFolder::make();
    REQUIRE(folder);
    const auto changes = (folder->path() / "changes").string();
    std::ofstream batch(changes);
    for (int i = 1; i <= 4000; ++i) {  // a socket of the default size holds some 300
      batch << "neigh replace 10.91.1." << 1 + i % 200 << " lladdr 02:00:00:00:00:0" << i / 200 % 10
            << " dev near\n";
    }
    batch << "neigh replace " << kHost.text() << " lladdr " << kSecond.text() << " dev near\n";
    batch.close();
    run("ip -batch " + changes);
    CHECK(neighbours.mac_of(kHost, near) == kSecond);
    CHECK(neighbours.mac_of({{10, 91, 1, 200}}, near) == Mac{{2, 0, 0, 0, 0, 9}});
  });
}

TEST_CASE("without a socket there is no answer, and with one there is again",
          "[service][neighbours]") {
  in_a_network([](unsigned near) {
    set_neighbour(kFirst);
    Neighbours neighbours;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK_FALSE(neighbours.mac_of(kHost, near));
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(neighbours.mac_of(kHost, near) == kFirst);
  });
}
