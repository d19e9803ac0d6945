// provisioning/installer_kind.hpp -- which installer takes which format of user-data, and the
// templates that the text formats come from.
#pragma once

#include <filesystem>
#include <string_view>

#include "provisioning/fields.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

[[nodiscard]] std::string_view name_of(InstallerKind kind);
[[nodiscard]] std::string_view name_of(UserDataFormat format);

// Whether documents of this format come from a text template (all but cloud-init and kairos).
[[nodiscard]] bool is_text_format(UserDataFormat format);

// Readers of `installer: {kind: ...}` and `format`.
[[nodiscard]] FieldReader installer_kind(InstallerKind& target);
[[nodiscard]] FieldReader user_data_format(UserDataFormat& target);

// For every profile of the inventory: the format that follows from its installer where none was
// said, and its template, read from below `folder`. Mistakes: a format that the installer cannot
// read, a template that is missing, that has no use, that lies outside of the folder or is no
// regular file, and every mistake in it.
void complete_profiles(Inventory& inventory, const std::filesystem::path& folder,
                       Mistakes& mistakes);

}  // namespace slipway::provisioning
