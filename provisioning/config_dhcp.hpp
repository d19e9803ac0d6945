// provisioning/config_dhcp.hpp -- `dhcp` of slipway.yaml.
#pragma once

#include "provisioning/config.hpp"
#include "provisioning/fields.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

// Writes to `config`, which must outlive the reading.
[[nodiscard]] FieldReader dhcp_service(Config& config);

// What only shows when all of it was read: keys that need `mode: server`, pools that overlap.
// `settings` is the whole file.
void check_dhcp(const Value& settings, const Config& config, Mistakes& mistakes);

// What hosts say of leases, held against the settings: a mistake for `offer: leased`, a warning for
// `bench_address` where the depot gives no leases.
[[nodiscard]] std::vector<Mistake> check_bench(const Config& config, const Inventory& inventory);

// As YAML that dhcp_service() reads back.
[[nodiscard]] Value dhcp_value(const Config& config);

}  // namespace slipway::provisioning
