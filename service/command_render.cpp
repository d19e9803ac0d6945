// `slipway render`: octet for octet what a host would be served, secrets masked.
#include <iostream>

#include "provisioning/bootscript.hpp"
#include "provisioning/inventory.hpp"
#include "provisioning/userdata.hpp"
#include "service/artifacts.hpp"
#include "service/command.hpp"
#include "service/interfaces.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

struct RenderOptions {
  std::string mac, what;
  bool reveal = false;
};

Fallible<std::string> boot_script(const prov::Config& config, const Mac& mac) {
  const auto interface = find_interface(config.interfaces.front());
  if (!interface) return std::unexpected(interface.error());
  auto artifacts = StoreArtifacts::open(config);
  if (!artifacts) return std::unexpected(artifacts.error());
  const auto installer = (*artifacts)->installer();
  if (!installer) return std::unexpected(installer.error());
  const prov::ServerAddress server{interface->address, config.boot_http_port};
  return prov::agent_script({server, *installer, mac, "TOKEN"});
}

Fallible<std::string> seed_part(const prov::Subject& subject, const RenderOptions& options) {
  const auto secrets = options.reveal ? prov::Secrets::revealed : prov::Secrets::masked;
  if (options.what == "config") return prov::render_kairos(subject, secrets);
  auto seed = prov::render_seed(subject, "preview", secrets);
  if (!seed) return std::unexpected(seed.error());
  if (options.what == "user-data") return std::move(seed->user_data);
  if (options.what == "meta-data") return std::move(seed->meta_data);
  if (options.what == "vendor-data") return std::move(seed->vendor_data);
  return std::move(seed->network_config);
}

Fallible<std::string> render(const prov::Config& config, const RenderOptions& options) {
  const auto mac = Mac::parse(options.mac);
  if (!mac) return fail("--mac: \"" + options.mac + "\" is not a MAC such as 52:54:00:aa:00:01");
  const auto loaded = prov::load_inventory(config.inventory);
  for (const auto& mistake : loaded.mistakes) std::cerr << mistake.line() << "\n";
  if (!loaded.good()) return fail("the inventory has mistakes; nothing is rendered");
  const auto* host = loaded.inventory.host_by_mac(*mac);
  if (host == nullptr) return fail("no host of the inventory has the MAC " + mac->text());
  if (options.what == "boot.ipxe") return boot_script(config, *mac);
  const auto* profile = loaded.inventory.profile(host->profile);
  if (profile == nullptr) return fail("host " + host->name + " has no profile yet");
  return seed_part({loaded.inventory, *host, *profile, loaded.inventory.site(host->site)}, options);
}

}  // namespace

void add_render(CLI::App& app, const SharedCommon& common) {
  auto* command = app.add_subcommand("render", "What a host would be served");
  auto options = std::make_shared<RenderOptions>();
  command->add_option("--mac", options->mac, "one of the host's MACs")->required();
  command
      ->add_option("WHAT", options->what,
                   "user-data, meta-data, vendor-data, network-config, config or boot.ipxe")
      ->required()
      ->check(CLI::IsMember(
          {"user-data", "meta-data", "vendor-data", "network-config", "config", "boot.ipxe"}));
  command->add_flag("--reveal", options->reveal, "show secrets");
  command->callback([common, options] {
    const auto config = common->config();
    if (!config) return;
    const auto text = render(*config, *options);
    if (!text) return common->failed(text.error());
    std::cout << *text;
  });
}

}  // namespace slipway::service
