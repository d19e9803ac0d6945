// dhcp/offer_styles.hpp -- how each client is sent to its file, as far as experience shows.
//
// Firmware differs in which form of offer it bears (PXE 2.1 s.2.2 leaves both to it), and what it
// does not bear it ignores without a word: it only asks again. So `automatic` begins with the form
// that most firmware of the architecture takes, changes it when the same client asks again without
// having gone on, and keeps what worked. Pure: time and packets come in, nothing goes out. Fixed
// memory.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/net.hpp"
#include "base/scheduler.hpp"
#include "dhcp/client.hpp"
#include "dhcp/policy.hpp"

namespace slipway::dhcp {

// A repetition sooner than this gets the same answer: a relay's copy, or a client that asks twice.
// EDK2 asks again after 4, 8, 16 and 32 s, a BIOS ROM the same (PXE 2.1 s.2.2.3).
inline constexpr std::chrono::seconds kSameOffer{3};
// With another transaction, a client that comes back within this time has not gone on: the boot
// order begins anew. OVMF takes 136 s for all its network entries.
inline constexpr std::chrono::minutes kSameTrouble{5};

// The form to begin with: measured with EDK2, which takes both but prefers a rival's; pixiecore's
// and dnsmasq's long experience with other firmware.
[[nodiscard]] OfferStyle first_style(Arch arch);

// Whether the form matters: an iPXE boots an offered file as soon as siaddr is set, and a HTTP
// client wants nothing but the URL.
[[nodiscard]] bool is_firmware_pxe(const Client& client);

class OfferStyles {
 public:
  static constexpr std::size_t kSets = 256, kWays = 4;

  // Where in the table a client stands depends on `seed`, so that nobody can aim at its neighbours.
  explicit OfferStyles(std::uint64_t seed) : seed_(seed) {}

  // One DISCOVER of a firmware's own PXE.
  struct Ask {
    Mac mac{};
    Arch arch = Arch::bios;
    std::uint32_t xid = 0;
    TimePoint now{};
  };

  // The time of the offer to `mac` after which nothing was heard of it; nothing when it went on, or
  // is not known.
  [[nodiscard]] std::optional<TimePoint> waits_since(const Mac& mac) const;
  // The form for the next offer to `client`, with the policy's word on it: binl or direct.
  [[nodiscard]] OfferStyle choose(const Client& client, const Ask& ask, BootPolicy& policy);
  // The same by experience alone.
  [[nodiscard]] OfferStyle next(const Ask& ask) const;
  // An offer of that form was made. True when it is another one than the last.
  bool offered(const Ask& ask, OfferStyle style);
  // The client asked port 4011, fetched something, or is an iPXE by now: the form was good.
  void went_on(const Mac& mac);
  // What worked for `mac`; automatic when nothing did yet.
  [[nodiscard]] OfferStyle worked(const Mac& mac) const;

 private:
  struct Slot {
    Mac mac{};
    Arch arch = Arch::bios;
    OfferStyle current = OfferStyle::automatic;  // automatic: the slot is free
    OfferStyle worked = OfferStyle::automatic;
    bool went_on = false;
    std::uint32_t xid = 0;
    TimePoint offered{};  // the first offer of this form
  };
  using Set = std::array<Slot, kWays>;

  [[nodiscard]] std::size_t place(const Mac& mac) const;
  [[nodiscard]] const Slot* find(const Mac& mac) const;
  [[nodiscard]] Slot* find(const Mac& mac);
  [[nodiscard]] Slot& slot_for(const Mac& mac);

  std::uint64_t seed_;
  std::array<Set, kSets> sets_{};
};

}  // namespace slipway::dhcp
