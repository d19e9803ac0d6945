// images/import/addresses.hpp -- which addresses a source may not lead us to.
//
// A server that an operator named may answer with a redirect. Were it followed to this machine or
// to its link, that server could read through us what only we reach (SSRF).
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace slipway::images {

// An IPv6 address, or an IPv4 one in its mapped form ::ffff:0:0/96 (RFC 4291 s.2.5.5.2).
struct IpAddress {
  std::array<std::uint8_t, 16> octets{};

  // "10.0.0.1", "fe80::1", "[fe80::1]"; a zone ("%eth0") is not taken.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  // nullopt for families other than AF_INET and AF_INET6. `length` octets of `address` are there.
  [[nodiscard]] static std::optional<IpAddress> of(const sockaddr* address, std::size_t length);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const IpAddress&) const = default;
};

// Loopback, link-local, unspecified or multicast: never another machine's service.
[[nodiscard]] bool is_near(const IpAddress& address);
// Of RFC 1918 or RFC 4193, or is_near(): the operator's own network.
[[nodiscard]] bool is_private(const IpAddress& address);

// The addresses of this machine's interfaces, now.
[[nodiscard]] Fallible<std::vector<IpAddress>> own_addresses();

// Whether the host of a URL is a literal address that is private, or `localhost`.
[[nodiscard]] bool names_private_host(std::string_view host);

}  // namespace slipway::images
