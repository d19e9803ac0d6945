// Random steps of batches by sites: nobody is armed twice, too often, or after the end.
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "base/log.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kSites = 5;
constexpr unsigned kMachines = 9;

struct OpenBatch {
  std::size_t places = 0;
  bool closed = false;
  std::size_t armed_at_close = 0;
};

class BatchWalk {
 public:
  explicit BatchWalk(unsigned seed)
      : depot_(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp"), random_(seed) {
    for (unsigned i = 2; i <= kSites; ++i) {
      depot_.inventory.sites.push_back(
          Site{.name = "store-" + std::to_string(i), .user_data = {}, .mark = {}});
    }
    REQUIRE(depot_.order("/api/v1/reload").status == 200);
  }

  void step() {
    using Action = void (BatchWalk::*)();
    static constexpr Action actions[] = {&BatchWalk::boot,   &BatchWalk::boot,  &BatchWalk::boot,
                                         &BatchWalk::poll,   &BatchWalk::poll,  &BatchWalk::report,
                                         &BatchWalk::report, &BatchWalk::wait,  &BatchWalk::open,
                                         &BatchWalk::close,  &BatchWalk::disarm};
    if (random_() % 40 == 0) return restart();
    (this->*actions[random_() % std::size(actions)])();
  }

  // What has happened, by the audit log and the places in the store.
  void check() {
    depot_.fence();
    const auto armings = armings_by_batch();
    for (const auto& [id, batch] : batches_) {
      INFO("batch " << id);
      const auto found = armings.find(id);
      const auto armed = found == armings.end() ? 0 : found->second;
      CHECK(armed <= batch.places);
      if (batch.closed) CHECK(armed == batch.armed_at_close);  // SG6
    }
    auto reader = Store::open(depot_.folder / "slipway.db");
    REQUIRE(reader);
    const auto stored = (*reader)->batches(depot_.scheduler.now());
    REQUIRE(stored);
    for (const auto& batch : *stored) check_places(batch);
    taken_ = 0;
    for (const auto& [id, count] : armings) taken_ += count;
  }

  [[nodiscard]] std::size_t taken() const { return taken_; }
  [[nodiscard]] std::size_t batches() const { return batches_.size(); }

 private:
  // The last two machines are not of the kind that the rule lets in.
  [[nodiscard]] static std::string mac_of(unsigned machine) {
    return (machine < kMachines - 2 ? "52:54:00:bb:00:0" : "00:11:22:33:44:0") +
           std::to_string(machine + 1);
  }
  [[nodiscard]] static std::string address_of(unsigned machine) {
    return "10.0.1." + std::to_string(machine + 1);
  }
  unsigned any_machine() { return random_() % kMachines; }

  std::map<std::string, std::size_t> armings_by_batch() {
    constexpr std::string_view kBatch = "batch ";
    constexpr std::size_t kIdOctets = 8;
    std::map<std::string, std::size_t> armings;
    for (const auto& row : depot_.audit()) {
      if (row.to == "armed" && row.from == "assigned" && row.who.starts_with(kBatch)) {
        ++armings[row.who.substr(kBatch.size(), kIdOctets)];
      }
    }
    return armings;
  }

  void check_places(const Batch& batch) {
    std::set<std::string> sites;
    std::set<std::string> hosts;
    for (const auto& slot : batch.slots) {
      CHECK(sites.insert(slot.site).second);
      if (slot.arming == 0) continue;
      CHECK(hosts.insert(slot.host).second);
      CHECK(depot_.host(slot.host).macs.front().text().starts_with("52:54:00"));
    }
  }

  void boot() {
    const auto machine = any_machine();
    const auto script =
        depot_.ask("/boot.ipxe?mac=" + mac_of(machine), {.from = address_of(machine)});
    const auto text = text_of(script);
    const auto at = text.find("/h/");
    bearers_[machine].clear();
    if (at == std::string::npos) return;
    bearers_[machine] = depot_.session_for(text.substr(at + 3, 32), address_of(machine));
    if (random_() % 2 == 0) poll_of(machine);
  }

  void poll() { poll_of(any_machine()); }

  void poll_of(unsigned machine) {
    if (bearers_[machine].empty()) return;
    (void)depot_.begin("/agent/v1/plan?wait=30",
                       {.bearer = bearers_[machine], .from = address_of(machine)});
  }

  void report() {
    const auto machine = any_machine();
    if (bearers_[machine].empty()) return;
    const std::string state = random_() % 3 == 0 ? "failed" : "installed";
    const auto attempt = std::to_string(depot_.host(mac_of(machine)).attempt);
    (void)depot_.ask("/agent/v1/result",
                     {.body = R"({"attempt":)" + attempt + R"(,"state":")" + state + "\"}",
                      .bearer = bearers_[machine],
                      .from = address_of(machine),
                      .method = http::Method::post});
  }

  void wait() {
    static constexpr std::chrono::seconds spans[] = {6s, 31s, 11min};
    depot_.advance(spans[random_() % 3]);
  }

  void open() {
    std::string sites;
    std::size_t count = 0;
    for (unsigned i = 1; i <= kSites; ++i) {
      if (random_() % 2 == 0) continue;
      sites += (sites.empty() ? "\"store-" : ",\"store-") + std::to_string(i) + "\"";
      ++count;
    }
    const std::size_t limit = 1 + random_() % kSites;
    const auto answer = depot_.order("/api/v1/batches", R"({"profile":"edge","sites":[)" + sites +
                                                            R"(],"allow":["mac=52:54"],"limit":)" +
                                                            std::to_string(limit) + "}");
    if (answer.status != 200) return;  // a site is in another batch, or none was drawn
    batches_[member(answer, "id")].places = std::min(limit, count);
  }

  void close() {
    for (auto& [id, batch] : batches_) {
      if (batch.closed || random_() % 2 == 0) continue;
      REQUIRE(depot_.order("/api/v1/batches/" + id + "/close").status == 200);
      batch.closed = true;
      batch.armed_at_close = armings_by_batch()[id];
    }
  }

  void disarm() {
    const auto machine = any_machine();
    (void)depot_.order("/api/v1/hosts/" + mac_of(machine) + "/disarm");
  }

  void restart() {
    depot_.restart();
    for (auto& [machine, bearer] : bearers_) {
      if (random_() % 2 == 0) bearer.clear();
    }
  }

  Depot depot_;
  std::mt19937 random_;
  std::map<unsigned, std::string> bearers_;
  std::map<std::string, OpenBatch> batches_;
  std::size_t taken_ = 0;
};

unsigned steps() {
  const char* scale = std::getenv("SLIPWAY_TEST_SCALE");
  const double share = scale == nullptr ? 0.05 : std::max(0.01, std::atof(scale));
  return static_cast<unsigned>(40'000 * share);
}

}  // namespace

TEST_CASE("random steps of batches: never too many, no site twice, nobody after the end",
          "[provisioning][batch][model][sg6]") {
  log::set_level(log::Level::error);
  constexpr unsigned kWalk = 200;  // then everything is installed, and a new depot begins
  std::size_t taken = 0;
  for (unsigned seed = 1; seed <= std::max(1U, steps() / kWalk); ++seed) {
    BatchWalk walk(seed);
    for (unsigned step = 1; step <= kWalk; ++step) {
      INFO("seed " << seed << ", step " << step);
      walk.step();
      if (step % 20 == 0) walk.check();
    }
    taken += walk.taken();
  }
  CHECK(taken > 0);
  log::set_level(log::Level::info);
}

}  // namespace slipway::provisioning
