// `slipway host import` and `slipway batch import`: files of others become files of the inventory.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <iterator>

#include "base/json.hpp"
#include "provisioning/batch.hpp"
#include "provisioning/entries.hpp"
#include "provisioning/unattended.hpp"
#include "provisioning/yaml.hpp"
#include "service/command.hpp"
#include "service/inventory_change.hpp"
#include "service/operator_client.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;
namespace prov = slipway::provisioning;

struct ImportOptions {
  std::string file;
  bool replace = false;
  bool dry_run = false;

  [[nodiscard]] prov::Existing existing() const {
    return replace ? prov::Existing::replace : prov::Existing::refuse;
  }
};
using SharedOptions = std::shared_ptr<ImportOptions>;

void finish(Common& common, const prov::Config& config, const prov::InventoryDraft& draft,
            bool dry_run) {
  if (dry_run) return say_draft(common, draft);
  const auto document = write_and_reload(common, config, draft);
  if (document && common.json) std::cout << json::serialize(*document) << "\n";
}

void import_hosts(Common& common, const ImportOptions& options) {
  const auto config = common.config();
  if (!config) return;
  const auto text = prov::read_text_file(options.file, prov::kMaxCsvOctets);
  if (!text) return common.failed(text.error());
  prov::Mistakes mistakes;
  prov::Additions additions;
  additions.hosts = prov::read_host_rows(*text, options.file, mistakes);
  if (additions.hosts.empty() && mistakes.empty()) {
    return common.failed(Error(options.file + ": there is no host in it"));
  }
  auto checked = prov::check_additions(config->inventory, std::move(additions), options.existing());
  std::ranges::move(checked.mistakes, std::back_inserter(mistakes));
  if (!say_mistakes(common, std::move(mistakes), options.file)) return;
  finish(common, *config, *checked.draft, options.dry_run);
}

// Sites, all of one profile, and how the batch is opened that takes hosts to them.
struct BatchOptions {
  std::string profile, why;
  std::vector<std::string> allow;
  std::uint64_t limit = 0;  // 0: as many as there are sites
  bool none = false;        // the sites only
};

// The answers as a whole: one profile for all, and good together with it.
class AnswersCheck {
 public:
  AnswersCheck(const prov::Answers& answers, const BatchOptions& options)
      : answers_(answers), options_(options) {}

  // The profile's name; empty when none is said, or when it was said twice, which is a mistake.
  std::string profile(prov::Mistakes& mistakes) const {
    std::string name = options_.profile;
    std::string where = "--profile";
    for (const auto& site : answers_.sites) {
      if (site.profile.empty()) continue;
      if (name.empty()) {
        name = site.profile;
        where = site.profile_mark.text();
      } else if (site.profile != name) {
        mistakes.push_back(
            {site.profile_mark, "a batch has one profile; `" + name + "` is said at " + where});
        return "";
      }
    }
    return name;
  }

  void with_profile(const std::string& name, const prov::Inventory& inventory,
                    prov::Mistakes& mistakes) const {
    if (name.empty()) return;
    const auto* profile = inventory.profile(name);
    if (profile == nullptr) {
      std::vector<std::string_view> known;
      for (const auto& one : inventory.profiles) known.push_back(one.name);
      mistakes.push_back(
          {place_of(name), "no profile is named `" + name + "`" + prov::suggestion(name, known)});
      return;
    }
    std::ranges::move(prov::check_answers(answers_, inventory, *profile),
                      std::back_inserter(mistakes));
  }

  void options(prov::Mistakes& mistakes) const {
    for (const auto& rule : options_.allow) {
      if (const auto good = prov::parse_allow_rule(rule); !good) {
        mistakes.push_back({{.file = "--allow"}, good.error().text()});
      }
    }
  }

 private:
  prov::Mark place_of(const std::string& name) const {
    const auto found = std::ranges::find(answers_.sites, name, &prov::AnsweredSite::profile);
    return found == answers_.sites.end() ? prov::Mark{.file = "--profile"} : found->profile_mark;
  }

  const prov::Answers& answers_;
  const BatchOptions& options_;
};

json::object batch_request(const prov::InventoryDraft& draft, const std::string& profile,
                           const BatchOptions& options) {
  json::array sites;
  for (const auto& file : draft.files()) sites.emplace_back(file.name);
  json::array allow;
  for (const auto& rule : options.allow) allow.emplace_back(rule);
  json::object body{{"by", who()},
                    {"why", options.why},
                    {"profile", profile},
                    {"sites", std::move(sites)},
                    {"allow", std::move(allow)}};
  if (options.limit > 0) body["limit"] = options.limit;
  return body;
}

void write_and_open(Common& common, const prov::Config& config, const prov::InventoryDraft& draft,
                    const json::object& request) {
  auto document = write_and_reload(common, config, draft);
  if (!document) return;
  auto batch = OperatorClient(config).post("batches", request);
  if (!batch) {
    return common.failed(batch.error().within("the sites are written, but no batch is open"));
  }
  if (!common.json) {
    std::cout << "batch " << JsonView(*batch).text_or("id", "") << " is open\n";
    return;
  }
  (*document)["batch"] = std::move(*batch);
  std::cout << json::serialize(*document) << "\n";
}

void import_answers(Common& common, const ImportOptions& options, const BatchOptions& batch) {
  const auto config = common.config();
  if (!config) return;
  const auto text = prov::read_text_file(options.file, prov::kMaxYamlOctets);
  if (!text) return common.failed(text.error());
  const auto answers = prov::read_answers(*text, options.file);
  auto mistakes = answers.mistakes;
  const AnswersCheck check(answers, batch);
  const auto profile = check.profile(mistakes);
  check.options(mistakes);
  prov::Additions additions;
  for (const auto& answered : answers.sites) additions.sites.push_back(answered.site);
  auto checked = prov::check_additions(config->inventory, std::move(additions), options.existing());
  std::ranges::move(checked.mistakes, std::back_inserter(mistakes));
  check.with_profile(profile, checked.inventory, mistakes);
  if (!say_mistakes(common, std::move(mistakes), options.file)) return;
  if (options.dry_run || batch.none) {
    return finish(common, *config, *checked.draft, options.dry_run);
  }
  // Before anything is written: what would be in vain.
  if (profile.empty()) {
    return common.failed(
        Error("a batch needs a profile: --profile P, or `profile` in the answers "
              "(or --no-batch); nothing was written"));
  }
  if (!OperatorClient(*config).is_running()) {
    return common.failed(
        Error("no service is running that could open a batch; start `slipway "
              "serve`, or say --no-batch; nothing was written"));
  }
  write_and_open(common, *config, *checked.draft, batch_request(*checked.draft, profile, batch));
}

CLI::App* add_import(CLI::App& parent, const SharedOptions& options, const std::string& help) {
  auto* command = parent.add_subcommand("import", help);
  command->add_option("FILE", options->file, "the file to read")->required();
  command->add_flag("--replace", options->replace,
                    "replace what the inventory has under the same name; refused without it");
  command->add_flag("--dry-run", options->dry_run, "check, and say what would be written");
  return command;
}

}  // namespace

void add_host_import(CLI::App& host, const SharedCommon& common) {
  const auto options = std::make_shared<ImportOptions>();
  auto* command =
      add_import(host, options,
                 "Write hosts of a CSV file (columns as in hosts.csv) into the inventory's hosts/");
  command->callback([common, options] { import_hosts(*common, *options); });
}

void add_batch_import(CLI::App& app, const SharedCommon& common) {
  auto* batch = app.get_subcommand("batch");
  const auto options = std::make_shared<ImportOptions>();
  const auto opening = std::make_shared<BatchOptions>();
  auto* command = add_import(*batch, options,
                             "Write the sites of an answers file (unattended.yaml) into the "
                             "inventory and open a batch for them");
  command->add_option("--profile", opening->profile, "NAME or NAME@VERSION, for all sites");
  command
      ->add_option("--allow", opening->allow,
                   "which discovered hosts may take a site: any, mac=PREFIX, vendor=TEXT, "
                   "product=TEXT")
      ->allow_extra_args(false);
  command->add_option("--limit", opening->limit, "open for so many of the sites at most")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--why", opening->why, "for the audit log");
  command->add_flag("--no-batch", opening->none, "write the sites only");
  command->callback([common, options, opening] { import_answers(*common, *options, *opening); });
}

}  // namespace slipway::service
