#include "service/neighbours.hpp"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace slipway::service {
namespace {

struct Query {
  nlmsghdr header;
  ndmsg message;
  rtattr attribute;
  std::array<std::uint8_t, 4> address;
};

Query make_query(Ipv4 address, unsigned interface_index, std::uint32_t sequence) {
  Query query{};
  query.header.nlmsg_len = sizeof(Query);
  query.header.nlmsg_type = RTM_GETNEIGH;
  query.header.nlmsg_flags = NLM_F_REQUEST;
  query.header.nlmsg_seq = sequence;
  query.message.ndm_family = AF_INET;
  query.message.ndm_ifindex = static_cast<int>(interface_index);
  query.attribute.rta_type = NDA_DST;
  query.attribute.rta_len = RTA_LENGTH(4);
  query.address = address.octets;
  return query;
}

// The states in which the kernel vouches for the address pair.
constexpr unsigned kResolved =
    NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

std::optional<Mac> link_address(ByteView answer) {
  nlmsghdr header{};
  ndmsg message{};
  if (answer.size() < NLMSG_LENGTH(sizeof message)) return std::nullopt;
  std::memcpy(&header, answer.data(), sizeof header);
  std::memcpy(&message, answer.data() + NLMSG_HDRLEN, sizeof message);
  if (header.nlmsg_type != RTM_NEWNEIGH || (message.ndm_state & kResolved) == 0)
    return std::nullopt;
  auto rest = answer.subspan(NLMSG_LENGTH(sizeof message));
  while (rest.size() >= sizeof(rtattr)) {
    rtattr attribute{};
    std::memcpy(&attribute, rest.data(), sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > rest.size())
      return std::nullopt;
    if (attribute.rta_type == NDA_LLADDR && attribute.rta_len == RTA_LENGTH(6)) {
      Mac mac;
      std::memcpy(mac.octets.data(), rest.data() + RTA_LENGTH(0), 6);
      return mac;
    }
    rest = rest.subspan(std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), rest.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Mac> Neighbours::mac_of(Ipv4 address, unsigned interface_index) {
  if (socket_.get() < 0) {
    socket_ = Descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (socket_.get() < 0) return std::nullopt;
  }
  const auto query = make_query(address, interface_index, ++sequence_);
  if (send(socket_.get(), &query, sizeof query, 0) == static_cast<ssize_t>(sizeof query)) {
    return answer_to(sequence_);
  }
  socket_.close();
  return std::nullopt;
}

// The kernel answers a request for one entry within the send itself, so this never waits. What is
// left of an earlier question is no answer to this one.
std::optional<Mac> Neighbours::answer_to(std::uint32_t sequence) {
  std::array<std::uint8_t, 4096> answer{};
  while (true) {
    const auto octets = recv(socket_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
    if (octets < static_cast<ssize_t>(sizeof(nlmsghdr))) break;
    nlmsghdr header{};
    std::memcpy(&header, answer.data(), sizeof header);
    if (header.nlmsg_seq != sequence) continue;
    return link_address(ByteView(answer).first(static_cast<std::size_t>(octets)));
  }
  socket_.close();
  return std::nullopt;
}

}  // namespace slipway::service
