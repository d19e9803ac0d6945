// `slipway serve`: the service itself.
#include <iostream>

#include "base/log.hpp"
#include "service/command.hpp"
#include "service/core_dump.hpp"
#include "service/depot_server.hpp"
#include "service/descriptor_limit.hpp"
#include "service/notify.hpp"

namespace slipway::service {
namespace {

void serve(Common& common, bool verbose) {
  if (verbose) log::set_level(log::Level::debug);
  // Before the first secret is read.
  if (const auto forbidden = forbid_core_dumps(); !forbidden) {
    return common.failed(forbidden.error());
  }
  if (const auto raised = raise_descriptor_limit(); !raised) return common.failed(raised.error());
  auto config = common.config();
  if (!config) return;
  DepotServer server(std::move(*config));
  const auto opened = server.open();
  if (!opened) return common.failed(opened.error());
  std::cout << "ready";
  for (const auto& address : server.addresses()) std::cout << "; " << address;
  std::cout << std::endl;  // flushed: scripts wait for this line
  const auto told = notify_ready();
  if (!told) log::warn("service.notify_failed", {{"why", told.error().text()}});
  server.run();
}

}  // namespace

void add_serve(CLI::App& app, const SharedCommon& common) {
  auto* command = app.add_subcommand("serve", "The service: DHCP-proxy, TFTP and HTTP");
  auto verbose = std::make_shared<bool>(false);
  command->add_flag("-v,--verbose", *verbose, "log every packet");
  command->callback([common, verbose] { serve(*common, *verbose); });
}

}  // namespace slipway::service
