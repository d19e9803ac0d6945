// provisioning/profile_content.hpp -- `content` of a profile: files that go onto the disk beside
// the image.
#pragma once

#include "provisioning/fields.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

// [{image: NAME@VERSION, path: /opt/content, partition: LABEL}, ...]
[[nodiscard]] FieldReader content(std::vector<ContentItem>& target);

// Only our own installer delivers it.
void check_content(const Profile& profile, Mistakes& mistakes);

}  // namespace slipway::provisioning
