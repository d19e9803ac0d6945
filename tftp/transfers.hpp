// tftp/transfers.hpp -- all transfers of one server.
//
// One that nobody has answered is a place in a table (half_open.hpp) and goes out through one of a
// few ports that all of them share, in turn; with its first ACK it gets a socket of its own on the
// same port, connected to its client, and goes on there (transfer.hpp). In single-port mode all of
// them go through port 69. Includes Asio, so only server.cpp includes this.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tftp/half_open.hpp"
#include "tftp/server.hpp"
#include "tftp/transfer.hpp"

namespace slipway::tftp {

// How a transfer ended.
struct TransferEnd {
  std::string_view name;
  Ipv4 peer;
  Status status;
  bool answered;
  std::uint64_t size_octets;
  ErrorCode client_error;
  TimePoint started_at;
  std::string_view trouble;  // what else ended it; empty where `status` says it all
};

class Transfers : public std::enable_shared_from_this<Transfers> {
 public:
  using Ended = std::function<void(const TransferEnd&)>;

  // `files` and `counters` must outlive this, and so must `settings`.
  struct Owner {
    boost::asio::io_context& io;
    const ServerSettings& settings;
    Files& files;
    Counters& counters;
  };
  // `ended` is called for each transfer but those that a newer request or close() cut.
  Transfers(Owner owner, Ended ended);

  // Opens the ports. `port69` is used in single-port mode, and stays the caller's.
  [[nodiscard]] Fallible<void> open(int port69);
  // Cuts everything.
  void close();

  // Whether this is the request of a half-open transfer again, whose answer is on its way. A
  // different one from the same port means that the client gave the old transfer up: it is cut.
  [[nodiscard]] bool is_repetition(Endpoint peer, std::size_t request);
  // False when `peer` has its share, or nobody else can be served now. Pushes out a half-open one.
  [[nodiscard]] bool make_room(Endpoint peer);
  // There is room, and none of this peer. Sends the first datagram.
  void begin(HalfOpen opening);

  // What came from `peer` to one of the ports (0: port 69 in single-port mode). False when it is of
  // no transfer.
  bool hear(ByteView wire, Endpoint peer, std::size_t port = 0);
  // For each ICMP error about what we sent through `descriptor`.
  void check_unreachable(int descriptor);

  [[nodiscard]] std::size_t size() const { return running_.size() + half_open_.size(); }
  [[nodiscard]] std::size_t half_open() const { return half_open_.size(); }

 private:
  struct Port {
    boost::asio::ip::udp::socket socket;
    std::uint16_t number;
  };
  struct Running {
    Endpoint peer;
    std::size_t port;
    std::shared_ptr<Transfer> transfer;
  };

  static boost::asio::awaitable<void> serve(std::shared_ptr<Transfers> self, std::size_t port);
  void drain(std::size_t port);
  void refuse_stray(const Arrived& arrived, std::size_t port);
  [[nodiscard]] int descriptor_of(std::size_t port);
  void send(HalfOpen& entry);
  void settle(const HalfOpen& entry);
  void promote(HalfOpen entry);
  void evict(const HalfOpen& entry);
  void give_up(Endpoint peer);
  void arm();
  void on_deadlines();
  void on_ended(const Transfer& transfer);

  Owner owner_;
  Ended ended_;
  int port69_ = -1;
  std::vector<Port> ports_;
  std::size_t next_port_ = 0;
  HalfOpenTable half_open_;
  std::vector<Running> running_;
  Outbox outbox_;
  BurstSender sender_;
  boost::asio::steady_timer timer_;
  bool armed_ = false;
};

}  // namespace slipway::tftp
