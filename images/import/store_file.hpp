// images/import/store_file.hpp -- a file of this machine into the store, as it is.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "images/file_set.hpp"
#include "images/store.hpp"

namespace slipway::images {

// The content of `path` becomes a blob, which a file set may name as `name`.
[[nodiscard]] Fallible<StoredFile> store_file(Store& store, const std::filesystem::path& path,
                                              const std::string& name);

}  // namespace slipway::images
