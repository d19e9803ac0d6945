// tftp/half_open.hpp -- the transfers whose client has not answered yet, in a table of fixed size.
//
// A request may be forged: until an ACK shows that somebody is there, a transfer is its place in
// this table and no more. It has no socket, no timer and no memory of its own. No I/O here: the
// owner sends what the sessions give.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/net.hpp"
#include "tftp/session.hpp"

namespace slipway::tftp {

// A file's name as the log and a host's timeline show it: its first octets.
class ShownName {
 public:
  static constexpr std::size_t kOctets = 94;
  explicit ShownName(std::string_view name)
      : octets_(static_cast<std::uint8_t>(name.substr(0, kOctets).copy(text_.data(), kOctets))) {}
  [[nodiscard]] std::string_view text() const { return {text_.data(), octets_}; }

 private:
  std::array<char, kOctets> text_{};
  std::uint8_t octets_;
};

struct HalfOpen {
  Session session;
  std::size_t request;  // the request's fingerprint, to know it again
  std::uint32_t interface_index;
  Ipv4 local;             // our address that was asked
  Endpoint peer;          // the client's address and transfer ID
  std::uint8_t our_port;  // which of the server's transfer ports
  ShownName name;
};

class HalfOpenTable {
 public:
  explicit HalfOpenTable(std::size_t places);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool full() const { return entries_.size() == places_; }
  [[nodiscard]] std::size_t count_of(Ipv4 peer) const;

  // Null when there is none. What these return is good until the next add() or remove().
  [[nodiscard]] HalfOpen* find(Endpoint peer);
  [[nodiscard]] HalfOpen* oldest(std::optional<Ipv4> of_peer = std::nullopt);
  // In no particular order; remove() moves the last one into the place that becomes free.
  [[nodiscard]] HalfOpen& at(std::size_t index) { return entries_[index]; }

  // The table must not be full, nor hold the same peer.
  HalfOpen& add(HalfOpen entry);
  HalfOpen remove(const HalfOpen& entry);
  void clear();

  // When the first of them wants to be looked at again; nothing when there are none.
  [[nodiscard]] std::optional<TimePoint> deadline() const;

 private:
  // Apart from the rest, so that a search reads little.
  struct Key {
    Endpoint peer;
    std::uint32_t order;  // counts up, and may wrap
  };
  static_assert(sizeof(HalfOpen) + sizeof(Key) <= 256, "what a forged request may cost");

  std::size_t places_;
  std::uint32_t next_order_ = 0;
  std::vector<HalfOpen> entries_;
  std::vector<Key> keys_;  // as long as entries_
};

}  // namespace slipway::tftp
