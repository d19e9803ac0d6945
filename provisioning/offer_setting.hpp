// provisioning/offer_setting.hpp -- `offer`, as slipway.yaml and hosts say it.
#pragma once

#include "dhcp/policy.hpp"
#include "provisioning/fields.hpp"

namespace slipway::provisioning {

// auto, binl or direct.
[[nodiscard]] inline FieldReader offer_style(dhcp::OfferStyle& target) {
  return one_of<dhcp::OfferStyle>(target, {{"auto", dhcp::OfferStyle::automatic},
                                           {"binl", dhcp::OfferStyle::binl},
                                           {"direct", dhcp::OfferStyle::direct}});
}

}  // namespace slipway::provisioning
