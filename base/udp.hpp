// base/udp.hpp -- UDP sockets that know by which of our addresses a datagram came.
//
// The routing table must not choose how a boot server answers: a reply to 255.255.255.255 would
// leave through the default route with that interface's address, and firmware ignores an answer
// from another address than the one it asked. So sockets are bound to one interface
// (SO_BINDTODEVICE), and IP_PKTINFO tells the local address of each datagram and sets the source
// and the egress of each reply. No event loop here: the caller waits for readiness.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway {

struct UdpOptions {
  std::string interface{};  // empty: any
  Endpoint local{};         // address zero: any; port 0: the kernel chooses
  bool broadcast = false;
  // Share the port with other servers of the machine (libvirt's dnsmasq sits on 67). Never for a
  // port that the kernel chooses: two sockets could get the same one.
  bool share_port = false;
  // Other sockets of this user may have the port, too; one that the kernel chooses is free of all
  // others at first. Of several, a connected one hears its peer and the others the rest.
  bool share_among_own = false;
  // Hears and sends to this peer alone; port 0: not connected.
  Endpoint peer{};
  // An ICMP error about a datagram that we sent is read with unreachable_peer().
  bool report_icmp = false;
  // Arrived tells our address and interface; not needed where the socket is bound to one.
  bool packet_info = true;
  // What the kernel keeps for us until it is read, as far as it lets us; 0: the kernel's default.
  int receive_octets = 0;
};

// A non-blocking socket; the caller owns the descriptor. Fails with the step that failed, e.g.
// "binding to eth0: No such device". Needs CAP_NET_RAW on old kernels and CAP_NET_BIND_SERVICE
// below port 1024.
[[nodiscard]] Fallible<int> open_udp(const UdpOptions& options);

// Where `descriptor` is bound.
[[nodiscard]] Fallible<Endpoint> local_endpoint(int descriptor);

// The MTU of an interface in octets, IP header included.
[[nodiscard]] Fallible<std::uint32_t> interface_mtu(const std::string& interface);

// The network of an interface's first address, whose hosts the kernel asks for by ARP before it can
// send to them; nothing when there is none: no ARP (loopback), or no address.
[[nodiscard]] Fallible<std::optional<Cidr>> interface_network(const std::string& interface);

// One datagram as it came.
struct Arrived {
  std::size_t octets = 0;
  Endpoint from{};
  Ipv4 to{};  // our address: the one it was sent to, or the interface's own for a broadcast
  std::uint32_t interface_index = 0;
};

enum class Receive : std::uint8_t { datagram, nothing, failed };

// The next waiting datagram, cut at the end of `buffer` (its first `octets` octets). `nothing`
// when none waits; `failed` for a pending error, e.g. an ICMP one, which is cleared by this.
[[nodiscard]] Receive receive_udp(int descriptor, std::span<std::uint8_t> buffer, Arrived& arrived);

// How a datagram leaves. `from` zero and `interface_index` 0 leave the choice to the socket.
struct Departure {
  Endpoint to{};
  Ipv4 from{};
  std::uint32_t interface_index = 0;
};

// False when the kernel took nothing; to the protocol that is the same as a lost datagram.
[[nodiscard]] bool send_udp(int descriptor, ByteView datagram, const Departure& departure);

// The destination that the next queued ICMP error is about, or nothing when the queue is empty.
[[nodiscard]] std::optional<Endpoint> unreachable_peer(int descriptor);

}  // namespace slipway
