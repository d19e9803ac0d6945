#include "provisioning/unattended.hpp"

#include <algorithm>
#include <map>

#include "provisioning/property.hpp"
#include "provisioning/schema.hpp"
#include "provisioning/userdata.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kSections[] = {"stylus", "install", "stages",
                                          "reboot", "network", "user_data"};

// The path of a property, or empty.
std::string path_of(std::string_view name) {
  // As the vendor also spells it.
  if (name == "paletteEndPoint") name = "paletteEndpoint";
  const auto found = std::ranges::find(site_properties(), name, &SiteProperty::name);
  return found == site_properties().end() ? "" : found->path;
}

class Document {
 public:
  explicit Document(Mistakes& mistakes) : mistakes_(mistakes) {}

  AnsweredSite read(const Value& document) {
    out_.site = make_map({}, document.mark);
    read_fields(document, "an answers file", fields(document), mistakes_);
    if (document.map() != nullptr && document.find("name") == nullptr) {
      mistakes_.push_back({document.mark, "`name` of the site is missing"});
    }
    for (const auto& [path, value] : properties_) add(path, *value);
    return std::move(out_);
  }

 private:
  std::vector<Field> fields(const Value& document) {
    std::vector<Field> all;
    const auto keep_as = [this](std::string key) {
      return [this, key](const Value& value, Mistakes&) { out_.site.set(key, value); };
    };
    all.push_back({"name", keep_as("name")});
    all.push_back({"profile", [this](const Value& value, Mistakes& mistakes) {
                     out_.profile_mark = value.mark;
                     text(out_.profile)(value, mistakes);
                   }});
    for (const auto section : kSections) all.push_back({section, keep_as(std::string(section))});
    for (const auto& property : site_properties()) all.push_back(field_of(property.name));
    if (document.find("paletteEndPoint") != nullptr) all.push_back(field_of("paletteEndPoint"));
    return all;
  }

  // Sections come first, whatever the order in the file, so that a property finds its like there.
  Field field_of(std::string_view name) {
    return {name, [this, name](const Value& value, Mistakes&) {
              properties_.emplace_back(path_of(name), &value);
            }};
  }

  void add(const std::string& path, const Value& value) {
    if (const auto* first = out_.site.at(path)) {
      mistakes_.push_back({value.key_mark(), path + " is said twice, also at " +
                                                 first->key_mark().text() + "; keep one"});
      return;
    }
    for (auto dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
      const auto* section = out_.site.at(path.substr(0, dot));
      if (section != nullptr && section->map() == nullptr) return;  // said when the site is read
    }
    set_at(out_.site, path, value);
  }

  Mistakes& mistakes_;
  AnsweredSite out_;
  std::vector<std::pair<std::string, const Value*>> properties_;
};

}  // namespace

const std::vector<SiteProperty>& site_properties() {
  static const auto kAll = [] {
    constexpr std::string_view kSite = "stylus.site.";
    std::vector<SiteProperty> all{{"registryCredentials", "stylus.registryCredentials"},
                                  {"externalRegistries", "stylus.externalRegistries"}};
    for (const auto& entry : schema_entries()) {
      if (!entry.path.starts_with(kSite)) continue;
      const auto name = entry.path.substr(kSite.size());
      // `name` is the site's own here, and `network` a section.
      if (name == "name" || name == "network") continue;
      if (name.find_first_of(".[*") != std::string_view::npos) continue;
      all.push_back({name, std::string(entry.path)});
    }
    return all;
  }();
  return kAll;
}

Answers read_answers(std::string_view text, const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  auto parsed = parse_yaml_documents(text, file.string(), folder);
  Answers answers;
  answers.mistakes = std::move(parsed.mistakes);
  for (const auto& document : parsed.documents) {
    auto site = Document(answers.mistakes).read(document);
    if (document.map() != nullptr) answers.sites.push_back(std::move(site));
  }
  if (parsed.documents.empty() && answers.mistakes.empty()) {
    answers.mistakes.push_back({{file.string(), 1, 1}, "the file has no answers in it"});
  }
  return answers;
}

Mistakes check_answers(const Answers& answers, const Inventory& inventory, const Profile& profile) {
  Mistakes mistakes;
  std::map<std::string, Mark> edge_ids;
  // Whoever takes the site has a MAC by then; which one makes no difference.
  HostEntry whoever;
  whoever.macs.push_back(Mac{{0x02, 0, 0, 0, 0, 1}});
  for (const auto& answered : answers.sites) {
    const auto* name = answered.site.find("name");
    if (name == nullptr || name->string() == nullptr) continue;  // said by read_answers()
    const auto* site = inventory.site(*name->string());
    if (site == nullptr) continue;  // likewise
    std::ranges::move(check_subject({inventory, whoever, profile, site}),
                      std::back_inserter(mistakes));
    const auto* id = site->user_data.at("stylus.site.name");
    if (id == nullptr || id->string() == nullptr) continue;
    const auto [first, is_new] = edge_ids.emplace(*id->string(), id->mark);
    if (is_new) continue;
    mistakes.push_back({id->mark, "edge-host ID `" + *id->string() + "` stands twice, also at " +
                                      first->second.text()});
  }
  return mistakes;
}

}  // namespace slipway::provisioning
