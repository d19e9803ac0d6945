#include "service/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <set>
#include <sstream>

namespace slipway::service {
namespace {

using AddressList = std::unique_ptr<ifaddrs, decltype(&freeifaddrs)>;

Fallible<AddressList> addresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return fail_errno("listing network interfaces", errno);
  return AddressList(list, &freeifaddrs);
}

Ipv4 ipv4_of(const sockaddr* address) {
  sockaddr_in inet{};
  std::memcpy(&inet, address, sizeof inet);
  Ipv4 result;
  std::memcpy(result.octets.data(), &inet.sin_addr, 4);
  return result;
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Fallible<Interface> find_interface(const std::string& name) {
  const auto list = addresses();
  if (!list) return std::unexpected(list.error());
  std::set<std::string> names;
  Interface found{name, if_nametoindex(name.c_str()), {}};
  for (const auto* entry = list->get(); entry != nullptr; entry = entry->ifa_next) {
    names.insert(entry->ifa_name);
    const bool is_ipv4 = entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET;
    if (is_ipv4 && name == entry->ifa_name && found.address.is_zero()) {
      found.address = ipv4_of(entry->ifa_addr);
      if (entry->ifa_netmask == nullptr) continue;
      const auto mask = ipv4_of(entry->ifa_netmask).number();
      found.prefix_bits = static_cast<std::uint8_t>(std::countl_one(mask));
    }
  }
  if (found.index == 0) {
    return fail("no network interface is called \"" + name + "\"; there are: " + joined(names));
  }
  return found;
}

Fallible<std::string> default_route_interface() {
  std::ifstream routes("/proc/net/route");
  if (!routes) return fail("reading /proc/net/route failed");
  std::string line;
  std::getline(routes, line);  // the heading
  std::string best;
  unsigned best_metric = std::numeric_limits<unsigned>::max();
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    std::string name, destination, gateway, flags, references, uses, mask;
    unsigned metric = 0;
    fields >> name >> destination >> gateway >> flags >> references >> uses >> metric >> mask;
    if (destination == "00000000" && mask == "00000000" && metric < best_metric) {
      best = name;
      best_metric = metric;
    }
  }
  return best;
}

}  // namespace slipway::service
