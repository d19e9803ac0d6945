// provisioning/compose.hpp -- full profiles that are made of an infrastructure profile and add-ons.
//
// For the loader of the inventory only. Afterwards a composed profile is one like any other: it
// carries everything itself, so its digest covers its parts and none of them can change unnoticed.
#pragma once

#include "provisioning/entries.hpp"

namespace slipway::provisioning {

// Puts every profile with `compose` together: what the infrastructure profile says, the layers and
// user-data of the add-ons in their order, then its own keys over that; of requirements the
// stricter ones. Mistakes: a reference that leads nowhere or to the wrong type, not exactly one
// infrastructure profile, a layer's name in two parts, firmware that contradicts.
void compose_profiles(std::vector<ProfileDraft>& profiles, Mistakes& mistakes);

}  // namespace slipway::provisioning
