// dhcp/lease_respond.hpp -- the lease server's answer to one packet on port 67. RFC 2131 s.4.3;
// RFC 6842 (option 61 comes back); RFC 3046 (82); PXE 2.1 for what boot clients get beside a lease.
//
// Pure but for the table of leases, and without allocation: a packet and the time come in, a
// datagram goes out, and the record that must be on the disk before it may leave.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/net.hpp"
#include "base/result.hpp"
#include "dhcp/leases.hpp"
#include "dhcp/packet.hpp"
#include "dhcp/respond.hpp"

namespace slipway::dhcp {

struct LeaseArrival {
  Ipv4 server;    // our address on that interface; zero when it has none
  Endpoint from;  // sender of the datagram
  Moment now{};
  std::uint16_t client_port = 68;  // where clients listen; differs only in tests
};

struct LeaseReply {
  enum class Kind : std::uint8_t { offer, ack, nak, information, released, declined, nothing };

  Kind kind = Kind::nothing;
  Ipv4 address{};                       // that is offered, leased, refused or given back
  std::string_view file{};              // for a boot client; valid as the policy's answer is
  Endpoint to{};                        // meaningless without octets
  std::size_t octets = 0;               // of `out`
  std::optional<LeaseRecord> record{};  // to be kept; an ACK must not leave before
};
inline constexpr std::size_t kLeaseReplyKinds = 7;

// `client` is null for who is no boot client, or one that we have nothing for: it gets a plain
// lease. So does one to which the policy gives no file. Fails with not_a_request, wrong_type,
// no_address, other_network, other_server, no_lease, pending, pool_empty or too_large.
[[nodiscard]] Result<LeaseReply> respond_lease(const Packet& packet, const Client* client,
                                               const LeaseArrival& arrival, Leases& leases,
                                               BootPolicy& policy, std::span<std::uint8_t> out);

}  // namespace slipway::dhcp
