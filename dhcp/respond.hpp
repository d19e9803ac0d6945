// dhcp/respond.hpp -- the answer to one DHCP packet: a proxyDHCP offer, a boot server's ACK, or
// silence. PXE 2.1 s.2.2, UEFI s.24; what real firmware needs stands beside each field.
//
// Pure and without allocation. Never a lease, never a NAK, never an address for the client: the
// LAN's own DHCP server gives those. An equal packet gets an equal answer as long as the policy
// gives the same file.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/net.hpp"
#include "base/result.hpp"
#include "dhcp/client.hpp"
#include "dhcp/packet.hpp"
#include "dhcp/policy.hpp"

namespace slipway::dhcp {

// Room that an answer may take: 576 octets of IP datagram, which everyone accepts, less headers.
inline constexpr std::size_t kMaxReplyOctets = 548;

enum class Service : std::uint8_t { proxy, boot_server };  // ports 67 and 4011

// How the packet reached us.
struct Arrival {
  Service service = Service::proxy;
  Ipv4 server;                               // our address on that interface; zero when it has none
  Endpoint from;                             // sender of the datagram
  OfferStyle offer = OfferStyle::automatic;  // automatic: the architecture's first
  std::uint16_t client_port = 68;            // where clients listen; differs only in tests
};

struct Reply {
  enum class Kind : std::uint8_t { offer, ack, silent };

  Kind kind = Kind::silent;  // silent: well-formed and ours, but the policy gives it no file
  std::string_view file;     // what was offered; valid as the policy's answer is
  Endpoint to;               // meaningless when silent
  std::size_t octets = 0;    // of `out`; 0 when silent
};

// Whether `packet` is for this service at all. Fails with not_a_request, wrong_type,
// other_boot_item or no_address.
[[nodiscard]] Result<void> accept(const Packet& packet, const Arrival& arrival);

// Asks the policy and writes the answer into `out`, which needs kMaxReplyOctets. The packet was
// accepted and `client` identified from it. Fails with too_large.
[[nodiscard]] Result<Reply> respond(const Packet& packet, const Client& client,
                                    const Arrival& arrival, BootPolicy& policy,
                                    std::span<std::uint8_t> out);

}  // namespace slipway::dhcp
