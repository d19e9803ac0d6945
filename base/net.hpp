// base/net.hpp -- the addresses by which machines are known: MAC, IPv4, SMBIOS UUID.
//
// Plain values: comparable, hashable through std::hash of their text where needed, no I/O.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace slipway {

// An EUI-48.
struct Mac {
  std::array<std::uint8_t, 6> octets{};

  // Accepts 52:54:00:aa:00:01 and 52-54-00-aa-00-01, in either case; anything else is nullopt.
  [[nodiscard]] static std::optional<Mac> parse(std::string_view text);
  [[nodiscard]] std::string text() const;     // 52:54:00:aa:00:01
  [[nodiscard]] std::string hyphens() const;  // 52-54-00-aa-00-01, as in BOOTIF
  auto operator<=>(const Mac&) const = default;
};

// An IPv4 address, most significant octet first as on the wire.
struct Ipv4 {
  std::array<std::uint8_t, 4> octets{};

  [[nodiscard]] static std::optional<Ipv4> parse(std::string_view text);
  [[nodiscard]] static Ipv4 from_number(std::uint32_t host_order);
  [[nodiscard]] std::uint32_t number() const;  // host order
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_zero() const { return number() == 0; }
  auto operator<=>(const Ipv4&) const = default;
};

// One end of a UDP or TCP exchange.
struct Endpoint {
  Ipv4 address;
  std::uint16_t port = 0;  // host order

  [[nodiscard]] std::string text() const { return address.text() + ":" + std::to_string(port); }
  auto operator<=>(const Endpoint&) const = default;
};

// An IPv4 network in CIDR form.
struct Cidr {
  Ipv4 address;
  std::uint8_t prefix_bits = 32;  // 0..32

  [[nodiscard]] static std::optional<Cidr> parse(
      std::string_view text);  // "10.0.0.0/8" or a bare address
  [[nodiscard]] bool contains(Ipv4 other) const;
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Cidr&) const = default;
};

// A SMBIOS UUID in canonical (big-endian, RFC 9562) order. All zeros means "none": QEMU without
// -uuid and some boards report it.
struct Uuid {
  std::array<std::uint8_t, 16> octets{};

  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);
  // From DHCP option 97 or the SMBIOS table, whose first three fields are little-endian
  // (SMBIOS 3.x s.7.2.1); `mixed` holds 16 octets, the option's type octet excluded.
  [[nodiscard]] static Uuid from_mixed_endian(std::span<const std::uint8_t, 16> mixed);
  [[nodiscard]] std::string text() const;  // lower case, 8-4-4-4-12
  [[nodiscard]] bool is_zero() const;
  auto operator<=>(const Uuid&) const = default;
};

}  // namespace slipway
