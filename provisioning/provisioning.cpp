#include "provisioning/provisioning.hpp"

#include <utility>

namespace slipway::provisioning {

Provisioning::Provisioning(Surroundings surroundings, Store& store, StoredState state,
                           Artifacts& artifacts)
    : worker_(store, surroundings.scheduler),
      lease_keeper_(worker_),
      ledger_(surroundings, worker_, state),
      delay_(surroundings.scheduler),
      gate_(ledger_, artifacts),
      sessions_(ledger_),
      installs_(ledger_, artifacts),
      operator_(ledger_, artifacts),
      batches_(ledger_, operator_, std::move(state.batches)),
      loaders_(surroundings.config.loader_folders()),
      boot_files_({.ledger = ledger_, .gate = gate_, .artifacts = artifacts, .loaders = loaders_}),
      lookout_(ledger_),
      boot_routes_({.ledger = ledger_,
                    .gate = gate_,
                    .sessions = sessions_,
                    .installs = installs_,
                    .artifacts = artifacts,
                    .loaders = loaders_,
                    .delay = delay_}),
      agent_api_(ledger_, sessions_, installs_, delay_),
      batch_api_(ledger_, batches_) {
  installs_.on_waiting([this](Host& host) { batches_.consider(host); });
}

void Provisioning::add_boot_plane(http::Router& router) {
  boot_routes_.add_to(router);
  agent_api_.add_to(router);
}

void Provisioning::add_operator_plane(http::Router& router, InventoryControl inventory) {
  operator_api_ = std::make_unique<OperatorApi>(ledger_, operator_, std::move(inventory));
  operator_api_->add_to(router);
  batch_api_.add_to(router);
}

}  // namespace slipway::provisioning
