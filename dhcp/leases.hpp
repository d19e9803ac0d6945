// dhcp/leases.hpp -- which client holds which address. RFC 2131 s.4.3.
//
// Pure: time comes in, what must be written down goes out. All memory but that of addresses which
// are reserved outside the pools is taken at the start; a packet takes none. An offer is no promise
// here: who asks first for an offered address gets it, so that a crowd of forged clients, which
// never ask, cannot keep addresses from others.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "dhcp/lease.hpp"
#include "dhcp/policy.hpp"

namespace slipway::dhcp {

// Firmware collects offers for some seconds and asks again after 4, 8, 16 and 32 s.
inline constexpr std::chrono::seconds kOfferHeld{60};
// Somebody else uses it, as a client found out (RFC 2131 s.4.3.3).
inline constexpr std::chrono::minutes kDeclinedFor{10};
// A lease that was kept so lately is said again as it is, and not kept anew: a lost ACK.
inline constexpr std::chrono::seconds kFresh{30};
// Of a lease that is taken up after a restart, whatever the wall clock did meanwhile.
inline constexpr std::chrono::hours kLongestLease{24};

// One client and what it asks for.
struct LeaseAsk {
  ClientId client{};
  Mac mac{};
  Ipv4 wanted{};                   // option 50 or ciaddr; zero: none
  std::optional<Ipv4> reserved{};  // the address that the inventory gives this client
  Moment now{};
};

enum class Claim : std::uint8_t {
  keep,     // it is the client's as soon as the record is kept
  repeat,   // it is the client's already, and kept
  refused,  // it is another's, or of another network
  unknown,  // nobody knows of such a lease
  pending   // its record is on the way to the disk
};
struct Claimed {
  Claim claim = Claim::unknown;
  std::chrono::seconds length{};  // of the lease from now, for `keep` and `repeat`
};

struct LeaseCounts {
  std::size_t all = 0, leased = 0, offered = 0, declined = 0;
};

class Leases {
 public:
  // Where a new client's address is looked for first depends on `seed`, so that nobody can aim.
  Leases(LeaseSettings settings, std::uint64_t seed);

  [[nodiscard]] const LeaseSettings& settings() const { return settings_; }
  // The network that holds `address`, or null.
  [[nodiscard]] const LeaseNetwork* network_at(Ipv4 address) const;

  // A lease as it was kept. Its time goes on as far as the wall clock can be believed.
  void restore(const LeaseRecord& record, Moment now);

  // An address for a DISCOVER: the reserved one, the one that it has or had, the wanted one, one
  // that nobody had, the one that was free longest. Nothing when all are in use.
  [[nodiscard]] std::optional<Ipv4> offer(const LeaseAsk& ask, const LeaseNetwork& network,
                                          BootPolicy& policy);
  // What becomes of a REQUEST for `ask.wanted`. `selects` says that it takes our offer; otherwise
  // it goes on with a lease that it had. After `keep` the caller says kept().
  [[nodiscard]] Claimed claim(const LeaseAsk& ask, const LeaseNetwork& network, bool selects,
                              BootPolicy& policy);
  // The record that claim() asked for is on the disk, or is not.
  void kept(Ipv4 address, bool on_disk, TimePoint now);

  // The client gives its lease back, or says that somebody else uses the address. False when it is
  // not its own.
  [[nodiscard]] bool release(const ClientId& client, Ipv4 address, TimePoint now);
  [[nodiscard]] bool decline(const ClientId& client, Ipv4 address, TimePoint now);
  // It took another server's offer.
  void forget_offer(const ClientId& client, TimePoint now);

  [[nodiscard]] LeaseCounts count(TimePoint now) const;

 private:
  enum class State : std::uint8_t { unused, offered, leased, declined };

  // What a search reads, apart from who it is, so that a search stays in the cache.
  struct Slot {
    TimePoint until{};      // of the state; afterwards it is free
    std::uint64_t key = 0;  // of the client that has or had it; 0: nobody
    State state = State::unused;
    bool pending = false;  // the record is on the way to the disk
  };
  struct Holder {
    Ipv4 address{};
    ClientId client{};
    Mac mac{};
    TimePoint pending_until{};
  };

  [[nodiscard]] std::uint64_t key_of(const ClientId& client) const;
  [[nodiscard]] std::optional<std::size_t> place_of(Ipv4 address) const;
  [[nodiscard]] std::optional<std::size_t> place_for(Ipv4 address, const LeaseAsk& ask);
  [[nodiscard]] bool is_of(std::size_t place, std::uint64_t key, const ClientId& client) const;
  [[nodiscard]] bool is_held(std::size_t place, TimePoint now) const;
  [[nodiscard]] bool is_open_to(std::size_t place, const LeaseAsk& ask, BootPolicy& policy) const;
  [[nodiscard]] std::optional<std::size_t> own_place(const LeaseAsk& ask,
                                                     const LeaseNetwork& network) const;
  [[nodiscard]] std::optional<std::size_t> free_place(const LeaseAsk& ask,
                                                      const LeaseNetwork& network,
                                                      BootPolicy& policy) const;
  [[nodiscard]] Claim without_place(const LeaseAsk& ask, const LeaseNetwork& network,
                                    bool selects) const;
  [[nodiscard]] std::optional<std::size_t> choose(const LeaseAsk& ask, const LeaseNetwork& network,
                                                  BootPolicy& policy);

  LeaseSettings settings_;
  std::uint64_t seed_;
  std::size_t pooled_ = 0;  // the first places are the pools', in their order
  std::vector<Slot> slots_;
  std::vector<Holder> holders_;
};

}  // namespace slipway::dhcp
