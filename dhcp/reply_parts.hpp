// dhcp/reply_parts.hpp -- what the answers of the proxy, of the boot server and of the lease server
// have in common. For respond.cpp and lease_respond.cpp only.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/net.hpp"
#include "dhcp/client.hpp"
#include "dhcp/packet.hpp"

namespace slipway::dhcp {

inline constexpr std::uint16_t kRelayPort = 67;
inline constexpr Ipv4 kEveryone{{255, 255, 255, 255}};
inline constexpr std::size_t kFileFieldOctets = 127;  // without its NUL

// Option 43.6 = 8: skip discovery and boot the file of this offer.
inline constexpr std::array<std::uint8_t, 4> kBootOfferedFile{0x06, 0x01, 0x08, 0xff};

// In the header: in option 67 alone shim would lose the directory of its second stage. A longer
// name goes there all the same, with put_long_file().
void set_file(Header& header, std::string_view file);
void put_long_file(Composer& composer, std::string_view file);

void put_type(Composer& composer, MessageType type, Ipv4 server);
// The class and the UUID. Firmware drops an answer with another option 60 than its own class.
void put_boot_identity(Composer& composer, const Packet& packet, const Client& client);
// RFC 3046 s.2.2: a server echoes option 82 unchanged, as the last one.
void put_relay_info(Composer& composer, const Packet& packet);

}  // namespace slipway::dhcp
