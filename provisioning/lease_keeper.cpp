#include "provisioning/lease_keeper.hpp"

#include <utility>

#include "base/log.hpp"

namespace slipway::provisioning {

void LeaseKeeper::keep(const dhcp::LeaseRecord& record, Done done) {
  worker_.submit({KeepLease{record}}, [done = std::move(done)](const Fallible<void>& kept) mutable {
    if (!kept) log::error("store.failed", {{"why", kept.error().text()}});
    done(kept.has_value());
  });
}

}  // namespace slipway::provisioning
