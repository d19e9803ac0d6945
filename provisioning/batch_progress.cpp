#include "provisioning/batch_progress.hpp"

#include <algorithm>

namespace slipway::provisioning {
namespace {

using enum MemberState;

constexpr std::int64_t kHourMs = 3'600'000;

// Of an even number the upper one: whoever is compared with it gets the benefit. 0 of nothing.
double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Seconds that the done members took: whole, and by step.
class Usual {
 public:
  explicit Usual(std::span<const Member> members) {
    std::map<std::string, std::vector<double>, std::less<>> steps;
    std::vector<double> whole;
    for (const auto& member : members) {
      if (member.state != done) continue;
      whole.push_back(static_cast<double>(member.ended_ms - member.started_ms));
      for (const auto& [step, seconds] : member.step_seconds) {
        steps[step].push_back(seconds * 1000);
      }
    }
    whole_ms_ = median(std::move(whole));
    for (auto& [step, values] : steps) steps_ms_[step] = median(std::move(values));
  }

  [[nodiscard]] double whole_ms() const { return whole_ms_; }
  [[nodiscard]] double step_ms(std::string_view step) const {
    const auto found = steps_ms_.find(step);
    return found == steps_ms_.end() ? 0 : found->second;
  }

 private:
  double whole_ms_ = 0;
  std::map<std::string, double, std::less<>> steps_ms_;
};

std::string in_words(double ms) {
  const auto seconds = static_cast<std::int64_t>(ms / 1000);
  constexpr std::int64_t kMinute = 60;
  if (seconds < 2 * kMinute) return std::to_string(seconds) + " s";
  return std::to_string(seconds / kMinute) + " min";
}

bool lags(double taken_ms, double usual_ms) {
  return usual_ms > 0 && taken_ms > 2 * usual_ms &&
         taken_ms > usual_ms + static_cast<double>(kLeastLagMs);
}

std::string lag_of_running(const Member& member, const Usual& usual, std::int64_t now_ms) {
  const auto step_ms = usual.step_ms(member.step);
  if (step_ms > 0 && member.step_began_ms > 0) {
    const auto taken = static_cast<double>(now_ms - member.step_began_ms);
    if (!lags(taken, step_ms)) return {};
    return "in step " + member.step + " for " + in_words(taken) + ", usual are " +
           in_words(step_ms);
  }
  const auto taken = static_cast<double>(now_ms - member.started_ms);
  if (!lags(taken, usual.whole_ms())) return {};
  return "at work for " + in_words(taken) + ", usual are " + in_words(usual.whole_ms());
}

std::string lag_of(const Member& member, const Usual& usual, std::int64_t now_ms) {
  if (member.state == running) return lag_of_running(member, usual, now_ms);
  if (member.state != armed || member.started_ms != 0) return {};
  const auto waited = static_cast<double>(now_ms - member.armed_ms);
  const bool is_late = usual.whole_ms() > 0 && waited > 2 * usual.whole_ms() &&
                       waited > static_cast<double>(kLeastUnseenMs);
  return is_late ? "has not booted yet, armed for " + in_words(waited) : std::string();
}

std::size_t& counter(BatchProgress& progress, MemberState state) {
  switch (state) {
    case waiting: return progress.waiting;
    case armed: return progress.armed;
    case running: return progress.running;
    case done: return progress.done;
    case failed: return progress.failed;
    case withdrawn: break;
  }
  return progress.withdrawn;
}

void set_pace(BatchProgress& progress, std::span<const Member> members, std::int64_t now_ms) {
  std::int64_t first_ms = now_ms;
  std::size_t lately = 0;
  for (const auto& member : members) {
    if (member.started_ms != 0) first_ms = std::min(first_ms, member.started_ms);
    if (member.state == done && member.ended_ms > now_ms - kHourMs) ++lately;
  }
  const auto span_ms = std::clamp<std::int64_t>(now_ms - first_ms, 1, kHourMs);
  progress.boxes_per_hour =
      static_cast<double>(lately) * static_cast<double>(kHourMs) / static_cast<double>(span_ms);
  const auto left = progress.running + progress.armed + progress.waiting;
  if (left == 0 || lately == 0) return;
  const auto left_ms = static_cast<double>(left) * static_cast<double>(kHourMs);
  progress.eta_ms = now_ms + static_cast<std::int64_t>(left_ms / progress.boxes_per_hour);
}

}  // namespace

std::string_view name_of(MemberState state) {
  switch (state) {
    case waiting: return "waiting";
    case armed: return "armed";
    case running: return "running";
    case done: return "done";
    case failed: return "failed";
    case withdrawn: break;
  }
  return "withdrawn";
}

BatchProgress progress_of(std::span<const Member> members, std::int64_t now_ms) {
  BatchProgress progress{.total = members.size()};
  for (const auto& member : members) ++counter(progress, member.state);
  set_pace(progress, members, now_ms);
  const Usual usual(members);
  for (std::size_t i = 0; i < members.size(); ++i) {
    auto why = lag_of(members[i], usual, now_ms);
    if (!why.empty()) progress.stragglers.push_back({.member = i, .why = std::move(why)});
  }
  return progress;
}

}  // namespace slipway::provisioning
