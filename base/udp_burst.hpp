// base/udp_burst.hpp -- sending a burst with as few system calls as the kernel allows.
//
// Linux can cut a burst into its datagrams itself, at the end of the way through its stack
// (UDP_SEGMENT, "UDP GSO", 4.18 and later). Where it or the network card refuses, the datagrams go
// by sendmmsg.
#pragma once

#include "base/burst.hpp"
#include "base/udp.hpp"

namespace slipway {

// Of one socket.
class BurstSender {
 public:
  // No burst may have more; the kernel's limit before 6.8.
  static constexpr std::size_t kMaxDatagrams = 64;
  // Nor more octets with its headers: one IPv4 datagram less its headers.
  static constexpr std::size_t kMaxOctets = 65507;

  enum class Cut : std::uint8_t { by_kernel, by_us };
  // by_kernel becomes by_us when this kernel cannot, and later when it refuses a burst.
  explicit BurstSender(Cut wanted = Cut::by_kernel);

  // How many datagrams the kernel took; to the protocol the others are lost. `burst` has at least
  // one datagram.
  std::size_t send(int descriptor, const Burst& burst, const Departure& departure);

  [[nodiscard]] Cut cut() const { return cut_; }

 private:
  Cut cut_;
};

}  // namespace slipway
