// tftp/server.hpp -- port 69 of one interface: takes read requests and starts transfers.
//
// Serves what Files publishes, and only reading. Strangers get silence; a client that never
// answers costs two datagrams and a place in a table of fixed size. Everything runs on the thread
// of the io_context that is given; so do the calls of Files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "tftp/files.hpp"
#include "tftp/options.hpp"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): the name is Boost's
}

namespace slipway::tftp {

struct ServerSettings {
  std::string interface{};  // the kernel's name of it
  std::uint16_t port = 69;
  std::size_t max_transfers = 256;   // whose client has answered
  std::size_t max_half_open = 1024;  // whose client has not: the oldest makes room
  // A ROM has one, perhaps one more that it gave up; several clients may share an address (NAT).
  std::size_t max_transfers_per_peer = 8;
  // Lowered further to the interface's MTU less 32; some networks need 1024.
  std::uint16_t max_block_octets = kMaxBlockOctets;
  // Every transfer is answered from `port`, for firewalls and NAT that let nothing else through;
  // else each has a port of its own, as RFC 1350 s.4 wants it.
  bool single_port = false;
};

// Since the start of the server.
struct Counters {
  std::uint64_t requests = 0;
  std::uint64_t strangers = 0;  // unknown peers: silence
  std::uint64_t malformed = 0;  // silence
  std::uint64_t refused = 0;    // answered with an ERROR
  std::uint64_t repeated = 0;   // the same request again while its transfer waits: silence
  std::uint64_t deferred = 0;   // too many peers whose link address is unknown: silence
  std::uint64_t started = 0;
  std::uint64_t completed = 0;
  std::uint64_t octets = 0;      // of the files of those that were completed
  std::uint64_t aborted = 0;     // by the client, size probes included
  std::uint64_t failed = 0;      // timed out, unreachable or unreadable
  std::uint64_t unanswered = 0;  // no ACK at all
  std::uint64_t evicted = 0;     // unanswered, pushed out by a newer request
};

class Server {
 public:
  // `io` and `files` must outlive the server.
  Server(boost::asio::io_context& io, ServerSettings settings, Files& files);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Fails when the port cannot be opened or the interface is not there.
  [[nodiscard]] Fallible<void> start();

  // Closes the port and cuts running transfers. Allowed at any time, also twice.
  void stop();

  [[nodiscard]] std::uint16_t port() const;  // as bound; zero before start() and after stop()
  [[nodiscard]] std::size_t running_transfers() const;  // the half-open ones, too
  [[nodiscard]] std::size_t half_open_transfers() const;
  [[nodiscard]] const Counters& counters() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::tftp
