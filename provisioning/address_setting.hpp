// provisioning/address_setting.hpp -- an IPv4 address, as slipway.yaml and hosts say it.
#pragma once

#include <optional>

#include "base/net.hpp"
#include "provisioning/fields.hpp"

namespace slipway::provisioning {

// What reads with require_address() is text like this.
[[nodiscard]] inline Shape address_shape() { return text_like("^[0-9]{1,3}(\\.[0-9]{1,3}){3}$"); }

// The address that `value` writes down, or a mistake and nothing.
[[nodiscard]] inline std::optional<Ipv4> require_address(const Value& value, Mistakes& mistakes) {
  const auto* text = value.string();
  const auto address = text != nullptr ? Ipv4::parse(*text) : std::nullopt;
  if (address && !address->is_zero()) return address;
  mistakes.push_back({value.mark, shown(value) + " is no IPv4 address; write 10.77.0.100"});
  return std::nullopt;
}

}  // namespace slipway::provisioning
