// provisioning/lookout.hpp -- looks after hosts that began to boot and stand still, and says why.
//
// Deciding thread only. It changes no host: a diagnosis is said in the log, the timeline and the
// operators' plane, and is gone when the host gets on.
#pragma once

#include <chrono>
#include <optional>

#include "provisioning/diagnosis.hpp"
#include "provisioning/ledger.hpp"

namespace slipway::provisioning {

// Of a host that nobody works on yet and that is not done; nothing of any other.
[[nodiscard]] std::optional<Diagnosis> diagnosis_of(const Host& host, const Journey& journey,
                                                    TimePoint now);

class Lookout {
 public:
  explicit Lookout(Ledger& ledger) : ledger_(ledger) {}

  // Another server of the LAN answered `client`, or `client` said that it takes its lease.
  void hear(const Mac& client, Heard what, const Sight& server);

  // `client`, a firmware's own PXE, was sent to its file by `style`; `changed`: it had not gone on
  // from the offer before, which was of the other form.
  void offered(const Mac& client, dhcp::OfferStyle style, bool changed);

  // Begins to look, every kLookEvery.
  void start();
  // One such look: each new diagnosis once as host.stuck, until the host got further.
  void look();

  static constexpr std::chrono::seconds kLookEvery{5};
  // Hosts that were only discovered: so many diagnoses of them a look.
  static constexpr unsigned kStrangersALook = 5;

 private:
  Ledger& ledger_;
};

}  // namespace slipway::provisioning
