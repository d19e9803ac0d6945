#include "provisioning/store_worker.hpp"

#include <utility>

namespace slipway::provisioning {
namespace {
// One transaction takes at most so many changes, so that the first of them does not wait long.
constexpr std::size_t kGroup = 256;
}  // namespace

StoreWorker::StoreWorker(Store& store, Scheduler& scheduler)
    : store_(store),
      scheduler_(scheduler),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

StoreWorker::~StoreWorker() {
  thread_.request_stop();
  thread_.join();
}

void StoreWorker::submit(Change change, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back({std::move(change), std::move(done)});
  }
  wake_.notify_one();
}

std::size_t StoreWorker::backlog() {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

std::vector<StoreWorker::Job> StoreWorker::take_group(const std::stop_token& stop) {
  std::vector<Job> group;
  std::unique_lock lock(mutex_);
  (void)wake_.wait(lock, stop, [this] { return !queue_.empty(); });  // the queue says it all
  while (!queue_.empty() && group.size() < kGroup) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void StoreWorker::work(const std::stop_token& stop) {
  for (auto group = take_group(stop); !group.empty(); group = take_group(stop)) {
    std::vector<Change> changes;
    changes.reserve(group.size());
    for (auto& job : group) changes.push_back(std::move(job.change));
    auto results = store_.apply(changes);
    scheduler_.post([group = std::move(group), results = std::move(results)]() mutable {
      for (std::size_t i = 0; i < group.size(); ++i) group[i].done(std::move(results[i]));
    });
  }
}

}  // namespace slipway::provisioning
