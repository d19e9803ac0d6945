#include "service/check_installers.hpp"

#include <algorithm>
#include <iterator>

#include "provisioning/third_party.hpp"
#include "service/artifacts.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

bool boots_other(const prov::Profile& profile) {
  return profile.installer != prov::InstallerKind::flash && profile.type != "add-on" &&
         !profile.image.empty();
}

void check_hosts(const prov::Inventory& inventory, const prov::Profile& profile,
                 const prov::InstallerSet& set, InstallerCheck& check) {
  for (const auto& host : inventory.hosts) {
    if (inventory.profile(host.profile) != &profile) continue;
    const prov::Subject subject{inventory, host, profile, inventory.site(host.site)};
    std::ranges::move(prov::check_third_party(subject, set), std::back_inserter(check.mistakes));
  }
}

}  // namespace

InstallerCheck check_installers(const prov::Config& config, const prov::Inventory& inventory) {
  InstallerCheck check;
  if (std::ranges::none_of(inventory.profiles, boots_other)) return check;
  std::error_code error;
  if (!std::filesystem::is_directory(config.data_dir / "store", error)) return check;
  auto artifacts = StoreArtifacts::open(config);
  if (!artifacts) {
    check.notes.push_back("installers were not looked at: " + artifacts.error().text());
    return check;
  }
  for (const auto& profile : inventory.profiles) {
    if (!boots_other(profile)) continue;
    const auto set = (*artifacts)->find_installer(profile.image);
    if (!set) {
      check.mistakes.push_back({profile.image_mark,
                                set.error().text() + "; no host can be armed with this profile",
                                /*is_warning=*/true});
      continue;
    }
    std::ranges::move(prov::check_third_party(profile, *set), std::back_inserter(check.mistakes));
    check_hosts(inventory, profile, *set, check);
    const auto mebibytes = (prov::memory_needed(profile.installer, *set) >> 20U) + 1;
    check.notes.push_back("profile " + profile.id() + ": a host needs " +
                          std::to_string(mebibytes) + " MiB of memory to boot " + set->name);
  }
  return check;
}

}  // namespace slipway::service
