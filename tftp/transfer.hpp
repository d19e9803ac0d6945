// tftp/transfer.hpp -- one running transfer: a Session with a socket and a timer.
//
// Each has a socket of its own, whose port is the server's transfer ID (RFC 1350 s.4), bound to
// the address that the request came to: firmware drops answers from any other. Includes Asio, so
// only server.cpp includes this.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/net.hpp"
#include "base/result.hpp"
#include "tftp/session.hpp"

namespace slipway::tftp {

// Who talks to whom, and about what.
struct Route {
  std::string interface;
  Ipv4 local;     // our address that was asked
  Endpoint peer;  // the client's address and transfer ID
  std::string name;
};

class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  using Ended = std::function<void(const Transfer&)>;

  // Opens the socket. `files` must outlive the transfer. Fails when no socket can be had.
  [[nodiscard]] static Fallible<std::shared_ptr<Transfer>> open(boost::asio::io_context& io,
                                                                Route route, Session session,
                                                                Files& files);

  Transfer(boost::asio::io_context& io, Route route, Session session, Files& files);

  // Sends the first datagram and keeps itself alive to the end; then calls `ended` once, from the
  // event loop. A transfer that is cut by stop() does not call it.
  void start(Ended ended);

  // Ends at once and in silence.
  void stop();

  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const Session& session() const { return session_; }
  [[nodiscard]] TimePoint started_at() const { return started_at_; }
  [[nodiscard]] bool unreachable() const { return unreachable_; }

 private:
  static boost::asio::awaitable<void> receive(std::shared_ptr<Transfer> self);
  static boost::asio::awaitable<void> watch(std::shared_ptr<Transfer> self);
  void drain();
  void take_datagram(ByteView wire, Endpoint from);
  void refuse_stranger(Endpoint from);
  void check_unreachable();
  void send_all();
  void finish();
  [[nodiscard]] bool running() const;

  Route route_;
  Session session_;
  Files& files_;
  boost::asio::ip::udp::socket socket_;
  boost::asio::steady_timer timer_;
  TimePoint started_at_;
  Ended ended_;
  bool unreachable_ = false;
};

}  // namespace slipway::tftp
