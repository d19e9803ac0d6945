// What the gate tells a host's timeline of its DHCP requests.
#include "provisioning/gate.hpp"

namespace slipway::provisioning {
namespace {

// A firmware asks several times within seconds; the timeline shows that once.
constexpr std::chrono::seconds kNoteAgain{20};

}  // namespace

void Gate::unknown_arch(const Mac& client, std::uint16_t arch_code) {
  const auto* host = ledger_.hosts().by_mac(client);
  if (host != nullptr) ledger_.journey().ask_in_vain(host->id, arch_code, ledger_.now().steady);
}

// For the timeline: each boot once, and what repeats itself every kNoteAgain.
void Gate::note_boot(Host& host, const dhcp::Client& client, std::string_view file, TimePoint now) {
  auto& journey = ledger_.journey();
  const auto who = std::string(client.ipxe ? "iPXE" : "firmware");
  // Only who has an address comes to port 4011.
  if (!client.address.is_zero()) {
    if (journey.passage(host.id).has(Milestone::boot_server)) return;
    ledger_.reach(host, Milestone::boot_server);
    return ledger_.note(
        host, "host.boot_server_asked",
        who + " asked port 4011 from " + client.address.text() + ", was told " + std::string(file));
  }
  const bool had_ipxe = journey.passage(host.id).ipxe_asked.has_value();
  const bool is_new = journey.ask(host.id, client, now) || (!had_ipxe && client.ipxe_can_boot);
  if (!is_new && host.dhcp_noted && now - *host.dhcp_noted < kNoteAgain) return;
  host.dhcp_noted = now;
  ledger_.note(host, "host.dhcp_asked",
               who + " asked by DHCP, architecture " + std::to_string(client.arch_code) +
                   ", was offered " + std::string(file));
}

}  // namespace slipway::provisioning
