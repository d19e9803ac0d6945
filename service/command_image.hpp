// service/command_image.hpp -- what the files of `slipway image` share.
#pragma once

#include <optional>

#include "images/store.hpp"
#include "service/command.hpp"

namespace slipway::service {

// The store below data_dir. None: it was said why, and the exit code is 1.
[[nodiscard]] std::optional<images::Store> open_store(Common& common);

// `verify`, `export` and `remove` below `image`.
void add_image_upkeep(CLI::App& image, const SharedCommon& common);

}  // namespace slipway::service
