// http/connection.hpp -- one connection of a client: reads requests, sends answers. RFC 9112.
//
// The driver around head.hpp, route.hpp and respond.hpp; server.hpp makes connections. All runs on
// the thread of the one io_context.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/scheduler.hpp"
#include "http/exchange.hpp"
#include "http/head.hpp"
#include "http/hub.hpp"
#include "http/transport.hpp"

namespace slipway::http {

// The two ends of a connection, as the kernel names them.
struct Ends {
  Peer peer;
  Ipv4 local_address;
  std::uint16_t local_port = 0;
};

class Connection {
 public:
  // Takes the connected, non-blocking `descriptor` over, which `transport` moves octets through.
  Connection(boost::asio::io_context& io, int descriptor, std::unique_ptr<Transport> transport,
             std::shared_ptr<Hub> hub, Ends ends);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Serves until one side ends it. `self` keeps the connection alive while it runs.
  static boost::asio::awaitable<void> run(std::shared_ptr<Connection> self);

  void sweep(TimePoint now);  // ends it when its deadline has passed
  void drain();               // ends it when it waits for a request
  void abort();               // ends it at once

 private:
  using GoesOn = boost::asio::awaitable<bool>;  // false: the connection is over

  GoesOn shake_hands();
  GoesOn serve_one();
  boost::asio::awaitable<std::optional<RequestHead>> read_head();
  GoesOn read_body(std::uint64_t octets, bool expects_continue);
  boost::asio::awaitable<void> await_reply(std::shared_ptr<Exchange> exchange);
  boost::asio::awaitable<void> refuse(std::shared_ptr<Exchange> exchange, Response response);
  GoesOn answer(std::shared_ptr<Exchange> exchange, Response response, bool keep_alive);
  GoesOn send(Outgoing outgoing);
  GoesOn wait(Step step);
  GoesOn fill(std::size_t octets);
  boost::asio::awaitable<void> linger();

  Step take_in(std::size_t octets);
  void take_body(Request& request, std::size_t octets);
  [[nodiscard]] Response answer_to(std::error_code error);
  [[nodiscard]] std::shared_ptr<Exchange> make_exchange(RequestHead head);
  void allow(std::chrono::milliseconds limit);
  [[nodiscard]] std::uint64_t taken_octets();
  [[nodiscard]] bool is_fast_enough();
  void cut_off();
  void observe(const Request& request, int status, bool complete) const;

  boost::asio::posix::stream_descriptor descriptor_;
  std::unique_ptr<Transport> transport_;
  boost::asio::steady_timer wake_;
  std::shared_ptr<Hub> hub_;
  Ends ends_;
  std::shared_ptr<Exchange> exchange_;  // whose reply is waited for
  std::string in_;                      // received, not yet consumed
  TimePoint deadline_;                  // of the wait at hand
  TimePoint head_received_at_;
  std::uint64_t sent_octets_ = 0;   // of the answer at hand
  std::uint64_t total_octets_ = 0;  // sent since the connection began
  std::uint64_t taken_before_ = 0;  // taken_octets() when the rate was last looked at
  bool is_http_1_0_ = false;        // the request at hand
  bool is_first_ = true;            // no request was read yet
  bool may_hold_more_ = false;      // the transport may: the last buffer was filled whole
  bool is_idle_ = false;            // between requests
  bool is_sending_ = false;         // an answer
  bool is_aborted_ = false;
};

}  // namespace slipway::http
