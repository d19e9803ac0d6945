// provisioning/offer_setting.hpp -- `offer`, as slipway.yaml and hosts say it.
#pragma once

#include "dhcp/policy.hpp"
#include "provisioning/fields.hpp"

namespace slipway::provisioning {

// auto, binl, direct or leased; the last only where we give the leases, which check_dhcp() and
// check_bench() hold it to.
[[nodiscard]] inline FieldReader offer_style(dhcp::OfferStyle& target) {
  return one_of<dhcp::OfferStyle>(target, {{"auto", dhcp::OfferStyle::automatic},
                                           {"binl", dhcp::OfferStyle::binl},
                                           {"direct", dhcp::OfferStyle::direct},
                                           {"leased", dhcp::OfferStyle::leased}});
}

}  // namespace slipway::provisioning
