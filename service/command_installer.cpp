// `slipway installer build`: kernel and initramfs of the `flash` installer.
#include <boost/json.hpp>
#include <iostream>

#include "service/command.hpp"
#include "service/installer_build.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;

void print_json(const BuiltInstaller& built) {
  json::array parts;
  for (const auto& part : built.parts) {
    parts.push_back(json::object{{"name", part.name}, {"octets", part.octets}});
  }
  std::cout << json::serialize(json::object{{"kernel_version", built.kernel_version},
                                            {"boot_octets", built.boot_octets},
                                            {"parts", parts}})
            << "\n";
}

// Without settings there is no depot whose key it could be.
std::filesystem::path key_of_settings(Common& common) {
  std::error_code error;
  if (!std::filesystem::exists(common.config_file, error)) return {};
  const auto config = common.config();
  return config ? config->data_dir / "keys/depot.pub" : std::filesystem::path();
}

void build(Common& common, InstallerOptions options) {
  if (options.depot_key.empty()) options.depot_key = key_of_settings(common);
  if (common.exit_code != 0) return;
  const auto say = [](const std::string& line) { std::cerr << line << "\n"; };
  const auto built = build_installer(options, say);
  if (!built) return common.failed(built.error().within("building the installer"));
  if (common.json) {
    print_json(*built);
  } else {
    std::cout << size_table(*built);
  }
}

}  // namespace

void add_installer(CLI::App& app, const SharedCommon& common) {
  auto* installer = app.add_subcommand("installer", "What hosts boot into");
  installer->require_subcommand(1);
  auto options = std::make_shared<InstallerOptions>();
  auto* command = installer->add_subcommand("build", "Make its kernel and initramfs");
  command->add_option("-o,--output", options->output, "folder for the three files")->required();
  auto* kernel = command->add_option("--kernel", options->kernel.kernel, "this kernel instead");
  auto* modules = command->add_option("--modules", options->kernel.modules,
                                      "its modules: .../lib/modules/VERSION");
  kernel->needs(modules);
  modules->needs(kernel);
  command->add_option("--deb", options->kernel.package, "this linux-image package instead");
  command
      ->add_option("--drivers", options->drivers,
                   "server (the default), all, virtio, or modules by name; several with commas")
      ->delimiter(',');
  command->add_flag_callback(
      "--burn-in", [options] { options->tools = installer_tools(true); },
      "with the programs that profiles with burn_in need");
  command->add_option("--add-module", options->add_modules, "a module besides");
  command->add_option("--add-firmware", options->add_firmware, "a firmware file besides");
  command->add_option("--agent", options->agent, "the slipway-agent program");
  command
      ->add_option("--depot-key", options->depot_key,
                   "public key of the depot that signs the images; default: of the settings")
      ->check(CLI::ExistingFile);
  command->callback([common, options] { build(*common, *options); });
}

}  // namespace slipway::service
