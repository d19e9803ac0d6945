#include "images/import/addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

namespace slipway::images {
namespace {

struct Block {
  IpAddress start;
  unsigned prefix_bits;  // of the 128
};

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

IpAddress mapped(std::uint8_t a, std::uint8_t b = 0, std::uint8_t c = 0, std::uint8_t d = 0) {
  IpAddress address;
  std::ranges::copy(kMapped, address.octets.begin());
  address.octets[12] = a;
  address.octets[13] = b;
  address.octets[14] = c;
  address.octets[15] = d;
  return address;
}

IpAddress starting(std::uint8_t first, std::uint8_t second) {
  IpAddress address;
  address.octets[0] = first;
  address.octets[1] = second;
  return address;
}

IpAddress loopback6() {
  IpAddress address;
  address.octets[15] = 1;
  return address;
}

bool lies_in(const IpAddress& address, const Block& block) {
  for (unsigned bit = 0; bit < block.prefix_bits; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if ((address.octets[bit / 8] & mask) != (block.start.octets[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string terminated(text);
  in_addr four{};
  if (::inet_pton(AF_INET, terminated.c_str(), &four) == 1) {
    auto address = mapped(0);
    std::memcpy(address.octets.data() + kMapped.size(), &four, sizeof(four));
    return address;
  }
  IpAddress address;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.octets.data()) != 1) return std::nullopt;
  return address;
}

std::optional<IpAddress> IpAddress::of(const sockaddr* address, std::size_t length) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in four{};
    std::memcpy(&four, address, sizeof(four));
    auto found = mapped(0);
    std::memcpy(found.octets.data() + kMapped.size(), &four.sin_addr, sizeof(four.sin_addr));
    return found;
  }
  if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 six{};
    std::memcpy(&six, address, sizeof(six));
    IpAddress found;
    std::memcpy(found.octets.data(), &six.sin6_addr, found.octets.size());
    return found;
  }
  return std::nullopt;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_four = std::ranges::equal(kMapped, std::span(octets).first(kMapped.size()));
  const auto* start = octets.data() + (is_four ? kMapped.size() : 0);
  const auto size = static_cast<socklen_t>(text.size());
  return ::inet_ntop(is_four ? AF_INET : AF_INET6, start, text.data(), size) == nullptr
             ? std::string()
             : std::string(text.data());
}

bool is_near(const IpAddress& address) {
  static const std::array<Block, 9> kBlocks{{{mapped(0), 104},         // "this network", RFC 1122
                                             {mapped(127), 104},       // loopback
                                             {mapped(169, 254), 112},  // link-local, RFC 3927
                                             {mapped(224), 100},       // multicast
                                             {mapped(255, 255, 255, 255), 128},
                                             {IpAddress{}, 128},
                                             {loopback6(), 128},
                                             {starting(0xfe, 0x80), 10},   // link-local
                                             {starting(0xff, 0x00), 8}}};  // multicast
  return std::ranges::any_of(kBlocks, [&](const Block& block) { return lies_in(address, block); });
}

bool is_private(const IpAddress& address) {
  static const std::array<Block, 4> kBlocks{{{mapped(10), 104},
                                             {mapped(172, 16), 108},
                                             {mapped(192, 168), 112},
                                             {starting(0xfc, 0x00), 7}}};
  return is_near(address) ||
         std::ranges::any_of(kBlocks, [&](const Block& block) { return lies_in(address, block); });
}

Fallible<std::vector<IpAddress>> own_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    return fail_errno("asking for the addresses of this machine", errno);
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(list, ::freeifaddrs);
  std::vector<IpAddress> found;
  for (const auto* each = list; each != nullptr; each = each->ifa_next) {
    // The kernel gives addresses of the two families whole.
    if (const auto address = IpAddress::of(each->ifa_addr, sizeof(sockaddr_in6))) {
      found.push_back(*address);
    }
  }
  return found;
}

bool names_private_host(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const auto address = IpAddress::parse(host);
  return address && is_private(*address);
}

}  // namespace slipway::images
