// service/event_loop.hpp -- base's Scheduler over the one io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>

#include "base/scheduler.hpp"

namespace slipway::service {

class EventLoop : public Scheduler {
 public:
  explicit EventLoop(boost::asio::io_context& context) : context_(context) {}
  void post(Task task) override;
  void after(std::chrono::milliseconds delay, Task task) override;

  // Drops every task that waits, and every later after(): nothing here keeps the loop running.
  void stop();

 private:
  boost::asio::io_context& context_;
  std::list<boost::asio::steady_timer> timers_;
  bool stopped_ = false;
};

}  // namespace slipway::service
