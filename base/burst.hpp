// base/burst.hpp -- a row of datagrams to one peer that are equally long but for the last.
//
// Datagram i is the i-th part of `headers`, then the i-th part of `payload`. Nothing is owned.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.hpp"

namespace slipway {

struct Burst {
  std::size_t datagrams = 0;
  ByteView headers{};              // `datagrams` parts of one length, which is not zero
  ByteView payload{};              // parts of payload_octets; the last has what is left, or nothing
  std::size_t payload_octets = 0;  // zero when there is no payload

  [[nodiscard]] std::size_t header_octets() const {
    return datagrams == 0 ? 0 : headers.size() / datagrams;
  }
  [[nodiscard]] ByteView header_of(std::size_t index) const {
    return headers.subspan(index * header_octets(), header_octets());
  }
  [[nodiscard]] ByteView payload_of(std::size_t index) const {
    const auto at = std::min(index * payload_octets, payload.size());
    return payload.subspan(at, std::min(payload_octets, payload.size() - at));
  }
};

}  // namespace slipway
