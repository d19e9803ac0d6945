#include "service/event_loop.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

namespace slipway::service {

void EventLoop::post(Task task) {
  boost::asio::post(context_, [task = std::move(task)]() mutable { task(); });
}

void EventLoop::after(std::chrono::milliseconds delay, Task task) {
  auto timer = std::make_unique<boost::asio::steady_timer>(context_, delay);
  auto& armed = *timer;  // the handler owns the timer it waits on
  armed.async_wait([timer = std::move(timer),
                    task = std::move(task)](const boost::system::error_code& error) mutable {
    if (!error) task();
  });
}

}  // namespace slipway::service
