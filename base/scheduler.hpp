// base/scheduler.hpp -- later, and on the right thread.
//
// Everything that decides runs on one thread. Code that must not know the event loop asks this
// interface for a delay, and pool threads use it to bring results home. The service implements it
// over its io_context; tests implement it by hand and move time themselves.
#pragma once

#include <chrono>
#include <functional>

namespace slipway {

using TimePoint = std::chrono::steady_clock::time_point;

class Scheduler {
 public:
  using Task = std::move_only_function<void()>;

  virtual ~Scheduler() = default;

  // Runs `task` on the deciding thread, soon, in the order of the calls. Any thread may call it.
  virtual void post(Task task) = 0;

  // Runs `task` on the deciding thread after `delay`. Deciding thread only. A task that is still
  // waiting when the service stops is dropped.
  virtual void after(std::chrono::milliseconds delay, Task task) = 0;
};

}  // namespace slipway
