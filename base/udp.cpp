#include "base/udp.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/descriptor.hpp"

namespace slipway {
namespace {

sockaddr_in to_system(Endpoint endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = htonl(endpoint.address.number());
  return address;
}

Ipv4 from_system(in_addr address) { return Ipv4::from_number(ntohl(address.s_addr)); }

Endpoint from_system(const sockaddr_in& address) {
  return {from_system(address.sin_addr), ntohs(address.sin_port)};
}

Ipv4 address_of(const sockaddr& address) {
  sockaddr_in inet{};
  std::memcpy(&inet, &address, sizeof inet);
  return from_system(inet.sin_addr);
}

bool set(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool bind_to_interface(int fd, const std::string& interface) {
  return interface.empty() || ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                                           static_cast<socklen_t>(interface.size() + 1)) == 0;
}

// The first needs CAP_NET_ADMIN, the second is cut at net.core.rmem_max.
void set_receive_octets(int fd, int octets) {
  if (octets == 0 || set(fd, SOL_SOCKET, SO_RCVBUFFORCE, octets)) return;
  (void)set(fd, SOL_SOCKET, SO_RCVBUF, octets);  // less room: a burst may then lose its end
}

bool connect_to(int fd, Endpoint peer) {
  if (peer.port == 0) return true;
  const auto address = to_system(peer);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Set on a port of the kernel's choice, it would let it choose one that we have already.
bool shares_before_bind(const UdpOptions& options) {
  return options.share_among_own && options.local.port != 0;
}

// IP_PMTUDISC_DONT: a path with a small MTU then fragments instead of losing our blocks.
bool set_options(int fd, const UdpOptions& options) {
  return set(fd, SOL_SOCKET, SO_REUSEADDR, options.share_port ? 1 : 0) &&
         set(fd, SOL_SOCKET, SO_REUSEPORT, shares_before_bind(options) ? 1 : 0) &&
         set(fd, SOL_SOCKET, SO_BROADCAST, options.broadcast ? 1 : 0) &&
         set(fd, IPPROTO_IP, IP_PKTINFO, options.packet_info ? 1 : 0) &&
         set(fd, IPPROTO_IP, IP_RECVERR, options.report_icmp ? 1 : 0) &&
         set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

union Control {
  cmsghdr header;
  std::uint8_t octets[CMSG_SPACE(sizeof(in_pktinfo))];
};

void read_packet_info(msghdr& message, Arrived& arrived) {
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO) continue;
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(part), sizeof info);
    arrived.to = from_system(info.ipi_spec_dst);
    arrived.interface_index = static_cast<std::uint32_t>(info.ipi_ifindex);
  }
}

void write_packet_info(msghdr& message, const Departure& departure) {
  auto* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = IPPROTO_IP;
  part->cmsg_type = IP_PKTINFO;
  part->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info{};
  info.ipi_ifindex = static_cast<int>(departure.interface_index);
  info.ipi_spec_dst.s_addr = htonl(departure.from.number());
  std::memcpy(CMSG_DATA(part), &info, sizeof info);
}

}  // namespace

Fallible<int> open_udp(const UdpOptions& options) {
  Descriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return fail_errno("opening a UDP socket", errno);
  if (!set_options(fd.get(), options)) return fail_errno("setting UDP socket options", errno);
  if (!bind_to_interface(fd.get(), options.interface)) {
    return fail_errno("binding to interface " + options.interface, errno);
  }
  const auto local = to_system(options.local);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    return fail_errno("binding to UDP " + options.local.text(), errno);
  }
  if (options.share_among_own && !set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) {
    return fail_errno("sharing a UDP port", errno);
  }
  if (!connect_to(fd.get(), options.peer)) {
    return fail_errno("connecting UDP to " + options.peer.text(), errno);
  }
  set_receive_octets(fd.get(), options.receive_octets);
  return fd.release();
}

Fallible<Endpoint> local_endpoint(int descriptor) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return fail_errno("asking for a socket's address", errno);
  }
  return from_system(address);
}

Fallible<std::uint32_t> interface_mtu(const std::string& interface) {
  ifreq request{};
  if (interface.empty() || interface.size() >= sizeof request.ifr_name) {
    return fail("interface name '" + interface + "' is empty or too long");
  }
  std::ranges::copy(interface, request.ifr_name);
  Descriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 || ::ioctl(fd.get(), SIOCGIFMTU, &request) != 0) {
    return fail_errno("asking for the MTU of " + interface, errno);
  }
  return static_cast<std::uint32_t>(request.ifr_mtu);
}

Fallible<std::optional<Cidr>> interface_network(const std::string& interface) {
  ifreq request{};
  Descriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto ask = [&](unsigned long what) {
    request = {};
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return ::ioctl(fd.get(), what, &request) == 0;
  };
  if (!ask(SIOCGIFFLAGS)) return fail_errno("asking for the flags of " + interface, errno);
  if ((request.ifr_flags & (IFF_NOARP | IFF_LOOPBACK)) != 0) return std::nullopt;
  if (!ask(SIOCGIFADDR)) return std::nullopt;
  const auto address = address_of(request.ifr_addr);
  if (!ask(SIOCGIFNETMASK)) return std::nullopt;
  const auto mask = address_of(request.ifr_netmask);
  return Cidr{address, static_cast<std::uint8_t>(std::popcount(mask.number()))};
}

Receive receive_udp(int descriptor, std::span<std::uint8_t> buffer, Arrived& arrived) {
  sockaddr_in from{};
  iovec part{buffer.data(), buffer.size()};
  Control control{};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  const auto got = ::recvmsg(descriptor, &message, 0);
  if (got < 0) {
    const bool empty = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return empty ? Receive::nothing : Receive::failed;
  }
  arrived = {.octets = static_cast<std::size_t>(got), .from = from_system(from)};
  read_packet_info(message, arrived);
  return Receive::datagram;
}

bool send_udp(int descriptor, ByteView datagram, const Departure& departure) {
  auto to = to_system(departure.to);
  iovec part{const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
  Control control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  // A zero source in IP_PKTINFO would undo the address that the socket is bound to.
  if (!departure.from.is_zero() || departure.interface_index != 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    write_packet_info(message, departure);
  }
  const auto sent = ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
  return sent >= 0 && static_cast<std::size_t>(sent) == datagram.size();
}

std::optional<Endpoint> unreachable_peer(int descriptor) {
  sockaddr_in to{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  if (::recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
  return from_system(to);
}

}  // namespace slipway
