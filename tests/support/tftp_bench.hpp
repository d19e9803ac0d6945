// tests/support/tftp_bench.hpp -- a TFTP server on loopback, and a client that sends what the test
// says.
#pragma once

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <utility>

#include "base/log.hpp"
#include "base/udp.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tftp_files.hpp"
#include "tftp/server.hpp"

namespace slipway::test {

inline constexpr Ipv4 kLoopback{{127, 0, 0, 1}};
inline constexpr Ipv4 kSecond{{127, 0, 0, 2}};

class Peer {
 public:
  explicit Peer(Ipv4 address = kLoopback) : fd_(open_udp({.local = {address, 0}})) { REQUIRE(fd_); }
  ~Peer() { close(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(const Bytes& wire, Endpoint to) const { REQUIRE(send_udp(*fd_, wire, {.to = to})); }
  // What arrives while the event loop is given `patience`; empty when nothing does.
  Bytes receive(boost::asio::io_context& io,
                std::chrono::milliseconds patience = std::chrono::seconds(2)) {
    Bytes buffer(2048);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < until) {
      io.run_for(std::chrono::milliseconds(2));
      if (receive_udp(*fd_, buffer, arrived) != Receive::datagram) continue;
      buffer.resize(arrived.octets);
      return buffer;
    }
    return {};
  }
  void close() {
    if (fd_ && *fd_ >= 0) ::close(std::exchange(*fd_, -1));
  }
  Arrived arrived;

 private:
  Fallible<int> fd_;
};

struct Bench {
  explicit Bench(tftp::ServerSettings settings = {}) : server(io, with_loopback(settings), files) {
    log::set_level(log::Level::error);
    files.files["ipxe.efi"] = pattern(1000);
    REQUIRE(server.start());
  }
  static tftp::ServerSettings with_loopback(tftp::ServerSettings settings) {
    settings.interface = "lo";
    settings.port = 0;
    return settings;
  }
  [[nodiscard]] Endpoint port69(Ipv4 address = kLoopback) const { return {address, server.port()}; }

  boost::asio::io_context io;
  MemoryFiles files;
  tftp::Server server;
};

inline Bytes rrq(std::string_view name, std::string_view options = {}) {
  return datagram({1}, std::string(name) + std::string("\0octet\0", 7) + std::string(options));
}

}  // namespace slipway::test
