// What the store does with leases.
#include "provisioning/store_steps.hpp"

namespace slipway::provisioning::store_detail {

void apply_step(StepContext& context, const KeepLease& step) {
  const auto& lease = step.lease;
  run(context.sql,
      "INSERT INTO leases (network, address, client, mac, expires_ms) VALUES (:1, :2, :3, :4, :5) "
      "ON CONFLICT (network, address) DO UPDATE SET client = excluded.client, mac = excluded.mac, "
      "expires_ms = excluded.expires_ms",
      lease.network.text(), lease.address, lease.client.text(), lease.mac, lease.expires_ms);
}

std::vector<dhcp::LeaseRecord> read_leases(soci::session& sql) {
  std::vector<dhcp::LeaseRecord> leases;
  each_row<std::string, std::string, std::string, std::string, long long>(
      sql, "SELECT network, address, client, mac, expires_ms FROM leases", [&](const auto& row) {
        const auto& [network_text, address_text, client_text, mac_text, expires_ms] = row;
        const auto network = Cidr::parse(network_text);
        const auto address = Ipv4::parse(address_text);
        const auto client = dhcp::ClientId::parse(client_text);
        const auto mac = Mac::parse(mac_text);
        if (!network || !address || !client || !mac) {
          throw soci::soci_error("the lease of " + address_text + " cannot be read");
        }
        leases.push_back({*network, *address, *client, *mac, expires_ms});
      });
  return leases;
}

}  // namespace slipway::provisioning::store_detail
