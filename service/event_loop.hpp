// service/event_loop.hpp -- base's Scheduler over the one io_context.
#pragma once

#include <boost/asio/io_context.hpp>

#include "base/scheduler.hpp"

namespace slipway::service {

class EventLoop : public Scheduler {
 public:
  explicit EventLoop(boost::asio::io_context& context) : context_(context) {}
  void post(Task task) override;
  void after(std::chrono::milliseconds delay, Task task) override;

 private:
  boost::asio::io_context& context_;
};

}  // namespace slipway::service
