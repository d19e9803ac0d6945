// Random steps of one host's life beside the small model of life_model.hpp.
#include <cstdlib>
#include <map>
#include <random>

#include "base/log.hpp"
#include "tests/provisioning/databases.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/provisioning/life_model.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
using enum HostState;

constexpr auto kMac = "52:54:00:aa:00:01";
constexpr auto kThief = "10.0.0.99";
constexpr auto kSecret = "hunter2";  // in the profile of the depot's sample

struct Report {
  std::int64_t attempt = 0;
  std::string state{};
  unsigned session = 0;
};

class Walk {
 public:
  // `url` is empty for SQLite.
  explicit Walk(unsigned seed, const Secret& url = {})
      : depot_(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp", url), random_(seed) {
    depot_.neighbours[*Ipv4::parse(kThief)] = *Mac::parse("52:54:00:aa:00:02");
    client_.mac = *Mac::parse(kMac);
  }

  void step() {
    using Action = void (Walk::*)();
    static constexpr Action actions[] = {
        &Walk::arm,    &Walk::arm,    &Walk::script,    &Walk::script,      &Walk::script,
        &Walk::trade,  &Walk::trade,  &Walk::plan,      &Walk::plan,        &Walk::plan,
        &Walk::seed,   &Walk::report, &Walk::report,    &Walk::duplicate,   &Walk::read,
        &Walk::kernel, &Walk::initrd, &Walk::progress,  &Walk::wait,        &Walk::disarm,
        &Walk::dhcp,   &Walk::reload, &Walk::old_token, &Walk::second_taker};
    const auto pick = random_() % 240;
    if (pick == 0) {
      restart();
    } else {
      (this->*actions[pick % std::size(actions)])();
    }
    compare();
  }

  [[nodiscard]] bool chain_is_whole() { return depot_.verify_audit().has_value(); }
  [[nodiscard]] const Model& model() const { return model_; }
  // How often each thing that the walk is for did happen.
  std::map<std::string, unsigned> seen;

 private:
  [[nodiscard]] TimePoint now() const { return depot_.scheduler.now().steady; }
  [[nodiscard]] bool one_in(unsigned n) { return random_() % n == 0; }

  void compare() {
    const auto& host = depot_.host("h1");
    CHECK(name_of(host.state) == name_of(model_.state));
    CHECK(host.arming.has_value() == model_.has_arming);
    if (host.arming && model_.has_arming) CHECK(host.arming->attempts_used == model_.used);
    CHECK(model_.installs <= model_.armings);  // SG6
  }

  // Asks as the host or as a thief; SG1 and SG2 are checked on whatever comes back.
  int ask(const std::string& target, const Ask& how) {
    const auto response = depot_.ask(target, how);
    if (text_of(response).find(kSecret) == std::string::npos) return response.status;
    ++seen["secret"];
    CHECK(how.from != kThief);                                       // SG3
    CHECK((model_.state == booting || model_.state == installing));  // SG1
    CHECK(model_.live());                                            // SG1
    const auto [first, is_first] = receivers_.emplace(model_.attempt, session_);
    CHECK(first->second == session_);  // SG2
    return response.status;
  }

  void arm() {
    static constexpr std::chrono::seconds lives[] = {60s, 20min, 24h};
    const auto life = lives[random_() % 3];
    const auto body = R"({"expires_seconds":)" + std::to_string(life.count()) + "}";
    const bool may = model_.may_arm();
    CHECK((depot_.order("/api/v1/hosts/h1/arm", body).status == 200) == may);
    if (!may) return;
    model_.arm(now() + life);
    life_ = life;
  }

  void disarm() {
    if (!one_in(4)) return;
    CHECK((depot_.order("/api/v1/hosts/h1/disarm").status == 200) == model_.has_arming);
    if (model_.has_arming) model_.disarm(now());
  }

  void dhcp() {
    const auto file = depot_.provisioning->boot_policy().boot_file(client_, server_);
    CHECK(file.empty() == !model_.answers_dhcp(now()));
    depot_.settle();
  }

  void script() {
    dhcp();
    const auto text = depot_.script_for(kMac);
    const auto at = text.find("/h/");
    const auto token = at == std::string::npos ? std::string() : text.substr(at + 3, 32);
    const bool waits = model_.state == assigned || model_.state == discovered;
    const bool repeats =
        model_.alive && model_.token_known && !model_.token_used &&
        (model_.session_attempt == 0 ? waits : model_.live() && now() - model_.issued < 60s);
    if (repeats) {
      CHECK(token == token_);
      model_.contact = now();
      return;
    }
    if (!waits && model_.left(now()) == 0) {
      CHECK(token.empty());
      if (!model_.runs()) return;
      model_.end(failed, "failed", now());
      model_.alive = false;
      return;
    }
    if (!token_.empty()) dead_tokens_.push_back(token_);
    if (dead_tokens_.size() > 3) dead_tokens_.erase(dead_tokens_.begin());
    if (!waits) {
      new_attempt();
      model_.kernel_asked = false;
      model_.set(booting);
    }
    model_.new_session(waits ? 0 : model_.attempt, now());
    CHECK_FALSE(token.empty());
    CHECK(token != token_);
    token_ = token;
    bearer_.clear();
    ++session_;
  }

  // Numbers may be left out, never used again.
  void new_attempt() {
    const auto id = depot_.host("h1").attempt;
    CHECK(id > model_.attempt);
    model_.new_attempt(id, now());
  }

  void kernel() {
    (void)depot_.ask("/artifacts/" + Sha256::of("vmlinuz").text() + "/vmlinuz");
    // A restarted server does not know who is behind the address.
    if (!model_.alive || !model_.token_known) return;
    model_.kernel_asked = true;
    model_.contact = now();
  }

  void initrd() {
    if (token_.empty()) return;
    const bool may = model_.alive && model_.initrd_reads < 3;
    CHECK(ask("/h/" + token_ + "/initrd", {}) == (may ? 200 : 410));
    if (!may) return;
    ++model_.initrd_reads;
    took_a_file();
  }

  void took_a_file() {
    model_.token_used = model_.kernel_asked = true;
    model_.contact = now();
  }

  void read() {
    if (token_.empty() || one_in(2)) return;
    const auto status = ask("/h/" + token_ + "/user-data", {});
    if (!model_.alive) {
      CHECK(status == 410);
    } else if (!model_.live()) {
      CHECK(status == 403);  // SG1
    } else if (model_.config_reads >= 3) {
      CHECK(status == 410);
    } else {
      CHECK(status == (model_.recipe_known() ? 200 : 500));
      ++model_.config_reads;
      took_a_file();
      model_.config_given = true;
    }
  }

  void trade() {
    if (token_.empty()) return;
    const auto answer = depot_.post("/agent/v1/session", R"({"token":")" + token_ + R"("})");
    CHECK(answer.status == (model_.alive ? 200 : 410));
    if (answer.status != 200) return;
    bearer_ = member(answer, "session");
    CHECK(member(answer, "attempt") == std::to_string(model_.live() ? model_.attempt : 0));
    model_.token_used = model_.traded = true;
    model_.contact = now();
  }

  void old_token() {
    if (dead_tokens_.empty()) return;
    CHECK(ask("/h/" + dead_tokens_.back() + "/user-data", {}) == 410);  // SG2
  }

  void plan() {
    if (bearer_.empty()) return;
    const auto status = ask("/agent/v1/plan?wait=0", {.bearer = bearer_});
    if (!model_.alive) {
      CHECK(status == 410);
      return;
    }
    model_.contact = now();
    const bool here = model_.state == armed;
    if (!model_.live() && !here) {
      CHECK(status == 204);
    } else if (!model_.plan_possible()) {
      ++seen["plan impossible"];
      CHECK(status == 204);
      if (here) return;  // it waits for better files
      model_.end(failed, "failed", now());
      model_.drop_arming();
    } else {
      CHECK(status == 200);
      give_plan(here);
    }
  }

  void give_plan(bool here) {
    if (here) {
      new_attempt();
      model_.session_attempt = model_.attempt;
    }
    if (model_.state != installing) model_.planned = now();
    model_.set(installing);
    model_.has_plan = true;
  }

  void seed() {
    if (bearer_.empty()) return;
    const auto status = ask("/agent/v1/seed", {.bearer = bearer_});
    const bool may = model_.state == installing && model_.live() && model_.plan_possible();
    CHECK(status == (may ? 200 : model_.alive ? 403 : 410));  // SG1, SG2
    if (model_.alive) model_.contact = now();
    if (may) model_.config_given = model_.has_plan = true;
  }

  void progress() {
    if (bearer_.empty()) return;
    const auto attempt = model_.session_attempt;
    const auto status =
        depot_.post("/agent/v1/progress", R"({"attempt":)" + std::to_string(attempt) + "}", bearer_)
            .status;
    const bool goes_on = model_.alive && (attempt == 0 || model_.live());
    CHECK(status == (goes_on ? 204 : 409));
    if (model_.alive) model_.contact = now();
  }

  void report() {
    if (bearer_.empty()) return;
    reported_ = {model_.session_attempt, one_in(3) ? "installed" : "failed", session_};
    send_report();
  }

  // The answer to a report was lost, now or long ago.
  void duplicate() {
    if (bearer_.empty() || reported_.session != session_) return;
    ++seen["duplicate report"];
    const auto before = model_.installs;
    send_report();
    CHECK(model_.installs - before <= 1);
    send_report();
  }

  void send_report() {
    const auto& [attempt, state, session] = reported_;
    const auto body = R"({"attempt":)" + std::to_string(attempt) + R"(,"state":")" + state + "\"}";
    const auto status = depot_.post("/agent/v1/result", body, bearer_).status;
    if (model_.alive) model_.contact = now();
    const bool is_its_own = attempt != 0 && attempt == model_.session_attempt;
    if (is_its_own && model_.runs() && attempt == model_.attempt) {
      const bool may = state == "failed" || model_.state == installing;
      CHECK(status == (may ? 200 : 409));
      if (!may) return;
      model_.end(state == "installed" ? installed : failed, state, now());
      if (state != "installed") return;
      model_.alive = false;
      ++model_.installs;
      return;
    }
    const bool same = is_its_own && attempt == model_.attempt && state == model_.ended;
    CHECK(status == (same ? 200 : 409));
  }

  void second_taker() {
    if (token_.empty() || !one_in(8)) return;
    const bool by_token = bearer_.empty() || one_in(2);
    const Ask thief{.bearer = by_token ? "" : bearer_, .from = kThief};
    const auto status = ask(by_token ? "/h/" + token_ + "/initrd" : "/agent/v1/seed", thief);
    CHECK(status == (by_token && !model_.alive ? 410 : 403));  // SG3
    if (!model_.alive) return;
    ++seen["second taker"];
    if (model_.live()) model_.end(failed, "failed", now());
    model_.alive = false;
  }

  void wait() {
    static constexpr std::chrono::seconds spans[] = {7s, 61s, 155s, 190s, 11min, 61min};
    const auto before = model_.state;
    const bool had_arming = model_.has_arming;
    depot_.advance(spans[random_() % std::size(spans)]);
    model_.sweep(now());
    if (before != model_.state && (before == booting || before == installing)) ++seen["overdue"];
    if (had_arming && !model_.has_arming) ++seen["expired"];
  }

  void reload() {
    if (!one_in(2)) return;
    if (one_in(4)) {
      depot_.reload_mistakes = {"hosts/h1.yaml:1:1: nonsense"};
      CHECK(depot_.order("/api/v1/reload").status == 422);
      depot_.reload_mistakes.clear();
      ++seen["bad files"];
      return;
    }
    change_files();
    CHECK(depot_.order("/api/v1/reload").status == 200);
    depot_.settle();
    model_.follow();
    ++seen["reload"];
  }

  void change_files() {
    model_.files = one_in(2) ? Files::good : static_cast<Files>(random_() % 4);
    depot_.inventory = sample_;
    if (model_.files == Files::other_image) depot_.inventory.profiles.front().image = "other@1";
    if (model_.files == Files::without_profile) depot_.inventory.hosts.front().profile.clear();
    if (model_.files == Files::without_host) {
      depot_.inventory.hosts.erase(depot_.inventory.hosts.begin());
    }
  }

  void restart() {
    if (one_in(3)) change_files();  // while the server is down
    const auto before = model_.expires;
    depot_.restart();
    model_.restart(now());
    ++seen["restart"];
    const auto& arming = depot_.host("h1").arming;
    if (!arming || !model_.has_arming) return;
    // It counts from when the time was last written down: never less, never more than was given.
    CHECK(arming->expires + 1s >= before);
    CHECK(arming->expires <= now() + life_);
    model_.expires = arming->expires;
  }

  Depot depot_;
  const Inventory sample_ = depot_.inventory;
  std::mt19937 random_;
  Model model_;
  dhcp::Client client_;
  const Ipv4 server_ = *Ipv4::parse("10.0.0.1");
  std::chrono::seconds life_{};
  std::string token_, bearer_;
  unsigned session_ = 0;                        // counts the scripts that gave a token
  std::map<std::int64_t, unsigned> receivers_;  // attempt -> session that saw its secret
  std::vector<std::string> dead_tokens_;
  Report reported_;
};

// 10^6 steps are the figure to reach; they take some minutes, so CI walks a part of it.
unsigned steps() {
  const char* scale = std::getenv("SLIPWAY_TEST_SCALE");
  const double share = scale == nullptr ? 0.05 : std::max(0.02, std::atof(scale));
  return static_cast<unsigned>(1e6 * share);
}

}  // namespace

TEST_CASE("random steps of one host agree with the model, and SG1, SG2, SG3 and SG6 hold",
          "[provisioning][model][slow]") {
  log::set_level(log::Level::error);
  std::map<std::string, unsigned> seen;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    Walk walk(seed);
    for (unsigned step = 0; step < steps() / 4; ++step) {
      INFO("seed " << seed << ", step " << step);
      walk.step();
    }
    CHECK(walk.chain_is_whole());
    CHECK(walk.model().installs > 0);
    for (const auto& [what, times] : walk.seen) seen[what] += times;
  }
  // What the walk is for did happen.
  for (const auto* what : {"secret", "duplicate report", "second taker", "overdue", "expired",
                           "plan impossible", "reload", "bad files", "restart"}) {
    INFO(what);
    CHECK(seen[what] > 0);
  }
  log::set_level(log::Level::info);
}

TEST_CASE("the same walk over PostgreSQL", "[provisioning][model][postgresql]") {
  log::set_level(log::Level::error);
  Walk walk(5, PostgresServer::shared().create_database());
  for (unsigned step = 0; step < steps() / 50; ++step) {
    INFO("step " << step);
    walk.step();
  }
  CHECK(walk.chain_is_whole());
  CHECK(walk.model().installs > 0);
  log::set_level(log::Level::info);
}

}  // namespace slipway::provisioning
