// provisioning/profile_installer.hpp -- what a profile says of the installer that its hosts boot.
//
// For the reader of profiles only.
#pragma once

#include "provisioning/entries.hpp"

namespace slipway::provisioning {

// Reader of `installer` into `profile`, which must outlive it.
[[nodiscard]] FieldReader installer(Profile& profile);

// NAME@VERSION, as ECMA-262 has it.
inline constexpr std::string_view kImagePattern =
    "^[A-Za-z0-9_+][A-Za-z0-9._+-]{0,127}@[A-Za-z0-9_+][A-Za-z0-9._+-]{0,127}$";
// Reads NAME@VERSION into `image`.
void read_image(const Value& value, std::string& image, Mistakes& mistakes);

// Whether `text` can be NAME or VERSION of an image.
[[nodiscard]] bool is_image_part(std::string_view text);

}  // namespace slipway::provisioning
