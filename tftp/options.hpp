// tftp/options.hpp -- what client and server agree on before the first block. RFC 2347 (how),
// 2348 (blksize), 2349 (timeout, tsize), 7440 (windowsize).
//
// Option names ignore case. Only what the client asked for is ever agreed: an unasked tsize in an
// OACK breaks UEFI clients.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace slipway::tftp {

// A block of 1468 octets with its headers fills a frame of 1500; many ROMs cannot reassemble.
inline constexpr std::uint16_t kMaxBlockOctets = 1468;
inline constexpr std::uint16_t kMaxWindowBlocks = 64;

// The agreed terms; what is absent was not asked for, or not in a form that we accept.
struct Terms {
  std::optional<std::uint16_t> block_octets;        // 8..the limit given to agree()
  std::optional<std::uint16_t> window_blocks;       // 1..kMaxWindowBlocks
  std::optional<std::chrono::seconds> retry_after;  // 1..255 s; must be echoed unchanged
  bool size = false;                                // the client wants to know the file's size

  [[nodiscard]] bool any() const { return block_octets || window_blocks || retry_after || size; }
};

// Reads the options of a request. Unknown ones, values out of range and repetitions are passed
// over, as RFC 2347 allows; a string without its NUL ends the list.
[[nodiscard]] Terms agree(ByteView options, std::uint16_t max_block_octets = kMaxBlockOctets);

// The OACK for `terms`; `size_octets` is the file's size.
void write_oack(Writer& writer, const Terms& terms, std::uint64_t size_octets);

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII only

}  // namespace slipway::tftp
