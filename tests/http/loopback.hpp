// tests/http/loopback.hpp -- a real server on a thread of its own, for tests with real sockets.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "http/listener.hpp"
#include "http/server.hpp"
#include "http/stream.hpp"
#include "tests/support/catch.hpp"

namespace slipway::http::test {

inline constexpr Ipv4 kLoopback{{127, 0, 0, 1}};
inline constexpr std::chrono::milliseconds kPatience{5'000};

// Runs until it is destroyed; then the server stops gracefully and its thread must end.
class Loopback {
 public:
  // Runs `task` on the server's thread and waits for it.
  template <class Task>
  auto on_thread(Task task) {
    using Answer = decltype(task(std::declval<Server&>()));
    std::packaged_task<Answer()> packaged(
        [this, task = std::move(task)]() mutable { return task(*server_); });
    auto result = packaged.get_future();
    boost::asio::post(io, std::move(packaged));
    return result.get();
  }

  explicit Loopback(Router router, Limits limits = {}, Observer observer = {},
                    std::shared_ptr<const Tls> tls = nullptr)
      : server_(std::make_unique<Server>(io, std::move(router), limits, std::move(observer))) {
    auto listener = Listener::open_tcp(kLoopback, 0);
    REQUIRE(listener);
    port = listener->port();
    server_->serve(*std::move(listener), std::move(tls));
    thread_ = std::thread([this] { io.run(); });
  }
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;
  ~Loopback() {
    on_thread([](Server& server) { server.stop(); });
    guard_.reset();  // from here on only the server's own work keeps the thread
    thread_.join();
  }

  [[nodiscard]] Refusals refusals() {
    return on_thread([](Server& server) { return server.refusals(); });
  }

  Stream connect() const {
    auto stream = Stream::connect_tcp({kLoopback, port}, kPatience);
    REQUIRE(stream);
    return *std::move(stream);
  }

  boost::asio::io_context io{1};
  std::uint16_t port = 0;

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_ =
      boost::asio::make_work_guard(io);
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

// POST /echo gives the body back, which has at most `octets`.
inline void add_echo(Router& router, std::size_t octets) {
  router.add(
      Method::post, "/echo",
      [](const Request& request, Reply reply) {
        reply(Response::text(200, "text/plain", request.body));
      },
      octets);
}

// Waits until `condition` holds, 5 s at most.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// What comes until the server closes, or nothing more comes for `patience`.
inline std::string read_all(Stream& stream, std::chrono::milliseconds patience = kPatience) {
  std::string text;
  std::array<char, 65'536> buffer{};
  while (true) {
    const auto count = stream.receive(buffer, patience);
    if (!count || *count == 0) return text;
    text.append(buffer.data(), *count);
  }
}

// What comes until `end` is the end of it.
inline std::string read_until(Stream& stream, std::string_view end) {
  std::string text;
  std::array<char, 4'096> buffer{};
  while (!text.ends_with(end)) {
    const auto count = stream.receive(buffer, kPatience);
    if (!count || *count == 0) return text;
    text.append(buffer.data(), *count);
  }
  return text;
}

inline std::string ask(const Loopback& server, std::string_view request) {
  auto stream = server.connect();
  REQUIRE(stream.send(request, kPatience));
  return read_all(stream);
}

}  // namespace slipway::http::test
