// service/command.hpp -- the subcommands of `slipway`, one function each.
//
// Exit codes: 0 done, 1 the thing asked for is wrong or failed (said on stderr, one line a
// mistake), 2 wrong use of the command line.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "provisioning/config.hpp"

namespace slipway::service {

// What every subcommand takes.
struct Common {
  std::string config_file = "/etc/slipway/slipway.yaml";
  bool json = false;
  int exit_code = 0;  // what main() returns; subcommands set it

  // Loads the settings; every mistake goes to stderr. None: they are bad, exit_code is 1.
  [[nodiscard]] std::optional<provisioning::Config> config();
  // Prints "slipway: text" on stderr and makes the exit code 1.
  void failed(const Error& error);
};

using SharedCommon = std::shared_ptr<Common>;

// Each adds its subcommands to `app`.
void add_serve(CLI::App& app, const SharedCommon& common);
void add_check(CLI::App& app, const SharedCommon& common);
void add_render(CLI::App& app, const SharedCommon& common);
void add_image(CLI::App& app, const SharedCommon& common);
void add_installer(CLI::App& app, const SharedCommon& common);
void add_media(CLI::App& app, const SharedCommon& common);
void add_doctor(CLI::App& app, const SharedCommon& common);
void add_flash(CLI::App& app, const SharedCommon& common);
void add_host(CLI::App& app, const SharedCommon& common);
void add_batch(CLI::App& app, const SharedCommon& common);
void add_audit(CLI::App& app, const SharedCommon& common);
void add_schema(CLI::App& app, const SharedCommon& common);
void add_site(CLI::App& app, const SharedCommon& common);
// After add_batch.
void add_batch_import(CLI::App& app, const SharedCommon& common);

// `import` below `host`.
void add_host_import(CLI::App& host, const SharedCommon& common);

// `export` below `host`.
void add_host_export(CLI::App& host, const SharedCommon& common);

}  // namespace slipway::service
