// provisioning/recipe.hpp -- what is to be installed on one host, looked up in the inventory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "provisioning/host.hpp"
#include "provisioning/userdata.hpp"

namespace slipway::provisioning {

// Profile and site of a host; the pointers point into `inventory`.
struct Recipe {
  std::shared_ptr<const Inventory> inventory{};
  HostEntry entry{};
  const Profile* profile = nullptr;
  const Site* site = nullptr;  // null: the host has none

  [[nodiscard]] Subject subject() const { return {*inventory, entry, *profile, site}; }
};

// The recipe of `host` by `inventory`: from its entry there, or as an operator assigned it. Fails
// with a sentence that says what is missing. UUID and serial number that the inventory does not
// give are those that the machine reported.
[[nodiscard]] Fallible<Recipe> recipe_of(const Host& host,
                                         const std::shared_ptr<const Inventory>& inventory);

// recipe_of, and nothing is wrong with what it gives for this host.
[[nodiscard]] Fallible<Recipe> complete_recipe_of(
    const Host& host, const std::shared_ptr<const Inventory>& inventory);

// Changes with every property of the profile, but for the text of secrets: the digest is stored,
// and short secrets could be guessed from it.
[[nodiscard]] Sha256 digest_of(const Profile& profile);

}  // namespace slipway::provisioning
