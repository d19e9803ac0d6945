#include "provisioning/lookout.hpp"

#include "base/failures.hpp"

namespace slipway::provisioning {
namespace {

// A firmware that bears neither form is offered the one and the other for as long as it asks.
constexpr unsigned kChangesSaid = 2;

bool may_stand_still(HostState state) {
  using enum HostState;
  return state == discovered || state == assigned || state == armed || state == booting;
}

std::string text_of(const Diagnosis& diagnosis) {
  auto text = std::string(diagnosis.name) + ": " + diagnosis.detail;
  const auto* kind = find_failure_kind(diagnosis.name);
  return kind == nullptr ? text : text + ". " + std::string(kind->remedy);
}

}  // namespace

std::optional<Diagnosis> diagnosis_of(const Host& host, const Journey& journey, TimePoint now) {
  if (!may_stand_still(host.state)) return std::nullopt;
  return diagnose(journey.passage(host.id), now);
}

void Lookout::hear(const Mac& client, Heard what, const Sight& server) {
  const auto* host = ledger_.hosts().by_mac(client);
  if (host != nullptr) ledger_.journey().boot_of(host->id).hear(what, server);
}

void Lookout::offered(const Mac& client, dhcp::OfferStyle style, bool changed) {
  const auto* host = ledger_.hosts().by_mac(client);
  if (host == nullptr || !ledger_.journey().knows(host->id)) return;
  auto& boot = ledger_.journey().boot_of(host->id);
  boot.offer = style;
  if (!changed || ++boot.offer_changes > kChangesSaid) return;
  ledger_.note(*host, "host.offer_changed",
               "did not go on from its last offer; this one is " + std::string(name_of(style)));
}

void Lookout::start() {
  ledger_.scheduler().after(kLookEvery, [this] {
    look();
    start();
  });
}

void Lookout::look() {
  const auto now = ledger_.now().steady;
  auto& journey = ledger_.journey();
  unsigned strangers = 0;
  ledger_.hosts().each([&](const Host& host) {
    if (!journey.knows(host.id)) return;
    auto& boot = journey.boot_of(host.id);
    const auto diagnosis = diagnosis_of(host, journey, now);
    if (!diagnosis) {
      // Firmware that begins anew every minute is not said anew every minute.
      if (boot.has(Milestone::script) || boot.sent_home) boot.said.clear();
      return;
    }
    if (boot.said == diagnosis->name) return;
    // A flood of forged clients stands still, too; the operators' plane shows them all the same.
    const bool is_stranger = host.state == HostState::discovered && !host.in_inventory;
    if (is_stranger && ++strangers > kStrangersALook) return;
    boot.said = diagnosis->name;
    ledger_.alarm(host, "host.stuck", text_of(*diagnosis));
  });
}

}  // namespace slipway::provisioning
