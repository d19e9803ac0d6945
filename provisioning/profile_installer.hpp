// provisioning/profile_installer.hpp -- what a profile says of the installer that its hosts boot.
//
// For the reader of profiles only.
#pragma once

#include "provisioning/entries.hpp"

namespace slipway::provisioning {

// Reader of `installer` into `profile`, which must outlive it.
[[nodiscard]] FieldReader installer(Profile& profile);

// Whether `text` can be NAME or VERSION of an image.
[[nodiscard]] bool is_image_part(std::string_view text);

}  // namespace slipway::provisioning
