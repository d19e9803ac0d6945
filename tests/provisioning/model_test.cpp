// Random steps against a small model of one host's life.
#include <cstdlib>
#include <random>

#include "base/log.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
using enum HostState;

constexpr auto kMac = "52:54:00:aa:00:01";

// The rules of a host's life, as short as it can be said. Times are steady.
struct Model {
  HostState state = assigned;
  bool has_arming = false;
  unsigned used = 0;
  std::int64_t last_attempt = 0, attempt = 0;
  std::string ended;  // state in which `attempt` ended
  // The current boot session.
  bool session = false, alive = false, token_used = false, token_known = false;
  std::int64_t session_attempt = 0;
  TimePoint issued, contact;
  unsigned armings = 0, installs = 0;

  [[nodiscard]] unsigned left() const { return has_arming ? 3 - used : 0; }
  [[nodiscard]] bool runs() const { return state == booting || state == installing; }
  [[nodiscard]] bool live() const { return alive && runs() && session_attempt == attempt; }

  void end(HostState to, std::string how) {
    state = to;
    ended = std::move(how);
    if (to == installed || (to == failed && left() == 0)) has_arming = false;
  }
  void new_session(std::int64_t for_attempt, TimePoint now) {
    session = alive = token_known = true;
    token_used = false;
    session_attempt = for_attempt;
    issued = now;
  }
  void new_attempt(TimePoint now) {
    attempt = ++last_attempt;
    ended.clear();
    ++used;
    contact = now;
  }
};

class Walk {
 public:
  explicit Walk(unsigned seed)
      : depot_(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp"), random_(seed) {}

  void step() {
    using Action = void (Walk::*)();
    static constexpr Action actions[] = {
        &Walk::arm,    &Walk::script, &Walk::script,    &Walk::trade,       &Walk::trade,
        &Walk::plan,   &Walk::plan,   &Walk::plan,      &Walk::seed,        &Walk::report,
        &Walk::report, &Walk::read,   &Walk::wait,      &Walk::disarm,      &Walk::old_token,
        &Walk::arm,    &Walk::script, &Walk::old_token, &Walk::second_taker};
    const auto pick = random_() % 400;
    if (pick == 0) {
      restart();
    } else {
      (this->*actions[pick % std::size(actions)])();
    }
    compare();
  }

  [[nodiscard]] bool chain_is_whole() { return depot_.store->verify_audit().has_value(); }
  [[nodiscard]] const Model& model() const { return model_; }

 private:
  [[nodiscard]] TimePoint now() const { return depot_.scheduler.now().steady; }

  void compare() {
    const auto& host = depot_.host("h1");
    CHECK(name_of(host.state) == name_of(model_.state));
    CHECK(host.arming.has_value() == model_.has_arming);
    if (host.arming && model_.has_arming) CHECK(host.arming->attempts_used == model_.used);
    CHECK(model_.installs <= model_.armings);  // SG6
  }

  void arm() {
    const bool may =
        model_.state == assigned || model_.state == installed || model_.state == failed;
    CHECK((depot_.order("/api/v1/hosts/h1/arm").status == 200) == may);
    if (!may) return;
    model_.state = armed;
    model_.has_arming = true;
    model_.used = 0;
    ++model_.armings;
  }

  void disarm() {
    if (random_() % 4 != 0) return;
    CHECK((depot_.order("/api/v1/hosts/h1/disarm").status == 200) == model_.has_arming);
    if (!model_.has_arming) return;
    if (model_.runs()) {
      model_.end(failed, "failed");
    } else {
      model_.state = assigned;
    }
    model_.has_arming = false;
  }

  void script() {
    const auto text = depot_.script_for(kMac);
    const auto at = text.find("/h/");
    const auto token = at == std::string::npos ? std::string() : text.substr(at + 3, 32);
    const bool waits = model_.state == assigned;
    const bool repeats =
        model_.alive && model_.token_known && !model_.token_used &&
        (model_.session_attempt == 0 ? waits : model_.live() && now() - model_.issued < 60s);
    if (repeats) {
      CHECK(token == token_);
      return;
    }
    if (waits) {
      retire();
      model_.new_session(0, now());
    } else if (model_.left() > 0) {
      retire();
      model_.new_attempt(now());
      model_.new_session(model_.attempt, now());
      model_.state = booting;
    } else {
      CHECK(token.empty());
      if (model_.runs()) {
        model_.end(failed, "failed");
        model_.alive = false;
      }
      return;
    }
    CHECK_FALSE(token.empty());
    CHECK(token != token_);
    token_ = token;
    bearer_.clear();
  }

  void retire() {
    if (!token_.empty()) dead_tokens_.push_back(token_);
    if (dead_tokens_.size() > 3) dead_tokens_.erase(dead_tokens_.begin());
  }

  void trade() {
    if (token_.empty()) return;
    const auto answer = depot_.post("/agent/v1/session", R"({"token":")" + token_ + R"("})");
    CHECK(answer.status == (model_.alive ? 200 : 410));
    if (answer.status != 200) return;
    bearer_ = member(answer, "session");
    CHECK(member(answer, "attempt") == std::to_string(model_.live() ? model_.attempt : 0));
    model_.token_used = true;
    model_.contact = now();
  }

  void read() {
    if (token_.empty() || random_() % 8 != 0) return;
    const auto status = depot_.ask("/h/" + token_ + "/user-data").status;
    if (!model_.alive) {
      CHECK(status == 410);
    } else if (!model_.live()) {
      CHECK(status == 403);  // SG1
    } else {
      CHECK((status == 200 || status == 410));  // 410: read three times already
      if (status == 200) {
        model_.token_used = true;
        model_.contact = now();
      }
    }
  }

  void old_token() {
    if (dead_tokens_.empty()) return;
    CHECK(depot_.ask("/h/" + dead_tokens_.back() + "/user-data").status == 410);  // SG2
  }

  void plan() {
    if (bearer_.empty()) return;
    const auto status = depot_.ask("/agent/v1/plan?wait=0", {.bearer = bearer_}).status;
    if (!model_.alive) {
      CHECK(status == 410);
      return;
    }
    model_.contact = now();
    const bool here = model_.state == armed;
    CHECK(status == (model_.live() || here ? 200 : 204));
    if (here) {
      model_.new_attempt(now());
      model_.session_attempt = model_.attempt;
    }
    if (model_.live() || here) model_.state = installing;
  }

  void seed() {
    if (bearer_.empty()) return;
    const auto status = depot_.ask("/agent/v1/seed", {.bearer = bearer_}).status;
    const bool may = model_.state == installing && model_.live();
    CHECK(status == (may ? 200 : model_.alive ? 403 : 410));  // SG1, SG2
    if (model_.alive) model_.contact = now();
  }

  void report() {
    if (bearer_.empty()) return;
    const std::string state = random_() % 3 == 0 ? "installed" : "failed";
    const auto attempt = model_.session_attempt;
    const auto status =
        depot_
            .post("/agent/v1/result",
                  R"({"attempt":)" + std::to_string(attempt) + R"(,"state":")" + state + "\"}",
                  bearer_)
            .status;
    if (model_.alive) model_.contact = now();
    if (attempt != 0 && model_.runs() && attempt == model_.attempt) {
      const bool may = state == "failed" || model_.state == installing;
      CHECK(status == (may ? 200 : 409));
      if (!may) return;
      model_.end(state == "installed" ? installed : failed, state);
      if (state == "installed") model_.alive = false;
      if (state == "installed") ++model_.installs;
      return;
    }
    const bool same = attempt != 0 && attempt == model_.attempt && state == model_.ended;
    CHECK(status == (same ? 200 : 409));
  }

  void second_taker() {
    if (bearer_.empty() || random_() % 8 != 0) return;
    const Ask thief{.bearer = bearer_, .from = "10.0.0.99"};
    CHECK(depot_.ask("/agent/v1/seed", thief).status == 403);  // SG3
    if (!model_.alive) return;
    if (model_.live()) model_.end(failed, "failed");
    model_.alive = false;
  }

  void wait() {
    static constexpr std::chrono::seconds spans[] = {7s, 61s, 11min};
    depot_.advance(spans[random_() % 3]);
    if (model_.runs() && now() - model_.contact > 10min) {
      const bool again = model_.state == booting && model_.left() > 0;
      model_.end(again ? armed : failed, "failed");
    }
  }

  void restart() {
    depot_.restart();
    model_.token_known = false;
    model_.contact = now();
  }

  Depot depot_;
  std::mt19937 random_;
  Model model_;
  std::string token_, bearer_;
  std::vector<std::string> dead_tokens_;
};

// 10^6 steps are the figure to reach; they take some minutes, so CI walks a part of it.
unsigned steps() {
  const char* scale = std::getenv("SLIPWAY_TEST_SCALE");
  const double share = scale == nullptr ? 0.05 : std::max(0.001, std::atof(scale));
  return static_cast<unsigned>(1e6 * share);
}

}  // namespace

TEST_CASE("random steps of one host agree with the model, and SG1 to SG6 hold",
          "[provisioning][model][slow]") {
  log::set_level(log::Level::error);
  for (unsigned seed = 1; seed <= 4; ++seed) {
    Walk walk(seed);
    for (unsigned step = 0; step < steps() / 4; ++step) {
      INFO("seed " << seed << ", step " << step);
      walk.step();
    }
    CHECK(walk.chain_is_whole());
    CHECK(walk.model().installs > 0);
  }
  log::set_level(log::Level::info);
}

}  // namespace slipway::provisioning
