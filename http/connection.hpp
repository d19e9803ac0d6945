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
#include <unordered_map>
#include <unordered_set>

#include "base/scheduler.hpp"
#include "http/head.hpp"
#include "http/limits.hpp"
#include "http/respond.hpp"
#include "http/route.hpp"

namespace slipway::http {

class Connection;

// What the connections of one server share. Lives as long as the last of them.
struct Hub {
  Router router;
  Limits limits;
  Observer observer;      // may be empty
  bool draining = false;  // every answer is the last one of its connection
  std::unordered_set<Connection*> connections;
  std::unordered_map<std::uint32_t, std::size_t> per_address;

  // Whether one more connection from `peer` is within the limits.
  [[nodiscard]] bool has_room(const Peer& peer) const;
  // http_date() of now, made anew once a second.
  [[nodiscard]] const std::string& date();

 private:
  std::time_t dated_ = 0;
  std::string date_;
};

// The two ends of a connection, as the kernel names them.
struct Ends {
  Peer peer;
  Ipv4 local_address;
  std::uint16_t local_port = 0;
};

// The meeting point of a handler's reply and the connection that waits for it. Outlives the
// connection while a handler still holds its Reply.
struct Exchange {
  Request request;
  std::optional<Response> response;
  Connection* waiter = nullptr;  // null: the client is gone

  void deliver(Response answer);  // the first one counts
};

class Connection {
 public:
  // Takes the connected, non-blocking `descriptor` over.
  Connection(boost::asio::io_context& io, int descriptor, std::shared_ptr<Hub> hub, Ends ends);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Serves until one side ends it. `self` keeps the connection alive while it runs.
  static boost::asio::awaitable<void> run(std::shared_ptr<Connection> self);

  void sweep(TimePoint now);  // ends it when its deadline has passed
  void drain();               // ends it when it waits for a request
  void abort();               // ends it at once
  void wake();                // its handler has replied

 private:
  using GoesOn = boost::asio::awaitable<bool>;  // false: the connection is over

  GoesOn serve_one();
  boost::asio::awaitable<std::optional<RequestHead>> read_head();
  GoesOn read_body(std::uint64_t octets, bool expects_continue);
  boost::asio::awaitable<Response> decide(std::shared_ptr<Exchange> exchange, Match match);
  boost::asio::awaitable<void> refuse(std::shared_ptr<Exchange> exchange, Response response);
  GoesOn answer(std::shared_ptr<Exchange> exchange, Response response, bool keep_alive);
  GoesOn send(Wire wire);
  GoesOn send_text(std::string text, bool more_follows);
  GoesOn send_file(FileSlice slice);
  GoesOn wait_writable();
  GoesOn fill(std::size_t octets);
  boost::asio::awaitable<void> linger();

  [[nodiscard]] std::shared_ptr<Exchange> make_exchange(RequestHead head);
  void allow(std::chrono::milliseconds limit);
  void allow_sending(std::uint64_t octets);
  void note_progress(std::size_t octets);
  void observe(const Request& request, int status, bool complete) const;

  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer wake_;
  std::shared_ptr<Hub> hub_;
  Ends ends_;
  std::shared_ptr<Exchange> exchange_;  // whose reply is waited for
  std::string in_;                      // received, not yet consumed
  TimePoint deadline_;                  // of the wait at hand
  TimePoint send_deadline_;             // of the whole answer at hand
  TimePoint head_received_at_;
  std::uint64_t sent_octets_ = 0;  // of the answer at hand
  bool is_http_1_0_ = false;       // the request at hand
  bool is_first_ = true;           // no request was read yet
  bool is_idle_ = false;           // between requests
  bool is_aborted_ = false;
};

}  // namespace slipway::http
