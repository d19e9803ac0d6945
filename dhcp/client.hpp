// dhcp/client.hpp -- who is asking: from a DHCP packet to a PXE client. RFC 4578, UEFI s.24.
//
// The quirks of firmwares live here, each in a named function with a test of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::dhcp {

struct Packet;

enum class Arch : std::uint8_t { bios, uefi_x64, http_x64 };

// One client as its packet describes it. Views point into the packet.
struct Client {
  Mac mac;
  std::optional<Uuid> uuid;  // option 97 in canonical order; none when absent or all zeros
  Ipv4 address;              // ciaddr: set in requests to port 4011, zero in a DISCOVER
  Arch arch = Arch::bios;
  std::uint16_t arch_code = 0;    // the value of option 93 that decided `arch`
  bool ipxe = false;              // the asker is iPXE, whoever's
  bool ipxe_can_boot = false;     // ... and has HTTP and can start a kernel: give it the script
  std::string_view vendor_class;  // option 60, trailing NULs removed
  std::string_view user_class;    // option 77 as it came, printable or not; empty when absent
};

// The class that option 60 begins with, "PXEClient" or "HTTPClient"; empty for any other text.
[[nodiscard]] std::string_view boot_class(std::string_view vendor_class);

// Not ours (silence, counted): `not_a_request`, `not_pxe`, `unknown_arch`. Malformed: `bad_uuid`.
[[nodiscard]] Result<Client> identify(const Packet& packet);

}  // namespace slipway::dhcp
