// What the gate says where we give the leases ourselves (dhcp: {mode: server}).
#include "provisioning/gate.hpp"

namespace slipway::provisioning {

std::optional<Ipv4> Gate::reserved_address(const Mac& client) {
  const auto* entry = ledger_.inventory()->host_by_mac(client);
  return entry == nullptr ? std::nullopt : entry->bench_address;
}

bool Gate::is_reserved(Ipv4 address) {
  return ledger_.inventory()->host_by_bench_address(address) != nullptr;
}

// A boot client is known by its address now, also behind a router, where the neighbour table does
// not tell who asks for a file.
void Gate::leased(const Mac& client, Ipv4 address, Ipv4 server) {
  const auto now = ledger_.now().steady;
  if (was_answered({}, client)) addresses_.see(address, now);
  const auto* host = ledger_.hosts().by_mac(client);
  if (host == nullptr || !ledger_.journey().knows(host->id)) return;
  ledger_.journey().boot_of(host->id).hear(Heard::lease, {.ip = server, .mac = {}, .at = now});
}

}  // namespace slipway::provisioning
