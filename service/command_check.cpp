// `slipway check`: reads what the operator wrote and says every mistake at once.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>
#include <optional>
#include <tuple>

#include "provisioning/config_dhcp.hpp"
#include "provisioning/inventory.hpp"
#include "provisioning/token_expiry.hpp"
#include "service/check_installers.hpp"
#include "service/command.hpp"
#include "service/served_inventory.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

// Tokens that end soon, of hosts and of sites that have none yet. All of it is a warning here: only
// arming is refused.
void check_tokens(const prov::Inventory& inventory, std::vector<prov::Mistake>& mistakes) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const auto add = [&mistakes](std::optional<prov::Mistake> said) {
    if (!said) return;
    said->is_warning = true;
    mistakes.push_back(std::move(*said));
  };
  for (const auto& site : inventory.sites) add(prov::check_token_expiry(site.user_data, now));
  for (const auto& host : inventory.hosts) {
    const auto* profile = inventory.profile(host.profile);
    if (profile == nullptr) continue;
    add(prov::check_token_expiry({inventory, host, *profile, inventory.site(host.site)}, now));
  }
}

void check(Common& common, bool print) {
  auto settings = prov::load_config(common.config_file);
  auto mistakes = std::move(settings.mistakes);
  std::vector<std::string> notes;
  if (settings.good()) {
    auto loaded = prov::load_inventory(settings.config.inventory);
    std::ranges::move(loaded.mistakes, std::back_inserter(mistakes));
    if (loaded.good()) {
      check_tokens(loaded.inventory, mistakes);
      std::ranges::move(prov::check_bench(settings.config, loaded.inventory),
                        std::back_inserter(mistakes));
      auto installers = check_installers(settings.config, loaded.inventory);
      std::ranges::move(installers.mistakes, std::back_inserter(mistakes));
      notes = std::move(installers.notes);
    }
  }
  std::ranges::sort(mistakes, {}, [](const prov::Mistake& mistake) {
    return std::tuple(mistake.mark.file, mistake.mark.line, mistake.mark.column, mistake.text);
  });
  const auto [first, last] = std::ranges::unique(mistakes, {}, &prov::Mistake::line);
  mistakes.erase(first, last);
  for (const auto& mistake : mistakes) std::cerr << mistake.line() << "\n";
  for (const auto& note : notes) std::cerr << "slipway: " << note << "\n";
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
