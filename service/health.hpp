// service/health.hpp -- /healthz, /readyz and /metrics of the operator plane.
#pragma once

#include <functional>
#include <string>

#include "http/route.hpp"
#include "provisioning/ledger.hpp"

namespace slipway::service {

// /healthz says that the deciding thread answers, /readyz that the store does, too; both answer
// whoever reaches the plane. /metrics, which `metrics` makes at each scrape, is for root and the
// server's own user. What is referred to outlives the router.
void add_health(http::Router& router, provisioning::Ledger& ledger,
                std::function<std::string()> metrics);

}  // namespace slipway::service
