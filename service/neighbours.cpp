#include "service/neighbours.hpp"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
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

// One message about a neighbour of IPv4.
struct Entry {
  ndmsg message{};
  std::optional<Ipv4> address;
  std::optional<Mac> mac;
};

// Nothing when `octets` is another kind of message, or cut short.
std::optional<Entry> read_entry(ByteView octets) {
  nlmsghdr header{};
  Entry entry;
  if (octets.size() < NLMSG_LENGTH(sizeof entry.message)) return std::nullopt;
  std::memcpy(&header, octets.data(), sizeof header);
  std::memcpy(&entry.message, octets.data() + NLMSG_HDRLEN, sizeof entry.message);
  const bool is_neighbour = header.nlmsg_type == RTM_NEWNEIGH || header.nlmsg_type == RTM_DELNEIGH;
  if (!is_neighbour || entry.message.ndm_family != AF_INET) return std::nullopt;
  auto rest = octets.subspan(NLMSG_LENGTH(sizeof entry.message));
  while (rest.size() >= sizeof(rtattr)) {
    rtattr attribute{};
    std::memcpy(&attribute, rest.data(), sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > rest.size()) {
      return std::nullopt;
    }
    const auto* value = rest.data() + RTA_LENGTH(0);
    if (attribute.rta_type == NDA_LLADDR && attribute.rta_len == RTA_LENGTH(6)) {
      std::memcpy(entry.mac.emplace().octets.data(), value, 6);
    } else if (attribute.rta_type == NDA_DST && attribute.rta_len == RTA_LENGTH(4)) {
      std::memcpy(entry.address.emplace().octets.data(), value, 4);
    }
    rest = rest.subspan(std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), rest.size()));
  }
  return entry;
}

std::uint64_t key_of(Ipv4 address, unsigned interface_index) {
  return std::uint64_t{interface_index} << 32U | address.number();
}

Descriptor open_netlink() {
  return Descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
}

}  // namespace

std::optional<Mac> Neighbours::mac_of(Ipv4 address, unsigned interface_index) {
  constexpr std::size_t kMaxKnown = 16'384;  // more than a /18 has hosts
  const bool remembers = listen() && hear();
  if (!remembers) known_.clear();
  const auto key = key_of(address, interface_index);
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  const auto answer = ask(address, interface_index);
  if (!answer) return std::nullopt;
  if (known_.size() >= kMaxKnown) known_.clear();
  if (remembers) known_.emplace(key, answer->mac);
  return answer->mac;
}

std::optional<Neighbours::Answer> Neighbours::ask(Ipv4 address, unsigned interface_index) {
  if (questions_.get() < 0) questions_ = open_netlink();
  if (questions_.get() < 0) return std::nullopt;
  const auto query = make_query(address, interface_index, ++sequence_);
  if (send(questions_.get(), &query, sizeof query, 0) == static_cast<ssize_t>(sizeof query)) {
    return answer_to(sequence_);
  }
  questions_.close();
  return std::nullopt;
}

// The kernel answers a request for one entry within the send itself, so this never waits. What is
// left of an earlier question is no answer to this one.
std::optional<Neighbours::Answer> Neighbours::answer_to(std::uint32_t sequence) {
  std::array<std::uint8_t, 4096> answer{};
  while (true) {
    const auto octets = recv(questions_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
    if (octets < static_cast<ssize_t>(sizeof(nlmsghdr))) break;
    nlmsghdr header{};
    std::memcpy(&header, answer.data(), sizeof header);
    if (header.nlmsg_seq != sequence) continue;
    const auto entry = read_entry(ByteView(answer).first(static_cast<std::size_t>(octets)));
    const bool is_resolved = entry && (entry->message.ndm_state & kResolved) != 0;
    return Answer{is_resolved ? entry->mac : std::nullopt};
  }
  questions_.close();
  return std::nullopt;
}

bool Neighbours::listen() {
  if (news_.get() >= 0) return true;
  auto made = open_netlink();
  sockaddr_nl group{};
  group.nl_family = AF_NETLINK;
  group.nl_groups = RTMGRP_NEIGH;
  const auto* address = reinterpret_cast<const sockaddr*>(&group);
  if (made.get() < 0 || ::bind(made.get(), address, sizeof group) != 0) return false;
  news_ = std::move(made);
  known_.clear();  // what changed while nobody listened is not known
  return true;
}

// Reads what the kernel has said since the last time. False when it cannot be heard.
bool Neighbours::hear() {
  std::array<std::uint8_t, 8192> news{};
  while (true) {
    const auto octets = recv(news_.get(), news.data(), news.size(), MSG_DONTWAIT);
    if (octets >= 0) {
      forget(ByteView(news).first(static_cast<std::size_t>(octets)));
    } else if (errno == EAGAIN) {
      return true;
    } else if (errno == ENOBUFS) {
      known_.clear();  // more happened than the socket holds
    } else if (errno != EINTR) {
      news_.close();
      return false;
    }
  }
}

void Neighbours::forget(ByteView news) {
  while (news.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, news.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > news.size()) return;
    const auto entry = read_entry(news.first(header.nlmsg_len));
    if (entry && entry->address) {
      known_.erase(key_of(*entry->address, static_cast<unsigned>(entry->message.ndm_ifindex)));
    }
    news = news.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), news.size()));
  }
}

}  // namespace slipway::service
