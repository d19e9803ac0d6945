// provisioning/lease_keeper.hpp -- leases in the store, beside the hosts.
#pragma once

#include "dhcp/lease.hpp"
#include "provisioning/store_worker.hpp"

namespace slipway::provisioning {

// A lease goes to the disk with whatever else is written just then (group commit).
class LeaseKeeper final : public dhcp::LeaseStore {
 public:
  explicit LeaseKeeper(StoreWorker& worker) : worker_(worker) {}
  void keep(const dhcp::LeaseRecord& record, Done done) override;

 private:
  StoreWorker& worker_;
};

}  // namespace slipway::provisioning
