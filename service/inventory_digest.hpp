// service/inventory_digest.hpp -- whether two readings of an inventory were of the same files.
#pragma once

#include <filesystem>

#include "base/crypto.hpp"

namespace slipway::service {

// SHA-256 over the names, below `folder`, and the octets of its *.yaml, *.yml and *.csv files, by
// name. Hidden files and the files that secrets are read from have no part in it. What cannot be
// read counts as empty: the inventory's own reader says what is wrong with it.
[[nodiscard]] Sha256 inventory_digest(const std::filesystem::path& folder);

}  // namespace slipway::service
