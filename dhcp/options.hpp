// dhcp/options.hpp -- DHCP options: their codes and a walk over code-length-value fields.
// RFC 2132; RFC 4578 (93, 94, 97); RFC 3004 (77); RFC 3046 (82); iPXE's 175.
//
// The same encoding is used inside option 43 (PXE 2.1) and 175 (iPXE), so the walk serves both.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace slipway::dhcp {

enum class Option : std::uint8_t {
  pad = 0,
  subnet_mask = 1,
  routers = 3,
  dns = 6,
  domain = 15,
  broadcast_address = 28,
  vendor_info = 43,
  requested_address = 50,
  lease_time = 51,
  overload = 52,
  message_type = 53,
  server_id = 54,
  message = 56,
  renewal_time = 58,
  rebinding_time = 59,
  vendor_class = 60,
  client_id = 61,
  boot_file = 67,
  user_class = 77,
  relay_info = 82,
  client_arch = 93,
  client_uuid = 97,
  ipxe = 175,
  end = 255,
};

struct OptionView {
  Option code = Option::pad;
  ByteView value;  // at most 255 octets; looks into the walked field
};

// Walks one field: pads are skipped, the walk stops at an end option or at the field's end (a
// missing end option is common and harmless).
class OptionReader {
 public:
  explicit OptionReader(ByteView field) : reader_(field) {}

  // The next option, or nothing at the end. An option that reaches past the field ends the walk
  // and sets overrun().
  [[nodiscard]] std::optional<OptionView> next();
  [[nodiscard]] bool overrun() const { return reader_.failed(); }

 private:
  Reader reader_;
};

// The value of the first option `code` in `field`; nothing when it is absent or behind a fault.
[[nodiscard]] std::optional<ByteView> find_option(ByteView field, Option code);

}  // namespace slipway::dhcp
