// http/server.hpp -- accepts connections and hands their requests to a router's handlers.
//
// Several servers may live in one io_context, say one for the boot plane and one for the operator's
// socket, each with its routes and limits. Everything, handlers too, runs on the thread that runs
// the io_context.
#pragma once

#include <cstddef>
#include <memory>

#include "http/limits.hpp"
#include "http/listener.hpp"
#include "http/route.hpp"
#include "http/tls.hpp"

namespace boost::asio {
class io_context;
}

namespace slipway::http {

class Server {
 public:
  // `io` must outlive the server. The process ignores SIGPIPE from now on: sendfile(2) has no flag
  // that would keep a departed client from raising it.
  Server(boost::asio::io_context& io, Router router, Limits limits = {}, Observer observer = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // ends all connections at once

  // Keeps Limits::reserve places for peers that `expected` approves.
  void expect(Expected expected);

  // Accepts from `listener` until stop(). Any number of them. With `tls` its clients speak TLS, by
  // the same routes and limits; the handshake is part of the time for the first head.
  void serve(Listener listener, std::shared_ptr<const Tls> tls = nullptr);

  // Closes the listeners and idle connections. Requests already begun get their answer, with
  // "Connection: close", within Limits::drain; then the rest is cut. io_context::run() returns
  // after that when nothing else keeps it.
  void stop();

  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] const Refusals& refusals() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::http
