#include "provisioning/store_worker.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace slipway::provisioning {
namespace {
// One transaction takes at most so many changes, so that the first of them does not wait long.
constexpr std::size_t kGroup = 256;

constexpr std::chrono::seconds kLookEvery{1};

constexpr auto kCommitBounds = std::to_array<double>(
    {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});

TimePoint steady_now() { return std::chrono::steady_clock::now(); }

void count(StoreCounters& counters, const std::vector<Fallible<void>>& results,
           std::chrono::nanoseconds took) {
  const auto done = std::ranges::count_if(results, &Fallible<void>::has_value);
  counters.done += static_cast<std::uint64_t>(done);
  counters.failed += results.size() - static_cast<std::size_t>(done);
  counters.commit.observe(took);
}
}  // namespace

StoreCounters::StoreCounters() : commit(kCommitBounds) {}

StoreWorker::StoreWorker(Store& store, Scheduler& scheduler)
    : store_(store),
      scheduler_(scheduler),
      shared_(store.shared()),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

StoreWorker::~StoreWorker() {
  thread_.request_stop();
  thread_.join();
}

void StoreWorker::submit(Change change, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back({.change = std::move(change), .done = std::move(done)});
  }
  wake_.notify_one();
}

void StoreWorker::ask(Question question) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back({.question = std::move(question)});
  }
  wake_.notify_one();
}

void StoreWorker::watch(std::int64_t revision, std::function<Now()> now, Follow follow) {
  const std::scoped_lock lock(mutex_);
  watch_ = {.revision = revision,
            .now = std::move(now),
            .follow = std::make_shared<Follow>(std::move(follow))};
}

std::size_t StoreWorker::backlog() {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

std::vector<StoreWorker::Job> StoreWorker::take_group(const std::stop_token& stop) {
  std::vector<Job> group;
  std::unique_lock lock(mutex_);
  const auto queued = [this] { return !queue_.empty(); };
  if (shared_) {
    (void)wake_.wait_until(lock, stop, next_look_, queued);  // what follows asks the queue itself
  } else {
    (void)wake_.wait(lock, stop, queued);
  }
  while (!queue_.empty() && group.size() < kGroup) {
    const bool asks = static_cast<bool>(queue_.front().question);
    if (asks && !group.empty()) break;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (asks) break;
  }
  return group;
}

void StoreWorker::answer(Question question) { scheduler_.post(question(store_)); }

void StoreWorker::write(std::vector<Job> group) {
  std::vector<Change> changes;
  changes.reserve(group.size());
  for (auto& job : group) changes.push_back(std::move(job.change));
  const auto began = steady_now();
  auto results = store_.apply(changes);
  const auto took = steady_now() - began;
  const bool outrun = std::ranges::any_of(results, [](const Fallible<void>& result) {
    return !result && result.error().text().ends_with(kOutrun);
  });
  if (outrun) look_for_news();  // so that who is told of the failure decides anew on the truth
  scheduler_.post([group = std::move(group), results = std::move(results), took,
                   counters = counters_]() mutable {
    count(*counters, results, took);
    for (std::size_t i = 0; i < group.size(); ++i) group[i].done(std::move(results[i]));
  });
}

void StoreWorker::look_for_news() {
  next_look_ = steady_now() + kLookEvery;
  Watch watch;
  {
    const std::scoped_lock lock(mutex_);
    watch = watch_;
  }
  if (!watch.follow) return;
  auto news = store_.news(watch.revision, watch.now());
  if (!news) return;  // the connection is broken, which the store has logged; it tries again
  {
    const std::scoped_lock lock(mutex_);
    watch_.revision = news->revision;
  }
  scheduler_.post([follow = watch.follow, news = std::move(*news)]() mutable { (*follow)(news); });
}

void StoreWorker::work(const std::stop_token& stop) {
  for (;;) {
    auto group = take_group(stop);
    if (!group.empty() && group.front().question) {
      answer(std::move(group.front().question));
    } else if (!group.empty()) {
      write(std::move(group));
    } else if (stop.stop_requested()) {
      return;
    }
    if (shared_ && steady_now() >= next_look_) look_for_news();
  }
}

}  // namespace slipway::provisioning
