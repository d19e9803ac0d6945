// The `slipway` program: the command line, and nothing else.
#include <CLI/CLI.hpp>
#include <iostream>

#include "service/command.hpp"

namespace slipway::service {

std::optional<provisioning::Config> Common::config() {
  auto loaded = provisioning::load_config(config_file);
  for (const auto& mistake : loaded.mistakes) std::cerr << mistake.line() << "\n";
  if (loaded.good()) return std::move(loaded.config);
  exit_code = 1;
  return std::nullopt;
}

void Common::failed(const Error& error) {
  std::cerr << "slipway: " << error.text() << "\n";
  exit_code = 1;
}

namespace {

int run(int argc, char** argv) {
  CLI::App app("The boot server of a staging depot", "slipway");
  app.set_version_flag("--version", SLIPWAY_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  const auto common = std::make_shared<Common>();
  app.add_option("-c,--config", common->config_file, "settings file")->capture_default_str();
  app.add_flag("--json", common->json, "print one JSON document");
  for (const auto add :
       {add_serve, add_check, add_doctor, add_render, add_image, add_flash, add_installer,
        add_media, add_host, add_site, add_batch, add_batch_import, add_audit, add_schema}) {
    add(app, common);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    constexpr int kWrongUse = 2;
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  return common->exit_code;
}

}  // namespace
}  // namespace slipway::service

int main(int argc, char** argv) {
  try {
    return slipway::service::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "slipway: internal error: " << error.what() << "\n";
    return 1;
  }
}
