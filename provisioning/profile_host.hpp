// provisioning/profile_host.hpp -- what a profile asks of a host: its keys `requirements`, `disk`
// and `burn_in`.
//
// For the reader of profiles only.
#pragma once

#include "provisioning/entries.hpp"

namespace slipway::provisioning {

// Readers of the three keys into `draft`, which must outlive them.
[[nodiscard]] FieldReader requirements(ProfileDraft& draft);
[[nodiscard]] FieldReader disk(Profile& profile);
[[nodiscard]] FieldReader burn_in(BurnIn& target);

// What no host can meet: Secure Boot without UEFI.
void check_requirements(const ProfileDraft& draft, Mistakes& mistakes);

// `read`, and where its value stood.
[[nodiscard]] FieldReader marked(Mark& mark, FieldReader read);

}  // namespace slipway::provisioning
