#include "images/pipeline.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace slipway::images {
namespace {

constexpr std::chrono::milliseconds kWatchEvery{200};

class Run {
 public:
  explicit Run(const Pipeline& pipeline) : pipeline_(pipeline) {}

  Outcome run() {
    {
      std::vector<std::jthread> threads;
      running_ = pipeline_.workers + 1;
      threads.emplace_back([this] { guarded([this] { produce(); }); });
      for (unsigned i = 0; i < pipeline_.workers; ++i) {
        threads.emplace_back([this] { guarded([this] { work(); }); });
      }
      watch();
    }
    if (failure_) return std::unexpected(*failure_);
    return {};
  }

 private:
  void produce() {
    const auto outcome = pipeline_.produce([this](Job job) { return push(std::move(job)); });
    if (!outcome) stop(outcome.error());
    const std::scoped_lock lock(mutex_);
    produced_all_ = true;
    changed_.notify_all();
  }

  void work() {
    bool wants_spare = false;
    while (auto job = pop(wants_spare)) {
      wants_spare = !job->is_read_back;
      const auto outcome = pipeline_.work(*job);
      if (!outcome) stop(outcome.error());
    }
  }

  bool push(Job job) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failure_ || jobs_.size() < pipeline_.queue; });
    if (failure_) return false;
    jobs_.push_back(std::move(job));
    changed_.notify_all();
    return true;
  }

  std::optional<Job> pop(bool wants_spare) {
    std::unique_lock lock(mutex_);
    while (!failure_) {
      if (jobs_.empty() && produced_all_) return std::nullopt;
      if (pipeline_.spare && (wants_spare || jobs_.empty())) {
        if (auto job = pipeline_.spare()) return job;
      }
      if (!jobs_.empty()) return take_first();
      changed_.wait(lock);
    }
    return std::nullopt;
  }

  Job take_first() {
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    changed_.notify_all();
    return job;
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      (void)changed_.wait_for(lock, kWatchEvery);  // by time or by change, it looks again
      if (failure_ || std::chrono::steady_clock::now() < next_watch_) continue;
      lock.unlock();
      const auto outcome = pipeline_.watch();
      if (!outcome) stop(outcome.error());
      lock.lock();
      next_watch_ = std::chrono::steady_clock::now() + kWatchEvery;
    }
  }

  void stop(const WriteError& failure) {
    {
      const std::scoped_lock lock(mutex_);
      if (failure_) return;  // what comes later is only a consequence
      failure_ = failure;
      changed_.notify_all();
    }
    pipeline_.interrupt();
  }

  // Lack of memory must not take the process down from a thread.
  template <class F>
  void guarded(F body) {
    try {
      body();
    } catch (const std::exception& error) {
      stop({"internal", std::string("writing stopped: ") + error.what()});
    }
    const std::scoped_lock lock(mutex_);
    --running_;
    changed_.notify_all();
  }

  const Pipeline& pipeline_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::optional<WriteError> failure_;
  bool produced_all_ = false;
  unsigned running_ = 0;
  std::chrono::steady_clock::time_point next_watch_{};
};

}  // namespace

Outcome run_pipeline(const Pipeline& pipeline) { return Run(pipeline).run(); }

}  // namespace slipway::images
