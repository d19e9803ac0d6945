// dhcp/lease.hpp -- what others must know of leases: the addresses that are given, a lease as it is
// kept, and who keeps it. RFC 2131 s.2.2 and s.4.3.1.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"

namespace slipway::dhcp {

// Addresses of all pools together; an isolated bench has no more hosts.
inline constexpr std::size_t kMaxPoolAddresses = 4096;

// By what a client holds its lease: option 61, or its MAC. The form in which most clients send
// their MAC there (type 1) counts as the MAC, so that a firmware and the iPXE that it starts hold
// one lease. An identifier of more than 64 octets, longer than any DUID that is in use, counts as
// none.
struct ClientId {
  static constexpr std::size_t kMaxOctets = 64;

  [[nodiscard]] static ClientId of(const Mac& mac);
  // `option61` may be empty.
  [[nodiscard]] static ClientId of(const Mac& mac, ByteView option61);
  // As text() gave it; nothing else.
  [[nodiscard]] static std::optional<ClientId> parse(std::string_view text);
  [[nodiscard]] std::string text() const;  // hexadecimal
  [[nodiscard]] ByteView view() const { return ByteView(octets).first(size); }
  bool operator==(const ClientId&) const = default;

  std::array<std::uint8_t, kMaxOctets> octets{};  // zeros behind `size`
  std::uint8_t size = 0;
};

// One point in time by both clocks: leases run by the steady one, and are kept by the other, which
// alone means something after a restart.
struct Moment {
  TimePoint steady{};
  std::int64_t unix_ms = 0;
};

struct AddressRange {
  Ipv4 first, last;  // both are given
  [[nodiscard]] bool contains(Ipv4 address) const { return first <= address && address <= last; }
  [[nodiscard]] std::size_t size() const { return last.number() - first.number() + std::size_t{1}; }
};

// As a person writes it down: `network` only for clients behind a relay, whose network is none of
// our interfaces'.
struct AddressPool {
  AddressRange range{};
  std::optional<Cidr> network{};
};
struct LeasePlan {
  std::vector<AddressPool> pools{};
  std::chrono::seconds length{std::chrono::hours(12)};
  std::vector<Ipv4> gateways{};  // of each network: those that lie in it
  std::vector<Ipv4> dns{};
  std::string domain{};
};

// One network in which leases are given.
struct LeaseNetwork {
  Cidr network{};  // its address is the network's own, all host bits zero
  std::vector<AddressRange> ranges{};
  std::vector<Ipv4> gateways{};
};
struct LeaseSettings {
  std::vector<LeaseNetwork> networks{};
  std::chrono::seconds length{};
  std::vector<Ipv4> dns{};
  std::string domain{};
  std::vector<Ipv4> own{};  // our addresses: what an interface is called by, never given
};

// The plan on the interfaces that are served, each as its address and prefix. Fails when a pool
// lies in none of their networks and names no network of its own, holds the address of a network,
// its broadcast address or one of ours, or when an interface has no pool.
[[nodiscard]] Fallible<LeaseSettings> settle(const LeasePlan& plan, std::span<const Cidr> served);

// A lease as it is kept; `expires_ms` is wall-clock time since 1970.
struct LeaseRecord {
  Cidr network{};
  Ipv4 address{};
  ClientId client{};
  Mac mac{};
  std::int64_t expires_ms = 0;
  bool operator==(const LeaseRecord&) const = default;
};

// Keeps leases where a power cut does not reach them. Deciding thread only.
class LeaseStore {
 public:
  // Called once, on the deciding thread: whether the record is on the disk.
  using Done = std::move_only_function<void(bool kept)>;

  virtual ~LeaseStore() = default;
  // In the place of what was kept of that address. Does not block.
  virtual void keep(const LeaseRecord& record, Done done) = 0;
};

}  // namespace slipway::dhcp
