// dhcp/packet.hpp -- DHCPv4 messages: octets <-> Packet. RFC 2131 s.2, RFC 2132, RFC 3396.
//
//   0 op  1 htype  2 hlen  3 hops  4 xid  8 secs  10 flags  12 ciaddr  16 yiaddr  20 siaddr
//   24 giaddr  28 chaddr(16)  44 sname(64)  108 file(128)  236 cookie  240 options
//
// Pure functions without allocation: no socket, clock, log or config. A Packet is views over the
// receive buffer. What we do with a packet lives in client.hpp and respond.hpp, not here.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "dhcp/errc.hpp"
#include "dhcp/options.hpp"

namespace slipway::dhcp {

inline constexpr std::size_t kHeaderOctets = 240;  // up to and with the cookie
// Relays and ROMs of BOOTP's time drop shorter messages (RFC 951 s.3: a vend field of 64).
inline constexpr std::size_t kMinimumOctets = 300;
inline constexpr std::uint16_t kBroadcastFlag = 0x8000;

enum class Op : std::uint8_t { request = 1, reply = 2 };

enum class MessageType : std::uint8_t {
  discover = 1,
  offer,
  request,
  decline,
  ack,
  nak,
  release,
  inform
};

// The fixed fields. htype and hlen are always Ethernet here.
struct Header {
  Op op = Op::reply;
  std::uint32_t xid = 0;    // opaque; a reply echoes it
  std::uint16_t secs = 0;   // seconds since the client began, as the client counts them
  std::uint16_t flags = 0;  // kBroadcastFlag or nothing
  Ipv4 ciaddr, yiaddr, siaddr, giaddr;
  Mac mac;                 // chaddr
  std::string_view sname;  // at most 63 octets are written; a view when parsed
  std::string_view file;   // at most 127 octets are written; a view when parsed
};

// The options of one message, in up to three fields (RFC 2131 s.4.1: option 52 lends the file and
// sname fields to options). Options that come in parts are joined (RFC 3396).
class Options {
 public:
  // Fails with option_overrun, also when the joined parts exceed 512 octets altogether, which no
  // sane client comes near.
  [[nodiscard]] static Result<Options> parse(ByteView wire);

  // The joined value of an option; looks into the wire or, for one that came in parts, into this
  // object. Nothing when it is absent.
  [[nodiscard]] std::optional<ByteView> find(Option code) const;

  // Each field to be walked with OptionReader; unused ones are empty.
  [[nodiscard]] std::span<const ByteView, 3> fields() const { return fields_; }

 private:
  struct Joined {
    Option code = Option::pad;
    std::uint16_t start = 0;
    std::uint16_t octets = 0;
  };

  [[nodiscard]] bool check(ByteView field, std::bitset<256>& seen);
  [[nodiscard]] bool join(Option code);
  [[nodiscard]] const Joined* joined(Option code) const;

  std::array<ByteView, 3> fields_;
  std::array<Joined, 8> joined_;
  std::size_t joined_count_ = 0;
  std::array<std::uint8_t, 512> store_;  // left unset: only what joined_ names is read
};

struct Packet : Header {
  MessageType type = MessageType::discover;
  Options options;
};

// Parses one UDP payload, which must outlive the Packet. Never throws and never reads past
// `wire`, whatever it holds. Fails with truncated, bad_cookie, not_ethernet, option_overrun or
// no_message_type.
[[nodiscard]] Result<Packet> parse(ByteView wire);

// Builds one message in the caller's span: header, options in the order of the calls, end, pads
// up to kMinimumOctets.
class Composer {
 public:
  Composer(std::span<std::uint8_t> out, const Header& header);

  // A value longer than 255 octets is split (RFC 3396); an empty one is written with length 0.
  void option(Option code, ByteView value);
  void option(Option code, std::string_view value) { option(code, as_bytes(value)); }

  // The message's length. Fails with too_large when the span was too short: nothing is ever
  // dropped to make it fit.
  [[nodiscard]] Result<std::size_t> finish();

 private:
  Writer writer_;
};

}  // namespace slipway::dhcp
