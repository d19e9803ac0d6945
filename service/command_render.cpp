// `slipway render`: octet for octet what a host would be served, secrets masked.
#include <iostream>

#include "provisioning/bootscript.hpp"
#include "provisioning/explain.hpp"
#include "provisioning/plan.hpp"
#include "provisioning/third_party.hpp"
#include "provisioning/userdata.hpp"
#include "service/artifacts.hpp"
#include "service/command.hpp"
#include "service/host_recipe.hpp"
#include "service/interfaces.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

// Stands where a boot would carry its token: rendering mints none.
constexpr std::string_view kToken = "TOKEN";

struct RenderOptions {
  std::string mac, what;
  bool reveal = false, explain = false;
  [[nodiscard]] prov::Secrets secrets() const {
    return reveal ? prov::Secrets::revealed : prov::Secrets::masked;
  }
};

Fallible<prov::ServerAddress> server_address(const prov::Config& config) {
  const auto interface = find_interface(config.interfaces.front());
  if (!interface) return std::unexpected(interface.error());
  return prov::ServerAddress{interface->address, config.boot_http_port};
}

Fallible<std::string> boot_script(const prov::Config& config, const Mac& mac, bool for_grub) {
  const auto server = server_address(config);
  if (!server) return std::unexpected(server.error());
  auto artifacts = StoreArtifacts::open(config);
  if (!artifacts) return std::unexpected(artifacts.error());
  const auto installer = (*artifacts)->installer();
  if (!installer) return std::unexpected(installer.error());
  const prov::AgentBoot boot{*server, *installer, mac, kToken};
  return for_grub ? prov::agent_grub_config(boot) : prov::agent_script(boot);
}

Fallible<std::string> third_party_script(const prov::Config& config, const prov::Profile& profile,
                                         const Mac& mac, bool for_grub) {
  const auto server = server_address(config);
  if (!server) return std::unexpected(server.error());
  if (profile.image.empty()) {
    return fail("profile " + profile.id() +
                " names no image to boot; add `image: NAME@VERSION` to "
                "its installer");
  }
  auto artifacts = StoreArtifacts::open(config);
  if (!artifacts) return std::unexpected(artifacts.error());
  auto set = (*artifacts)->find_installer(profile.image);
  if (!set) return std::unexpected(set.error());
  const auto installer = prov::third_party_installer(profile, std::move(*set));
  const auto script = prov::script_of({*server, mac, kToken, installer});
  if (!script) return std::unexpected(script.error());
  return for_grub ? prov::third_party_grub_config(*server, *script)
                  : prov::third_party_script(*server, *script);
}

// The plan carries no secret: the seed is in it by its digest.
Fallible<std::string> plan(const prov::Config& config, prov::Recipe recipe) {
  auto artifacts = StoreArtifacts::open(config);
  if (!artifacts) return std::unexpected(artifacts.error());
  prov::Host machine;  // nothing but what the inventory says of it
  machine.name = recipe.entry.name;
  machine.macs = recipe.entry.macs;
  auto made = prov::make_plan(recipe, machine, 1, **artifacts);
  if (!made) return std::unexpected(made.error());
  return made->json + "\n";
}

Fallible<std::string> seed_part(const prov::Config& config, const prov::Subject& subject,
                                const RenderOptions& options) {
  const auto server = server_address(config);
  if (!server) return std::unexpected(server.error());
  const auto report = prov::report_url(*server, kToken);
  if (options.what == "config") return prov::render_config(subject, report, options.secrets());
  auto seed = prov::render_seed(subject, "preview", options.secrets(), report);
  if (!seed) return std::unexpected(seed.error());
  if (options.what == "user-data") return std::move(seed->user_data);
  if (options.what == "meta-data") return std::move(seed->meta_data);
  if (options.what == "vendor-data") return std::move(seed->vendor_data);
  return std::move(seed->network_config);
}

Fallible<std::string> explanation(const prov::Subject& subject, const RenderOptions& options,
                                  bool json) {
  auto merged = prov::merge_user_data(subject);
  if (!merged) return std::unexpected(merged.error());
  if (!options.reveal) *merged = prov::mask_secrets(*merged);
  return json ? prov::explain_json(*merged) : prov::explain_text(*merged);
}

Fallible<std::string> render(const prov::Config& config, const RenderOptions& options, bool json) {
  auto recipe = recipe_from_files(config, {.mac = options.mac, .name = {}});
  if (!recipe) return std::unexpected(recipe.error());
  if (options.explain) return explanation(recipe->subject(), options, json);
  const bool boots = options.what == "boot.ipxe" || options.what == "grub.cfg";
  const bool for_grub = options.what == "grub.cfg";
  const auto& profile = *recipe->profile;
  const bool is_ours = profile.installer == prov::InstallerKind::flash;
  if (options.what == "plan" && !is_ours) {
    return fail("profile " + profile.id() + " has an installer of others, which gets no plan; " +
                "see boot.ipxe and config");
  }
  if (boots) {
    const auto mac = *Mac::parse(options.mac);
    return is_ours ? boot_script(config, mac, for_grub)
                   : third_party_script(config, profile, mac, for_grub);
  }
  if (options.what == "plan") return plan(config, std::move(*recipe));
  return seed_part(config, recipe->subject(), options);
}

}  // namespace

void add_render(CLI::App& app, const SharedCommon& common) {
  const std::vector<std::string> kinds{"user-data", "meta-data", "vendor-data", "network-config",
                                       "config",    "boot.ipxe", "grub.cfg",    "plan"};
  auto* command = app.add_subcommand("render", "What a host would be served");
  auto options = std::make_shared<RenderOptions>();
  command->add_option("--mac", options->mac, "one of the host's MACs")->required();
  auto* what = command->add_option("WHAT", options->what,
                                   "user-data, meta-data, vendor-data, network-config, config, "
                                   "boot.ipxe, grub.cfg or plan");
  what->check(CLI::IsMember(kinds));
  command
      ->add_flag("--explain", options->explain,
                 "the merged user-data, and where each value was written; --json as well")
      ->excludes(what);
  command->add_flag("--reveal", options->reveal, "show secrets");
  command->callback([common, options] {
    if (options->what.empty() && !options->explain) {
      throw CLI::RequiredError("WHAT or --explain");
    }
    const auto config = common->config();
    if (!config) return;
    const auto text = render(*config, *options, common->json);
    if (!text) return common->failed(text.error());
    std::cout << *text;
  });
}

}  // namespace slipway::service
