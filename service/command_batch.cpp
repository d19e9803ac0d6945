// `slipway batch ...`: the technician's unit of work, at the running service; and exports.
#include <boost/json.hpp>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <sstream>

#include "base/json.hpp"
#include "base/progress.hpp"
#include "provisioning/batch_file.hpp"
#include "service/command.hpp"
#include "service/operator_client.hpp"
#include "service/table.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;
namespace prov = slipway::provisioning;

struct BatchOptions {
  std::string batch, profile, sites, hosts, why, format = "text";
  std::vector<std::string> allow;
  std::uint64_t limit = 0;  // 0: as many as there are sites
  std::uint64_t expires_hours = 24;
};
using SharedOptions = std::shared_ptr<BatchOptions>;

struct ExportOptions {
  std::string format = "csv", batch, state = "installed";
};

Fallible<std::string> file_text(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return fail("cannot read " + name);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// A list and where its entries stand.
struct BatchList {
  prov::BatchKind kind = prov::BatchKind::hosts;
  std::vector<prov::BatchLine> lines;
};

json::array entries_of(const BatchList& list) {
  json::array entries;
  for (const auto& line : list.lines) {
    if (list.kind == prov::BatchKind::sites) {
      entries.emplace_back(line.site);
    } else {
      entries.push_back(json::object{{"host", line.host}, {"site", line.site}});
    }
  }
  return entries;
}

// Where the thing that `pointer` points at was written: a place in the list, or an option.
std::string place_of(const std::string& pointer, const BatchList& list) {
  const auto slash = pointer.rfind('/');
  const auto name = slash == 0 ? pointer.substr(1) : pointer.substr(1, slash - 1);
  if (slash == 0 || name == "allow") return "--" + name;
  std::size_t index = 0;
  std::istringstream(pointer.substr(slash + 1)) >> index;
  return index < list.lines.size() ? list.lines[index].mark.text() : "--" + name;
}

// Each mistake on its line, as in files; false when the document names none.
bool say_mistakes(Common& common, const json::value& problem, const BatchList& list) {
  const auto errors = JsonView(problem).find("errors");
  const auto elements = errors ? errors->elements() : Fallible<std::vector<JsonView>>{};
  if (!elements || elements->empty()) return false;
  for (const auto& error : *elements) {
    std::cerr << place_of(error.text_or("pointer", "/"), list) << ": "
              << error.text_or("detail", "") << "\n";
  }
  common.failed(Error(JsonView(problem).text_or("detail", "refused")));
  return true;
}

std::optional<BatchList> read_list(Common& common, const BatchOptions& options) {
  const bool by_sites = !options.sites.empty();
  const auto& name = by_sites ? options.sites : options.hosts;
  const auto text = file_text(name);
  if (!text) {
    common.failed(text.error());
    return std::nullopt;
  }
  BatchList list{.kind = by_sites ? prov::BatchKind::sites : prov::BatchKind::hosts, .lines = {}};
  prov::Mistakes mistakes;
  list.lines = prov::read_batch_file(*text, name, list.kind, mistakes);
  for (const auto& mistake : mistakes) std::cerr << mistake.line() << "\n";
  if (mistakes.empty()) return list;
  common.exit_code = 1;
  return std::nullopt;
}

json::object request_of(const BatchOptions& options, const BatchList& list) {
  json::array allow;
  for (const auto& rule : options.allow) allow.emplace_back(rule);
  json::object body{{"by", who()},
                    {"why", options.why},
                    {"profile", options.profile},
                    {std::string(name_of(list.kind)), entries_of(list)},
                    {"allow", std::move(allow)},
                    {"expires_seconds", options.expires_hours * 3600}};
  if (options.limit != 0) body["limit"] = options.limit;
  return body;
}

void open_batch(Common& common, const BatchOptions& options) {
  const auto config = common.config();
  if (!config) return;
  const auto list = read_list(common, options);
  if (!list) return;
  const auto answer = OperatorClient(*config).send(http::Method::post, "batches",
                                                   json::serialize(request_of(options, *list)));
  if (!answer) return common.failed(answer.error());
  const auto document = parse_json(answer->body);
  if (!document) return common.failed(document.error());
  const JsonView view(*document);
  if (answer->status >= 300) {
    if (!say_mistakes(common, *document, *list)) {
      common.failed(Error(view.text_or("detail", "the service refused")));
    }
    return;
  }
  if (common.json) {
    std::cout << answer->body << "\n";
    return;
  }
  std::cout << "batch " << view.text_or("id", "") << " is open with " << view.number_or("total", 0)
            << " places\n";
}

std::string counts_of(const JsonView& batch) {
  std::string text = std::to_string(batch.number_or("done", 0)) + " of " +
                     std::to_string(batch.number_or("total", 0)) + " done";
  for (const auto* name : {"failed", "running", "armed", "waiting", "withdrawn"}) {
    const auto count = batch.number_or(name, 0);
    if (count != 0) text += ", " + std::to_string(count) + " " + name;
  }
  return text;
}

std::string pace_of(const JsonView& batch) {
  const auto pace = batch.find("boxes_per_hour");
  const auto eta = batch.number_or("eta_ms", 0);
  if (eta == 0 || !pace || !pace->raw().is_number()) return "";
  std::ostringstream text;
  text << "; " << std::fixed << std::setprecision(1) << pace->raw().to_number<double>()
       << " boxes an hour, ready at " << clock_text(eta);
  return text.str();
}

std::string progress_of(const JsonView& member) {
  for (const auto* name : {"refusal", "reason"}) {
    auto text = member.text_or(name, "");
    if (!text.empty()) return text;
  }
  const auto step = member.text_or("step", "");
  if (step.empty()) return "";
  constexpr std::size_t kColumns = 60;
  return progress_line({step, member.number_or("done_octets", 0),
                        member.number_or("total_octets", 0), member.number_or("rate_octets", 0)},
                       kColumns);
}

// The list `name` of `view`; nothing when it has none.
std::vector<JsonView> list_of(const JsonView& view, std::string_view name) {
  const auto member = view.find(name);
  auto elements = member ? member->elements() : Fallible<std::vector<JsonView>>{};
  return elements ? std::move(*elements) : std::vector<JsonView>{};
}

void print_batch(const JsonView& batch) {
  const auto why = batch.text_or("why", "");
  std::cout << "batch " << batch.text_or("id", "") << " of " << batch.text_or("profile", "")
            << ", opened " << clock_text(batch.number_or("opened_ms", 0)) << " by "
            << batch.text_or("opened_by", "") << (why.empty() ? "" : ": " + why) << "\n";
  const auto closed = batch.text_or("closed_by", "");
  if (!closed.empty()) {
    std::cout << "closed " << clock_text(batch.number_or("closed_ms", 0)) << " by " << closed
              << "\n";
  }
  std::cout << counts_of(batch) << pace_of(batch) << "\n\n";
  std::vector<std::vector<std::string>> rows{{"NO", "HOST", "SITE", "STATE", ""}};
  for (const auto& member : list_of(batch, "members")) {
    const auto name = member.text_or("name", "");
    rows.push_back({std::to_string(member.number_or("number", 0)),
                    name.empty() ? member.text_or("host", "") : name, member.text_or("site", ""),
                    member.text_or("state", ""), progress_of(member)});
  }
  print_table(rows);
  for (const auto& straggler : list_of(batch, "stragglers")) {
    std::cout << "straggler: " << straggler.number_or("number", 0) << " "
              << straggler.text_or("name", "") << ", " << straggler.text_or("why", "") << "\n";
  }
}

void show_batch(Common& common, const BatchOptions& options) {
  const auto config = common.config();
  if (!config) return;
  const auto document = OperatorClient(*config).get("batches/" + path_segment(options.batch));
  if (!document) return common.failed(document.error());
  if (common.json) {
    std::cout << json::serialize(*document) << "\n";
  } else {
    print_batch(JsonView(*document));
  }
}

void list_batches(Common& common) {
  const auto config = common.config();
  if (!config) return;
  const auto document = OperatorClient(*config).get("batches");
  if (!document) return common.failed(document.error());
  if (common.json) {
    std::cout << json::serialize(*document) << "\n";
    return;
  }
  std::vector<std::vector<std::string>> rows{{"BATCH", "PROFILE", "OPENED", "STATE", ""}};
  for (const auto& batch : list_of(JsonView(*document), "batches")) {
    const bool is_open = batch.number_or("closed_ms", 0) == 0;
    rows.push_back({batch.text_or("id", ""), batch.text_or("profile", ""),
                    clock_text(batch.number_or("opened_ms", 0)), is_open ? "open" : "closed",
                    counts_of(batch) + pace_of(batch)});
  }
  print_table(rows);
}

void close_batch(Common& common, const BatchOptions& options) {
  const auto config = common.config();
  if (!config) return;
  const json::object body{{"by", who()}, {"why", options.why}};
  const auto path = "batches/" + path_segment(options.batch) + "/close";
  const auto document = OperatorClient(*config).post(path, body);
  if (!document) return common.failed(document.error());
  if (common.json) std::cout << json::serialize(*document) << "\n";
}

// Prints what the service answers, octet for octet.
void print_answer(Common& common, const std::string& path) {
  const auto config = common.config();
  if (!config) return;
  const auto answer = OperatorClient(*config).send(http::Method::get, path, {});
  if (!answer) return common.failed(answer.error());
  if (answer->status < 300) {
    std::cout << answer->body;
    return;
  }
  const auto problem = parse_json(answer->body);
  if (!problem) return common.failed(Error("the service refused"));
  common.failed(Error(JsonView(*problem).text_or("detail", "the service refused")));
}

void add_open(CLI::App& batch, const SharedCommon& common, const SharedOptions& options) {
  auto* open =
      batch.add_subcommand("open", "Arm the hosts of a list, or whoever fits for its sites");
  open->add_option("--profile", options->profile, "NAME or NAME@VERSION")->required();
  auto* lists = open->add_option_group("list");
  lists->add_option("--sites", options->sites, "a site a line, or CSV with the column `site`");
  lists->add_option("--hosts", options->hosts,
                    "a name, MAC or ID a line, or CSV with the columns `host` and `site`");
  lists->require_option(1);
  open->add_option("--limit", options->limit, "take so many of the sites at most")
      ->check(CLI::Range(1, 10'000));
  open->add_option("--allow", options->allow,
                   "which discovered hosts may take a site: any, mac=PREFIX, vendor=TEXT, "
                   "product=TEXT")
      ->allow_extra_args(false);
  open->add_option("--why", options->why, "for the audit log");
  open->add_option("--expires", options->expires_hours, "hours until the batch ends")
      ->capture_default_str()
      ->check(CLI::Range(1, 24 * 90));
  open->callback([common, options] { open_batch(*common, *options); });
}

CLI::App* add_for_batch(CLI::App& batch, const SharedOptions& options, const std::string& name,
                        const std::string& help) {
  auto* command = batch.add_subcommand(name, help);
  command->add_option("BATCH", options->batch, "its ID")->required();
  return command;
}

}  // namespace

void add_batch(CLI::App& app, const SharedCommon& common) {
  auto* batch = app.add_subcommand("batch", "Batches of hosts");
  batch->require_subcommand(1);
  const auto options = std::make_shared<BatchOptions>();
  add_open(*batch, common, options);
  batch->add_subcommand("list", "All batches with their counts")->callback([common] {
    list_batches(*common);
  });
  add_for_batch(*batch, options, "show", "One batch with its members, pace and stragglers")
      ->callback([common, options] { show_batch(*common, *options); });
  auto* close = add_for_batch(*batch, options, "close", "Take nobody more, disarm what waits");
  close->add_option("--why", options->why, "for the audit log");
  close->callback([common, options] { close_batch(*common, *options); });
  auto* report = add_for_batch(*batch, options, "report", "What became of each box");
  report->add_option("--format", options->format, "text, csv or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "csv", "json"}));
  report->callback([common, options] {
    print_answer(*common, "batches/" + path_segment(options->batch) +
                              "/report?format=" + (common->json ? "json" : options->format));
  });
}

void add_host_export(CLI::App& host, const SharedCommon& common) {
  const auto options = std::make_shared<ExportOptions>();
  auto* command = host.add_subcommand("export", "Finished hosts as CSV, JSON or Terraform");
  command->add_option("--format", options->format, "csv, json or terraform")
      ->capture_default_str()
      ->check(CLI::IsMember({"csv", "json", "terraform"}));
  command->add_option("--batch", options->batch, "only those of this batch");
  command->add_option("--state", options->state, "only hosts in this state")->capture_default_str();
  command->callback([common, options] {
    print_answer(*common, "export/hosts?format=" + (common->json ? "json" : options->format) +
                              "&state=" + path_segment(options->state) +
                              "&batch=" + path_segment(options->batch));
  });
}

}  // namespace slipway::service
