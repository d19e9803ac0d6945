#include "base/udp_burst.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/descriptor.hpp"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103  // linux/udp.h; older C libraries do not have it
#endif

namespace slipway {
namespace {

// A kernel that does not know the option would send one large datagram in fragments.
bool kernel_knows_segments() {
  static const bool known = [] {
    const Descriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int off = 0;
    return fd.get() >= 0 && ::setsockopt(fd.get(), IPPROTO_UDP, UDP_SEGMENT, &off, sizeof off) == 0;
  }();
  return known;
}

constexpr std::size_t kPacketInfo = CMSG_SPACE(sizeof(in_pktinfo));
constexpr std::size_t kSegment = CMSG_SPACE(sizeof(std::uint16_t));

// Address and control messages of every datagram of a burst.
struct Envelope {
  sockaddr_in to{};
  alignas(cmsghdr) std::array<std::uint8_t, kPacketInfo + kSegment> control{};
  std::size_t used = 0;

  template <class T>
  void add(int level, int type, const T& value) {
    auto* part = reinterpret_cast<cmsghdr*>(control.data() + used);
    part->cmsg_level = level;
    part->cmsg_type = type;
    part->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(part), &value, sizeof value);
    used += CMSG_SPACE(sizeof value);
  }
  void address(msghdr& message) {
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_control = used > 0 ? control.data() : nullptr;
    message.msg_controllen = used;
  }
};

Envelope envelope_of(const Departure& departure) {
  Envelope envelope;
  envelope.to.sin_family = AF_INET;
  envelope.to.sin_port = htons(departure.to.port);
  envelope.to.sin_addr.s_addr = htonl(departure.to.address.number());
  // A zero source in IP_PKTINFO would undo the address that the socket is bound to.
  if (departure.from.is_zero() && departure.interface_index == 0) return envelope;
  in_pktinfo info{};
  info.ipi_ifindex = static_cast<int>(departure.interface_index);
  info.ipi_spec_dst.s_addr = htonl(departure.from.number());
  envelope.add(IPPROTO_IP, IP_PKTINFO, info);
  return envelope;
}

iovec part_of(ByteView octets) { return {const_cast<std::uint8_t*>(octets.data()), octets.size()}; }

// Header and payload of each datagram; not cleared, only what a burst has is used.
struct Parts {
  std::array<iovec, 2 * BurstSender::kMaxDatagrams> all;
  explicit Parts(const Burst& burst) {
    for (std::size_t i = 0; i < burst.datagrams; ++i) {
      all[2 * i] = part_of(burst.header_of(i));
      all[2 * i + 1] = part_of(burst.payload_of(i));
    }
  }
};

bool send_whole(int descriptor, const Burst& burst, Parts& parts, Envelope envelope) {
  const auto segment = static_cast<std::uint16_t>(burst.header_octets() + burst.payload_octets);
  if (burst.datagrams > 1) envelope.add(IPPROTO_UDP, UDP_SEGMENT, segment);
  msghdr message{};
  envelope.address(message);
  message.msg_iov = parts.all.data();
  message.msg_iovlen = 2 * burst.datagrams;
  return ::sendmsg(descriptor, &message, MSG_NOSIGNAL) >= 0;
}

std::size_t send_each(int descriptor, const Burst& burst, Parts& parts, Envelope envelope) {
  std::array<mmsghdr, BurstSender::kMaxDatagrams> messages;
  for (std::size_t i = 0; i < burst.datagrams; ++i) {
    messages[i] = {};
    envelope.address(messages[i].msg_hdr);
    messages[i].msg_hdr.msg_iov = &parts.all[2 * i];
    messages[i].msg_hdr.msg_iovlen = 2;
  }
  std::size_t sent = 0;
  while (sent < burst.datagrams) {
    const auto taken = ::sendmmsg(descriptor, &messages[sent],
                                  static_cast<unsigned>(burst.datagrams - sent), MSG_NOSIGNAL);
    if (taken <= 0) break;
    sent += static_cast<std::size_t>(taken);
  }
  return sent;
}

// What the kernel says of segments that it or the card cannot make, or that are too long for a path
// whose MTU it has learned.
bool is_refusal_of_segments(int error) {
  return error == EINVAL || error == EIO || error == EMSGSIZE || error == EOPNOTSUPP;
}

}  // namespace

BurstSender::BurstSender(Cut wanted) : cut_(kernel_knows_segments() ? wanted : Cut::by_us) {}

std::size_t BurstSender::send(int descriptor, const Burst& burst, const Departure& departure) {
  Parts parts(burst);
  const auto envelope = envelope_of(departure);
  if (burst.datagrams == 1 || cut_ == Cut::by_kernel) {
    if (send_whole(descriptor, burst, parts, envelope)) return burst.datagrams;
    const int error = errno;
    // The buffer is full: more of the same would be lost, too.
    if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS) return 0;
    if (burst.datagrams > 1 && is_refusal_of_segments(error)) cut_ = Cut::by_us;
  }
  // Also after an ICMP error about an earlier datagram, which the kernel reports only once.
  return send_each(descriptor, burst, parts, envelope);
}

}  // namespace slipway
