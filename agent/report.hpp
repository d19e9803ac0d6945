// agent/report.hpp -- progress to the server, on a thread and a connection of its own, so that a
// slow answer never slows the write of a disk.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/backoff.hpp"
#include "agent/transport.hpp"
#include "base/progress.hpp"

namespace slipway::agent {

// Posts the latest progress 2.5 times a second from construction to stop(); while the server does
// not answer, with the pauses of retry_delay(). What it does not take is not kept: the next post
// says more.
class ProgressReport {
 public:
  // `transport` is this object's alone. `bearer` is the session's.
  // `dice` gives 0..1 and is called on the thread.
  ProgressReport(std::unique_ptr<Transport> transport, Secret bearer, std::uint64_t attempt,
                 std::function<double()> dice = Waiting::real().dice);
  ProgressReport(const ProgressReport&) = delete;
  ProgressReport& operator=(const ProgressReport&) = delete;
  ~ProgressReport();

  void update(const Progress& progress);

  // Becomes true when the server says that this attempt is no longer wanted (403, 409, 410). The
  // writer watches it.
  [[nodiscard]] const std::atomic<bool>& revoked() const { return revoked_; }

  // Posts the latest progress once more and ends the thread. Any number of times.
  void stop();

 private:
  void run();
  [[nodiscard]] bool post();  // whether the server answered

  std::unique_ptr<Transport> transport_;
  Secret bearer_;
  std::uint64_t attempt_;
  std::function<double()> dice_;
  std::atomic<bool> revoked_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  Progress latest_;        // by mutex_
  bool stopping_ = false;  // by mutex_
  std::thread thread_;
};

}  // namespace slipway::agent
