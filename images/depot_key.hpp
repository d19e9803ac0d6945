// images/depot_key.hpp -- the key with which a depot signs its manifests, and its public half.
//
//   KEYS/depot.key   the signing key, mode 0600; made at first use
//   KEYS/depot.pub   its public half, for minisign and for the installer
#pragma once

#include <filesystem>
#include <optional>

#include "images/signature.hpp"

namespace slipway::images {

// Reads the key, or makes it where there is none. Callers see to it that one of them is at it at a
// time. Fails when others than its owner may read it.
[[nodiscard]] Fallible<SigningKey> open_depot_key(const std::filesystem::path& folder);

// None: there is no key yet.
[[nodiscard]] Fallible<std::optional<PublicKey>> read_depot_public_key(
    const std::filesystem::path& folder);

// The public key in a file.
[[nodiscard]] Fallible<PublicKey> read_public_key(const std::filesystem::path& file);

}  // namespace slipway::images
