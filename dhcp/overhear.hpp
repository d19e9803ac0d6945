// dhcp/overhear.hpp -- what other servers of the LAN answer to boot clients. RFC 2131, PXE 2.1.
//
// A boot server beside a foreign DHCP server must know three things that only that server's answers
// tell: that another boot server answers too, that the DHCP server calls itself a PXE server (every
// UEFI client then asks it on port 4011 and gives up), and that its leases name a boot file or
// another server, which shim and GRUB prefer to ours. Nothing is sent and nothing is stored here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "base/udp.hpp"

namespace slipway::dhcp {

struct Packet;

// One offer or acknowledgement of some server, ours included: the caller knows its own addresses.
struct Overheard {
  enum class Kind : std::uint8_t {
    choice,      // a client says whose lease it takes; no server's word
    lease,       // a DHCP server that leaves booting to others
    boot_lease,  // ... whose lease names a boot file, or a server that is not itself
    pxe_lease,   // ... whose lease carries a PXE or HTTP boot class: UEFI asks *it* on port 4011
    proxy        // another boot server: a class and no lease
  };

  Kind kind = Kind::lease;
  Ipv4 ip{};                  // the server: option 54, else the sender of the datagram
  Mac mac{};                  // its frame's; of a relay that stands between; zero with a choice
  std::uint32_t xid = 0;      // of the client's request
  Mac client{};               // who was answered, or chose
  Ipv4 lease{};               // yiaddr; zero from a proxy
  Ipv4 next_server{};         // siaddr; GRUB 2.06 loads from here whatever a proxy says
  bool names_file = false;    // in the header, or option 67
  bool acknowledges = false;  // an ACK; else an OFFER
  bool operator==(const Overheard&) const = default;
};
inline constexpr std::size_t kOverheardKinds = 5;

[[nodiscard]] std::string_view name_of(Overheard::Kind kind);  // "lease", "boot-lease", ...

// Reads one UDP payload that was sent to a client. Nothing when it is no offer or acknowledgement
// of a lease or of a boot server, or is malformed.
[[nodiscard]] std::optional<Overheard> overhear(ByteView udp_payload, Ipv4 from, const Mac& sender);

// What a client's own REQUEST on port 67 tells: whose lease it takes (option 54), also where the
// offers themselves went by unicast. Nothing for other packets and for renewals, which name nobody.
[[nodiscard]] std::optional<Overheard> choice_of(const Packet& request);

// The UDP datagram in one IPv4 packet; views into it.
struct Datagram {
  Endpoint from, to;
  ByteView payload;
};
// Nothing for other protocols, fragments, and packets shorter than they say. Checksums are not
// looked at: a packet taken on its way through this machine may not have one yet.
[[nodiscard]] std::optional<Datagram> udp_in(ByteView ip_packet);

// Listens on one interface beside everyone else: a packet socket, which takes no datagram away
// from the machine's own DHCP client, as a second socket on port 68 would. It hears what is
// broadcast, and what is sent to this machine; a server that answers a client by unicast is heard
// only where the switch floods it.
class Ear {
 public:
  // `client_port` differs from 68 in tests only. Fails without CAP_NET_RAW or the interface.
  [[nodiscard]] static Fallible<Ear> open(const std::string& interface,
                                          std::uint16_t client_port = 68);

  // Non-blocking; to be waited on for reading.
  [[nodiscard]] int descriptor() const { return socket_.get(); }
  // The caller closes it from now on.
  [[nodiscard]] int release() { return socket_.release(); }

 private:
  explicit Ear(Descriptor socket) : socket_(std::move(socket)) {}
  Descriptor socket_;
};

// Takes the next waiting packet of an Ear's `descriptor`. `heard` is set when it was an answer of a
// server. `nothing` when none waits; `failed` when the interface went down, which is cleared by
// this.
[[nodiscard]] Receive listen(int descriptor, std::optional<Overheard>& heard);

}  // namespace slipway::dhcp
