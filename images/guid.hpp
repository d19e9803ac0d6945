// images/guid.hpp -- the GUIDs of partition tables. RFC 9562; octet order of UEFI 2.10 appendix A.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::images {

struct Guid {
  std::array<std::uint8_t, 16> octets{};  // as on the disk: the first three groups little-endian

  [[nodiscard]] static std::optional<Guid> parse(std::string_view text);  // 8-4-4-4-12, any case
  [[nodiscard]] static Guid random();                                     // RFC 9562 version 4
  [[nodiscard]] std::string text() const;                                 // upper case
  bool operator==(const Guid&) const = default;
};

}  // namespace slipway::images
