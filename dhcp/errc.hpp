// dhcp/errc.hpp -- why a datagram on 67 or 4011 gets no answer.
//
// Three kinds are kept apart: malformed (a broken or hostile packet), not ours (a good packet
// that asks somebody else), and our failure (we should have answered and could not).
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace slipway::dhcp {

enum class Errc : std::uint8_t {
  truncated = 1,    // malformed: shorter than 240 octets
  bad_cookie,       // malformed: no DHCP magic cookie
  not_ethernet,     // malformed: htype or hlen other than 1 and 6
  option_overrun,   // malformed: an option reaches past the end of its field
  no_message_type,  // malformed: option 53 absent or not 1..8 (plain BOOTP)
  bad_uuid,         // malformed: option 97 that is not a type-0 UUID of 17 octets
  not_a_request,    // not ours: op is not BOOTREQUEST
  wrong_type,       // not ours: a message type that this port does not answer
  not_pxe,          // not ours: option 60 or 93 absent, or of another class
  unknown_arch,     // not ours: no architecture in option 93 that we have a boot program for
  other_boot_item,  // not ours: option 43.71 asks for a boot server type that we are not
  other_server,     // not ours: a client that takes another server's lease
  no_lease,         // not ours: of a lease that we know nothing of
  other_network,    // not ours: from a network in which we give no leases
  pending,          // not ours: a lease whose record is on the way to the disk, asked for again
  withheld,         // not ours: another DHCP server answers here, so we give no leases
  no_address,       // our failure: the interface has no IPv4 address yet
  too_large,        // our failure: the answer does not fit
  pool_empty,       // our failure: no address is free
};
inline constexpr std::size_t kErrcCount = 20;  // one past the last value

enum class Fault : std::uint8_t { malformed, not_ours, our_failure };
[[nodiscard]] Fault fault(Errc code);

[[nodiscard]] std::error_code make_error_code(Errc code);

}  // namespace slipway::dhcp

template <>
struct std::is_error_code_enum<slipway::dhcp::Errc> : std::true_type {};
