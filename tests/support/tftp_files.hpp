// tests/support/tftp_files.hpp -- published files in memory, one that breaks, and datagrams.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/burst.hpp"
#include "base/bytes.hpp"
#include "tftp/files.hpp"

namespace slipway::test {

// Octets in which every block differs from its neighbours.
inline Bytes pattern(std::size_t octets) {
  Bytes out(octets);
  std::uint32_t state = 2463534242U;
  for (auto& octet : out) {
    state ^= state << 13U, state ^= state >> 17U, state ^= state << 5U;
    octet = static_cast<std::uint8_t>(state);
  }
  return out;
}

class MemorySource : public tftp::Source {
 public:
  explicit MemorySource(Bytes octets) : octets_(std::move(octets)) {}
  [[nodiscard]] std::uint64_t size_octets() const override { return octets_.size(); }
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<std::uint8_t> out) const override {
    if (offset >= fail_at) return std::unexpected(std::make_error_code(std::errc::io_error));
    const auto rest = ByteView(octets_).subspan(offset);
    const auto count = std::min(rest.size(), out.size());
    std::ranges::copy(rest.first(count), out.begin());
    return count;
  }
  std::uint64_t fail_at = UINT64_MAX;

 private:
  Bytes octets_;
};

class MemoryFiles : public tftp::Files {
 public:
  bool may_ask(Ipv4) override { return known; }
  std::shared_ptr<const tftp::Source> open(std::string_view name, Ipv4, Ipv4) override {
    const auto found = files.find(std::string(name));
    if (found == files.end()) return nullptr;
    return std::make_shared<MemorySource>(found->second);
  }
  void sent(std::string_view name, Ipv4 peer, std::uint64_t octets) override {
    log.push_back(std::string(name) + " to " + peer.text() + " " + std::to_string(octets));
  }
  bool known = true;
  std::map<std::string, Bytes> files;
  std::vector<std::string> log;
};

inline Bytes to_octets(std::string_view text) {
  const auto view = as_bytes(text);
  return {view.begin(), view.end()};
}

// A datagram from its 16-bit words and a text behind them.
inline Bytes datagram(std::initializer_list<int> words, std::string_view text = {}) {
  Bytes out;
  for (const int word : words) {
    out.push_back(static_cast<std::uint8_t>(word >> 8));
    out.push_back(static_cast<std::uint8_t>(word));
  }
  const auto rest = as_bytes(text);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

// The datagrams of a burst, each as it goes over the wire.
inline std::vector<Bytes> datagrams_of(const Burst& burst) {
  std::vector<Bytes> all;
  for (std::size_t i = 0; i < burst.datagrams; ++i) {
    const auto header = burst.header_of(i);
    const auto payload = burst.payload_of(i);
    auto& wire = all.emplace_back(header.begin(), header.end());
    wire.insert(wire.end(), payload.begin(), payload.end());
  }
  return all;
}

inline Bytes ack(int block) { return datagram({4, block & 0xffff}); }

}  // namespace slipway::test
