// dhcp/server.hpp -- the sockets of one interface: port 67 (proxyDHCP, or leases) and 4011 (boot
// server), and an ear for what other servers answer.
//
// The only file of dhcp/ with an event loop and a clock. Everything runs on the thread of
// the io_context that is given; so do the calls of the policy and of the observer.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "dhcp/lease_desk.hpp"
#include "dhcp/overhear.hpp"
#include "dhcp/respond.hpp"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): the name is Boost's
}

namespace slipway::dhcp {

struct ServerSettings {
  std::string interface{};  // the kernel's name of it
  std::uint16_t proxy_port = 67;
  std::uint16_t boot_server_port = 4011;
  std::uint16_t client_port = 68;  // the destination of broadcast offers
};

// One packet that was well-formed and ours, and what came of it; for the journey of the host.
// Valid during the call only.
struct Seen {
  const Client& client;
  Reply::Kind kind;
  std::string_view file;  // empty when silent
  Ipv4 server;            // our address that it asked
  OfferStyle offer;       // of an offer to a firmware's own PXE, else automatic
  bool offer_changed;     // it had not gone on from the one before, which was of the other form
  std::chrono::nanoseconds took;  // from the datagram taken to the answer given to the kernel
};
using Observer = std::function<void(const Seen&)>;

// Every answer of another server that reached this interface, and every client's choice of one;
// as they come, not limited in number.
using Bystander = std::function<void(const Overheard&)>;

// Since the start of the server.
struct Counters {
  std::uint64_t received = 0;
  std::uint64_t offers = 0;
  std::uint64_t acks = 0;
  std::uint64_t silent = 0;                         // the policy gave no file
  std::uint64_t unsent = 0;                         // the kernel refused the answer
  std::uint64_t offer_changes = 0;                  // offers of another form than the one before
  std::array<std::uint64_t, kErrcCount> dropped{};  // by Errc
  std::array<std::uint64_t, kOverheardKinds> overheard{};  // by Overheard::Kind
};

class Server {
 public:
  // `io`, `policy` and what `observer` and `bystander` refer to must outlive the server.
  Server(boost::asio::io_context& io, ServerSettings settings, BootPolicy& policy,
         Observer observer = {}, Bystander bystander = {});
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start(): port 67 gives leases and is no proxy. start() then fails without CAP_NET_RAW,
  // because another DHCP server could not be heard.
  void give_leases(LeaseOffice office);

  // Opens both sockets and begins to answer. Port 67 may be shared with other servers of this
  // machine. Fails when a socket cannot be opened or bound; then nothing is served. Without the
  // right to listen beside other servers (CAP_NET_RAW) it says so and serves without.
  [[nodiscard]] Fallible<void> start();

  // Closes the sockets; the policy is not called any more. Allowed at any time, also twice.
  void stop();

  // As bound, which tells the ports when 0 was asked for. Zero before start() and after stop().
  [[nodiscard]] std::uint16_t proxy_port() const;
  [[nodiscard]] std::uint16_t boot_server_port() const;

  [[nodiscard]] const Counters& counters() const;
  // Null while no leases are given.
  [[nodiscard]] const LeaseDesk* desk() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::dhcp
