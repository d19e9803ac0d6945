#include "service/neighbours.hpp"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/descriptor.hpp"

namespace slipway::service {
namespace {

struct Query {
  nlmsghdr header;
  ndmsg message;
  rtattr attribute;
  std::array<std::uint8_t, 4> address;
};

Query make_query(Ipv4 address, unsigned interface_index) {
  Query query{};
  query.header.nlmsg_len = sizeof(Query);
  query.header.nlmsg_type = RTM_GETNEIGH;
  query.header.nlmsg_flags = NLM_F_REQUEST;
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

std::optional<Mac> neighbour_mac(Ipv4 address, unsigned interface_index) {
  const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (socket.get() < 0) return std::nullopt;
  const auto query = make_query(address, interface_index);
  if (send(socket.get(), &query, sizeof query, 0) != static_cast<ssize_t>(sizeof query)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 4096> answer{};
  // The kernel answers a request for one entry within the send itself, so this never waits.
  const auto octets = recv(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  if (octets <= 0) return std::nullopt;
  return link_address(ByteView(answer).first(static_cast<std::size_t>(octets)));
}

}  // namespace slipway::service
