#include "service/event_loop.hpp"

#include <boost/asio/post.hpp>

namespace slipway::service {

void EventLoop::post(Task task) {
  boost::asio::post(context_, [task = std::move(task)]() mutable { task(); });
}

void EventLoop::after(std::chrono::milliseconds delay, Task task) {
  if (stopped_) return;
  const auto timer = timers_.emplace(timers_.end(), context_, delay);
  timer->async_wait(
      [this, timer, task = std::move(task)](const boost::system::error_code& error) mutable {
        timers_.erase(timer);
        if (!error && !stopped_) task();
      });
}

void EventLoop::stop() {
  stopped_ = true;
  for (auto& timer : timers_) timer.cancel();
}

}  // namespace slipway::service
