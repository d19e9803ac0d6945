// tftp/transfer.hpp -- one running transfer, whose client has answered: a Session with a socket and
// a timer.
//
// Each has a socket of its own, bound to the address that the request came to (firmware drops
// answers from any other) and to the transfer ID that the client knows, and connected to the
// client: what others send to that port comes to the socket that all share (transfers.hpp). In
// single-port mode it has none, sends through port 69, and is told what it hears. Includes Asio, so
// only transfers.cpp includes this.
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
#include "base/udp_burst.hpp"
#include "tftp/session.hpp"

namespace slipway::tftp {

// Who talks to whom, and about what.
struct Route {
  std::string interface;
  Endpoint local;  // our address that was asked, and our transfer ID
  Endpoint peer;   // the client's
  std::string name;
  std::uint32_t interface_index = 0;
};

class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  using Ended = std::function<void(const Transfer&)>;

  // What the transfers of one server have in common; outlives the last of them that runs.
  struct Shared {
    boost::asio::io_context& io;
    Outbox& outbox;
    int descriptor = -1;  // of port 69, in single-port mode
  };

  // Opens the socket. Fails when none can be had.
  [[nodiscard]] static Fallible<std::shared_ptr<Transfer>> open(Shared shared, Route route,
                                                                Session session);

  Transfer(Shared shared, Route route, Session session);

  // Sends what the session has to send and keeps itself alive to the end; then calls `ended` once,
  // from the event loop. A transfer that is cut by stop() does not call it.
  void start(Ended ended);

  // What came from the peer by another socket, and that it cannot be reached any more.
  void hear(ByteView wire);
  void give_up();

  // Ends at once and in silence.
  void stop();

  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const Session& session() const { return session_; }
  [[nodiscard]] bool unreachable() const { return unreachable_; }

 private:
  static boost::asio::awaitable<void> receive(std::shared_ptr<Transfer> self);
  static boost::asio::awaitable<void> watch(std::shared_ptr<Transfer> self);
  void take_datagram();
  void check_unreachable();
  void send_all();
  void finish();
  [[nodiscard]] bool running() const;

  Shared shared_;
  Route route_;
  Session session_;
  BurstSender sender_;
  boost::asio::ip::udp::socket socket_;  // not open in single-port mode
  boost::asio::steady_timer timer_;
  Ended ended_;
  bool unreachable_ = false;
  bool finished_ = false;
};

}  // namespace slipway::tftp
