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

void StoreWorker::work(const std::stop_token& stop) {
  for (;;) {
    std::vector<Change> changes;
    std::vector<Done> done;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, stop, [this] { return !queue_.empty(); });
      if (queue_.empty()) return;  // stopped, and all is written
      while (!queue_.empty() && changes.size() < kGroup) {
        changes.push_back(std::move(queue_.front().change));
        done.push_back(std::move(queue_.front().done));
        queue_.pop_front();
      }
    }
    auto results = store_.apply(changes);
    scheduler_.post([done = std::move(done), results = std::move(results)]() mutable {
      for (std::size_t i = 0; i < done.size(); ++i) done[i](std::move(results[i]));
    });
  }
}

}  // namespace slipway::provisioning
