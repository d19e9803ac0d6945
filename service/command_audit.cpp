// `slipway audit ...`: the hash-chained log of every change of state.
#include <iostream>

#include "provisioning/store.hpp"
#include "service/command.hpp"

namespace slipway::service {
namespace {

void verify(Common& common) {
  const auto config = common.config();
  if (!config) return;
  const auto store = provisioning::Store::open(config->store_place());
  if (!store) return common.failed(store.error());
  const auto rows = (*store)->verify_audit();
  if (!rows) return common.failed(rows.error().within("audit log"));
  if (common.json) {
    std::cout << "{\"rows\":" << *rows << "}\n";
  } else {
    std::cout << *rows << " rows, every hash holds\n";
  }
}

}  // namespace

void add_audit(CLI::App& app, const SharedCommon& common) {
  auto* audit = app.add_subcommand("audit", "The log of every change of state");
  audit->require_subcommand(1);
  audit->add_subcommand("verify", "Check the chain of hashes")->callback([common] {
    verify(*common);
  });
}

}  // namespace slipway::service
