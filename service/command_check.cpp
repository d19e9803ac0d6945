// `slipway check`: reads what the operator wrote and says every mistake at once.
#include <algorithm>
#include <iostream>
#include <iterator>
#include <tuple>

#include "provisioning/inventory.hpp"
#include "provisioning/userdata.hpp"
#include "service/command.hpp"
#include "service/served_inventory.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

// Mistakes that show only when layers, site and host are put together.
void check_hosts(const prov::Inventory& inventory, std::vector<prov::Mistake>& mistakes) {
  for (const auto& host : inventory.hosts) {
    const auto* profile = host.profile.empty() ? nullptr : inventory.profile(host.profile);
    if (profile == nullptr) continue;
    const prov::Subject subject{inventory, host, *profile, inventory.site(host.site)};
    for (auto& mistake : prov::check_subject(subject)) mistakes.push_back(std::move(mistake));
  }
}

void check(Common& common, bool print) {
  auto settings = prov::load_config(common.config_file);
  auto mistakes = std::move(settings.mistakes);
  if (settings.good()) {
    auto loaded = prov::load_inventory(settings.config.inventory);
    std::ranges::move(loaded.mistakes, std::back_inserter(mistakes));
    if (loaded.good()) check_hosts(loaded.inventory, mistakes);
  }
  std::ranges::sort(mistakes, {}, [](const prov::Mistake& mistake) {
    return std::tuple(mistake.mark.file, mistake.mark.line, mistake.mark.column, mistake.text);
  });
  const auto [first, last] = std::ranges::unique(mistakes, {}, &prov::Mistake::line);
  mistakes.erase(first, last);
  for (const auto& mistake : mistakes) std::cerr << mistake.line() << "\n";
  const auto errors = std::ranges::count(mistakes, false, &prov::Mistake::is_warning);
  if (errors > 0) common.exit_code = 1;
  if (settings.good()) {
    const auto otherwise = served_otherwise(settings.config);
    if (!otherwise.empty()) std::cerr << "slipway: " << otherwise << "\n";
  }
  if (errors == 0 && print) std::cout << prov::print_config(settings.config);
}

}  // namespace

void add_check(CLI::App& app, const SharedCommon& common) {
  auto* command = app.add_subcommand("check", "Validate settings and inventory");
  auto print = std::make_shared<bool>(false);
  command->add_flag("--print", *print, "print the effective settings");
  command->callback([common, print] { check(*common, *print); });
}

}  // namespace slipway::service
