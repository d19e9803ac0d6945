// service/neighbours.hpp -- the kernel's neighbour table: which MAC is behind an on-link address.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/net.hpp"

namespace slipway::service {

// Every request for a script asks, so what the kernel answered is remembered until the kernel says
// that the entry has changed (RTNLGRP_NEIGH). What it said is read before each answer: none is
// older than the question. Not thread-safe.
class Neighbours {
 public:
  // The one entry of `address` on the interface (RTM_GETNEIGH). None when the address is not
  // on-link there, not resolved, or not Ethernet.
  [[nodiscard]] std::optional<Mac> mac_of(Ipv4 address, unsigned interface_index);

 private:
  // What the kernel says: an entry with a MAC, or that there is none.
  struct Answer {
    std::optional<Mac> mac;
  };
  [[nodiscard]] std::optional<Answer> ask(Ipv4 address, unsigned interface_index);
  [[nodiscard]] std::optional<Answer> answer_to(std::uint32_t sequence);
  [[nodiscard]] bool listen();
  [[nodiscard]] bool hear();
  void forget(ByteView news);

  Descriptor questions_, news_;  // made with the first question, and again after a failure
  std::uint32_t sequence_ = 0;
  std::unordered_map<std::uint64_t, std::optional<Mac>> known_;  // by interface and address
};

}  // namespace slipway::service
