// provisioning/store_worker.hpp -- the thread that writes the store.
//
// Changes queue here; everything that queued up while one transaction was on its way to the disk
// goes into the next one together (group commit), so a hundred hosts that start at once cost a
// few flushes and not a hundred. Results come home through the scheduler, in order; so does, on a
// database that servers share, what the others did: looked for every second, and at once after a
// change that another server outran.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/metrics.hpp"
#include "base/scheduler.hpp"
#include "provisioning/store.hpp"

namespace slipway::provisioning {

// What became of the changes so far; the deciding thread's.
struct StoreCounters {
  StoreCounters();
  std::uint64_t done = 0, failed = 0;  // changes
  metrics::Histogram commit;           // of one group of changes, until it is on the disk
};

class StoreWorker {
 public:
  using Done = std::move_only_function<void(Fallible<void>)>;
  using Follow = std::function<void(StoreNews&)>;
  // Reads the store on its thread; the task that it gives runs on the deciding thread.
  using Question = std::move_only_function<Scheduler::Task(Store&)>;

  // Uses `store` alone until it is destroyed; both references outlive it.
  StoreWorker(Store& store, Scheduler& scheduler);
  StoreWorker(const StoreWorker&) = delete;
  StoreWorker& operator=(const StoreWorker&) = delete;
  // Writes what is queued, then ends; results of that go to the scheduler still.
  ~StoreWorker();

  // Deciding thread. `done` runs there after `change` is on the disk or has failed.
  void submit(Change change, Done done);
  // Deciding thread, once. `follow` runs there with what other servers did since `revision`; never
  // when the store is not shared. `now` is called on the store's thread.
  void watch(std::int64_t revision, std::function<Now()> now, Follow follow);
  [[nodiscard]] bool shared() const { return shared_; }
  // Deciding thread. `question` sees everything that was submitted before it.
  void ask(Question question);
  // Changes that are not yet on the disk, roughly.
  [[nodiscard]] std::size_t backlog();
  // Deciding thread.
  [[nodiscard]] const StoreCounters& counters() const { return *counters_; }

 private:
  struct Job {
    Change change{};
    Done done{};
    Question question{};  // instead of the other two
  };
  void work(const std::stop_token& stop);
  // The next changes, or one question. Empty when it is time to look for news, or when the end has
  // come and all is written.
  [[nodiscard]] std::vector<Job> take_group(const std::stop_token& stop);
  void answer(Question question);
  void write(std::vector<Job> group);
  void look_for_news();

  struct Watch {
    std::int64_t revision = 0;
    std::function<Now()> now{};
    std::shared_ptr<Follow> follow{};  // shared with what is posted and may run later
  };

  Store& store_;
  Scheduler& scheduler_;
  const bool shared_;
  TimePoint next_look_{};  // of the thread
  std::mutex mutex_;
  Watch watch_;
  std::condition_variable_any wake_;
  // What is posted counts here, and may run after this object's end.
  std::shared_ptr<StoreCounters> counters_ = std::make_shared<StoreCounters>();
  std::deque<Job> queue_;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace slipway::provisioning
