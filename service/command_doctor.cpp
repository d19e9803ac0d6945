// `slipway doctor`: what would keep hosts from booting, before the first one is plugged in.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <iterator>

#include "service/command.hpp"
#include "service/doctor/lan.hpp"
#include "service/doctor/machine.hpp"
#include "service/operator_client.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;
using Level = Finding::Level;

void add_all(Findings& to, Findings more) { std::ranges::move(more, std::back_inserter(to)); }

// Sends on `interface`, which the settings name.
Findings look_at_lan(const Interface& interface, std::chrono::seconds listen, bool leases) {
  const auto answers = ask_lan(interface, listen);
  if (!answers) {
    return {{Level::error, "lan",
             "the network of " + interface.name + " cannot be asked: " + answers.error().text(),
             "run the doctor as root"}};
  }
  return judge_lan(interface, *answers, leases);
}

Findings examine(const provisioning::Config& config, std::chrono::seconds listen) {
  Findings findings;
  const bool service_runs = OperatorClient(config).is_running();
  for (const auto& name : config.interfaces) {
    std::optional<Interface> interface;
    add_all(findings, check_interface(config, name, interface));
    if (!interface) continue;
    add_all(findings, check_ports(config, *interface, service_runs));
    const bool leases = config.dhcp_mode == provisioning::DhcpMode::server;
    if (listen.count() > 0) add_all(findings, look_at_lan(*interface, listen, leases));
  }
  add_all(findings, check_files(config));
  findings.push_back(check_clock(std::chrono::system_clock::now(), config.data_dir));
  findings.push_back(check_space(config.data_dir));
  return findings;
}

void print_json(const Findings& findings) {
  json::array list;
  for (const auto& finding : findings) {
    list.push_back(json::object{{"level", json::string(name_of(finding.level))},
                                {"name", finding.name},
                                {"text", finding.text},
                                {"remedy", finding.remedy}});
  }
  std::cout << json::serialize(json::object{{"findings", std::move(list)}}) << "\n";
}

void doctor(Common& common, std::chrono::seconds listen) {
  const auto config = common.config();
  if (!config) return;
  const auto findings = examine(*config, listen);
  if (common.json) {
    print_json(findings);
  } else {
    for (const auto& finding : findings) std::cout << line_of(finding) << "\n";
  }
  const bool is_wrong =
      std::ranges::find(findings, Level::error, &Finding::level) != findings.end();
  if (is_wrong) common.exit_code = 1;
}

}  // namespace

void add_doctor(CLI::App& app, const SharedCommon& common) {
  auto* command = app.add_subcommand("doctor", "Look for what would keep hosts from booting");
  auto listen = std::make_shared<unsigned>(5);
  command
      ->add_option("--listen", *listen,
                   "seconds to wait for other servers' answers on each interface; 0: send nothing")
      ->capture_default_str()
      ->check(CLI::Range(0, 60));
  command->callback([common, listen] { doctor(*common, std::chrono::seconds(*listen)); });
}

}  // namespace slipway::service
