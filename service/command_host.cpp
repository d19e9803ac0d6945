// `slipway host ...`: hosts as the running service knows them.
#include <boost/json.hpp>
#include <iostream>

#include "base/json.hpp"
#include "base/progress.hpp"
#include "service/command.hpp"
#include "service/operator_client.hpp"
#include "service/table.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;

struct HostOptions {
  std::string host, why, profile, site;
  std::uint64_t expires_hours = 24;
  bool off = false;
};
using SharedOptions = std::shared_ptr<HostOptions>;

std::string macs_of(const JsonView& host) {
  std::string text;
  const auto macs = host.find("macs");
  const auto list = macs ? macs->elements() : Fallible<std::vector<JsonView>>{};
  if (!list) return text;
  for (const auto& mac : *list) text += (text.empty() ? "" : ",") + mac.text().value_or("");
  return text;
}

std::string progress_of(const JsonView& host) {
  for (const auto* said : {"reason", "diagnosis"}) {
    auto name = host.text_or(said, "");
    if (!name.empty()) return name;
  }
  const auto step = host.text_or("step", "");
  if (step.empty()) return "";
  constexpr std::size_t kColumns = 79;
  return progress_line({step, host.number_or("done_octets", 0), host.number_or("total_octets", 0),
                        host.number_or("rate_octets", 0)},
                       kColumns);
}

void list_hosts(Common& common) {
  const auto config = common.config();
  if (!config) return;
  const auto document = OperatorClient(*config).get("hosts");
  if (!document) return common.failed(document.error());
  if (common.json) {
    std::cout << json::serialize(*document) << "\n";
    return;
  }
  const auto member = JsonView(*document).member("hosts");
  const auto hosts = member ? member->elements() : std::unexpected(member.error());
  if (!hosts) return common.failed(hosts.error());
  std::vector<std::vector<std::string>> rows{{"NAME", "STATE", "MACS", "PROFILE", "SITE", ""}};
  for (const auto& host : *hosts) {
    const auto name = host.text_or("name", "");
    rows.push_back({name.empty() ? host.text_or("id", "") : name, host.text_or("state", ""),
                    macs_of(host), host.text_or("profile", ""), host.text_or("site", ""),
                    progress_of(host)});
  }
  print_table(rows);
}

void print_timeline(const json::value& document) {
  const auto member = JsonView(document).member("events");
  const auto events = member ? member->elements() : std::unexpected(member.error());
  if (!events) return;  // an empty timeline is nothing to show
  for (const auto& event : *events) {
    std::cout << "  " << clock_text(event.number_or("at", 0)) << "  " << event.text_or("event", "")
              << "  " << event.text_or("text", "") << "\n";
  }
}

// What the agent reported at the end of the last attempt.
void print_report(const JsonView& report) {
  std::cout << "\n";
  const auto disks = report.find("disks");
  if (const auto list = disks ? disks->elements() : Fallible<std::vector<JsonView>>{}) {
    for (const auto& disk : *list) {
      const auto taken = disk.find("taken");
      const bool is_taken = taken && taken->boolean().value_or(false);
      std::cout << "  " << disk.text_or("path", "") << (is_taken ? "  taken: " : "  left: ")
                << disk.text_or("why", "") << "\n";
    }
  }
  if (const auto health = report.find("health")) {
    std::cout << "  health: " << health->text_or("verdict", "") << ", "
              << health->text_or("summary", "") << "\n";
  }
  for (const auto* part : {"erase", "seconds"}) {
    if (const auto said = report.find(part)) {
      std::cout << "  " << part << ": " << json::serialize(said->raw()) << "\n";
    }
  }
}

void show_host(Common& common, const HostOptions& options) {
  const auto config = common.config();
  if (!config) return;
  OperatorClient client(*config);
  const auto path = "hosts/" + path_segment(options.host);
  const auto document = client.get(path);
  if (!document) return common.failed(document.error());
  if (common.json) {
    std::cout << json::serialize(*document) << "\n";
    return;
  }
  const auto* host = document->if_object();
  if (host == nullptr) return common.failed(Error("the service answered no host"));
  for (const auto& [key, value] : *host) {
    if (value.is_null() || (value.is_string() && value.as_string().empty())) continue;
    std::cout << key << ": ";
    if (key == "last_seen" || key == "changed_ms") {
      std::cout << clock_text(JsonView(value).number().value_or(0)) << "\n";
    } else if (value.is_string()) {
      std::cout << std::string_view(value.as_string()) << "\n";
    } else if (key == "report") {
      print_report(JsonView(value));
    } else {
      std::cout << json::serialize(value) << "\n";
    }
  }
  const auto timeline = client.get(path + "/timeline");
  if (!timeline) return common.failed(timeline.error());
  std::cout << "timeline:\n";
  print_timeline(*timeline);
}

void print_diagnostics(Common& common, const HostOptions& options) {
  const auto config = common.config();
  if (!config) return;
  const auto document =
      OperatorClient(*config).get("hosts/" + path_segment(options.host) + "/diagnostics");
  if (!document) return common.failed(document.error().within(options.host));
  if (common.json) {
    std::cout << json::serialize(*document) << "\n";
    return;
  }
  const JsonView view(*document);
  std::cout << view.text_or("reason", "") << ": " << view.text_or("detail", "") << "\n";
  const auto sections = view.find("sections");
  const auto list = sections ? sections->elements() : Fallible<std::vector<JsonView>>{};
  if (!list) return common.failed(list.error());
  for (const auto& section : *list) {
    std::cout << "\n== " << section.text_or("title", "") << "\n";
    const auto lines = section.find("lines");
    const auto texts = lines ? lines->elements() : Fallible<std::vector<JsonView>>{};
    if (!texts) return common.failed(texts.error());
    for (const auto& line : *texts) std::cout << line.text().value_or("") << "\n";
  }
}

void change_host(Common& common, const HostOptions& options, const std::string& action) {
  const auto config = common.config();
  if (!config) return;
  json::object body{{"by", who()}, {"why", options.why}};
  if (action == "arm" || action == "retry") body["expires_seconds"] = options.expires_hours * 3600;
  if (action == "rescue") body["open"] = !options.off;
  if (action == "assign") {
    body["profile"] = options.profile;
    body["site"] = options.site;
  }
  const auto answer =
      OperatorClient(*config).post("hosts/" + path_segment(options.host) + "/" + action, body);
  if (!answer) return common.failed(answer.error().within(options.host));
  if (common.json) std::cout << json::serialize(*answer) << "\n";
}

CLI::App* add_action(CLI::App& host, const SharedCommon& common, const SharedOptions& options,
                     const std::string& action, const std::string& help) {
  auto* command = host.add_subcommand(action, help);
  command->add_option("HOST", options->host, "name, MAC or ID")->required();
  command->add_option("--why", options->why, "for the audit log");
  command->callback([common, options, action] { change_host(*common, *options, action); });
  return command;
}

}  // namespace

void add_host(CLI::App& app, const SharedCommon& common) {
  auto* host = app.add_subcommand("host", "Hosts of the running service");
  host->require_subcommand(1);
  const auto options = std::make_shared<HostOptions>();

  host->add_subcommand("list", "All hosts")->callback([common] { list_hosts(*common); });
  auto* show = host->add_subcommand("show", "One host with its timeline");
  show->add_option("HOST", options->host, "name, MAC or ID")->required();
  show->callback([common, options] { show_host(*common, *options); });

  auto* arm = add_action(*host, common, options, "arm", "Permit to write the host's disk once");
  auto* retry = add_action(*host, common, options, "retry",
                           "Let a failed host try again, armed again if need be");
  for (auto* command : {arm, retry}) {
    command->add_option("--expires", options->expires_hours, "hours until the permission ends")
        ->capture_default_str()
        ->check(CLI::Range(1, 24 * 30));
  }
  auto* rescue = add_action(*host, common, options, "rescue",
                            "Open a root shell on the consoles of a waiting host");
  rescue->add_flag("--off", options->off, "close it");
  auto* diagnostics = host->add_subcommand("diagnostics", "What a host told after it failed");
  diagnostics->add_option("HOST", options->host, "name, MAC or ID")->required();
  diagnostics->callback([common, options] { print_diagnostics(*common, *options); });
  add_action(*host, common, options, "disarm", "Take the permission back");
  add_action(*host, common, options, "ignore", "Never answer this host");
  auto* assign = add_action(*host, common, options, "assign", "Give a host its profile and site");
  assign->add_option("--profile", options->profile, "NAME or NAME@VERSION")->required();
  assign->add_option("--site", options->site, "the site that it goes to");
  add_host_export(*host, common);
  add_host_import(*host, common);
}

}  // namespace slipway::service
