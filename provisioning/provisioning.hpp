// provisioning/provisioning.hpp -- the parts of this folder, put together for one server.
//
// The composition root makes one of these and plugs it into DHCP, TFTP and the two HTTP listeners.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dhcp/policy.hpp"
#include "http/route.hpp"
#include "provisioning/agent_api.hpp"
#include "provisioning/api.hpp"
#include "provisioning/api_batches.hpp"
#include "provisioning/batches.hpp"
#include "provisioning/boot_files.hpp"
#include "provisioning/gate.hpp"
#include "provisioning/installs.hpp"
#include "provisioning/lease_keeper.hpp"
#include "provisioning/loaders.hpp"
#include "provisioning/lookout.hpp"
#include "provisioning/operator.hpp"
#include "provisioning/routes.hpp"
#include "provisioning/sessions.hpp"
#include "provisioning/store_worker.hpp"
#include "tftp/files.hpp"

namespace slipway::provisioning {

class Provisioning {
 public:
  // `store` and `artifacts` outlive this object, as does what `surroundings` refers to. `state` is
  // what store.load() gave. Begins to write the store on a thread of its own.
  Provisioning(Surroundings surroundings, Store& store, StoredState state, Artifacts& artifacts);
  Provisioning(const Provisioning&) = delete;
  Provisioning& operator=(const Provisioning&) = delete;

  [[nodiscard]] dhcp::BootPolicy& boot_policy() { return gate_; }
  [[nodiscard]] dhcp::LeaseStore& lease_store() { return lease_keeper_; }
  // Whether a connection from this address must get through whatever the crowd.
  [[nodiscard]] bool expects(Ipv4 peer) { return gate_.expects(peer); }
  [[nodiscard]] tftp::Files& tftp_files() { return boot_files_; }
  // Boot programs that settings or hosts of the inventory in force name, and that are not there:
  // who needs them gets nothing.
  [[nodiscard]] std::vector<MissingProgram> missing_programs() const {
    return slipway::provisioning::missing_programs(loaders_, ledger_.config().boot_programs,
                                                   *ledger_.inventory());
  }

  // The first inventory and every later one; returns what could not be followed.
  std::vector<std::string> use_inventory(std::shared_ptr<const Inventory> inventory) {
    return operator_.use_inventory(std::move(inventory));
  }

  void add_boot_plane(http::Router& router);
  // `inventory.reload` reads the files again and, when they are good, calls use_inventory.
  void add_operator_plane(http::Router& router, InventoryControl inventory);

  // Begins to look after time-outs; call once, on the deciding thread.
  void start() {
    installs_.start();
    batches_.start();
    lookout_.start();
  }

  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] Lookout& lookout() { return lookout_; }

 private:
  StoreWorker worker_;
  LeaseKeeper lease_keeper_;
  Ledger ledger_;
  StrangerDelay delay_;
  Gate gate_;
  Sessions sessions_;
  Installs installs_;
  Operator operator_;
  Batches batches_;
  Loaders loaders_;
  BootFiles boot_files_;
  Lookout lookout_;
  BootRoutes boot_routes_;
  AgentApi agent_api_;
  std::unique_ptr<OperatorApi> operator_api_;
  BatchApi batch_api_;
};

}  // namespace slipway::provisioning
