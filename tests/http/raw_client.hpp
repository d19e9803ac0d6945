// tests/http/raw_client.hpp -- a client that may misbehave: from any loopback address, with a small
// receive buffer, ending with a reset.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/net.hpp"
#include "tests/support/catch.hpp"

namespace slipway::http::test {

class RawClient {
 public:
  // Connects to `port` of 127.0.0.1 from `source`, another address of 127.0.0.0/8. `buffer_octets`:
  // of the receive buffer; 0 leaves it as it is.
  explicit RawClient(std::uint16_t port, Ipv4 source = {{127, 0, 0, 1}}, int buffer_octets = 0)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    REQUIRE(descriptor_ >= 0);
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    set(SO_RCVTIMEO, patience);
    if (buffer_octets > 0) set(SO_RCVBUF, buffer_octets);
    const auto from = address_of(source, 0);
    REQUIRE(::bind(descriptor_, as_sockaddr(from), sizeof(from)) == 0);
    const auto to = address_of({{127, 0, 0, 1}}, port);
    REQUIRE(::connect(descriptor_, as_sockaddr(to), sizeof(to)) == 0);
  }
  RawClient(RawClient&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() {
    if (descriptor_ >= 0) (void)::close(descriptor_);
  }

  // False when the server is gone.
  [[nodiscard]] bool send(std::string_view octets) const {
    return ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(octets.size());
  }
  // What comes next, at most `octets`; empty when the server closed, reset or said nothing for 5 s,
  // which error() tells apart.
  std::string receive(std::size_t octets = 65'536) {
    std::string text(octets, '\0');
    const auto count = ::recv(descriptor_, text.data(), octets, 0);
    error_ = count < 0 ? errno : 0;
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  std::string receive_until(std::string_view end) {
    std::string text;
    while (!text.ends_with(end)) {
      const auto more = receive();
      if (more.empty()) break;
      text += more;
    }
    return text;
  }
  // Whether the server has ended the connection; octets that still wait do not count.
  [[nodiscard]] bool is_over() const {
    char octet = 0;
    const auto count = ::recv(descriptor_, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
  }
  [[nodiscard]] int error() const { return error_; }

  // As EDK2 does it.
  void reset() {
    set(SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
    REQUIRE(::close(std::exchange(descriptor_, -1)) == 0);
  }

 private:
  template <class Value>
  void set(int option, const Value& value) {
    REQUIRE(::setsockopt(descriptor_, SOL_SOCKET, option, &value, sizeof(value)) == 0);
  }
  static sockaddr_in address_of(Ipv4 address, std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    made.sin_addr.s_addr = htonl(address.number());
    return made;
  }
  static const sockaddr* as_sockaddr(const sockaddr_in& address) {
    return reinterpret_cast<const sockaddr*>(&address);
  }

  int descriptor_;
  int error_ = 0;
};

}  // namespace slipway::http::test
