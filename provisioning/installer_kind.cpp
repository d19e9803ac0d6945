#include "provisioning/installer_kind.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "provisioning/template.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

using enum UserDataFormat;

struct Kind {
  std::string_view name;
  InstallerKind kind;
  std::vector<UserDataFormat> formats;  // the first one is the default
};

const std::vector<Kind>& kinds() {
  // What each installer can read. Ubuntu's takes its section from plain cloud-init user-data, too.
  static const std::vector<Kind> kKinds{
      {"flash", InstallerKind::flash, {cloud_init, kairos}},
      {"kairos", InstallerKind::kairos, {kairos}},
      {"preseed", InstallerKind::preseed, {preseed}},
      {"autoinstall", InstallerKind::autoinstall, {autoinstall, cloud_init}},
      {"kickstart", InstallerKind::kickstart, {kickstart}},
      {"ignition", InstallerKind::ignition, {ignition}},
      {"talos", InstallerKind::talos, {yaml}},
      {"generic", InstallerKind::generic, {generic, yaml, ignition, cloud_init}},
  };
  return kKinds;
}

constexpr std::pair<std::string_view, UserDataFormat> kFormats[] = {
    {"cloud-init", cloud_init},
    {"kairos", kairos},
    {"preseed", preseed},
    {"kickstart", kickstart},
    {"autoinstall", autoinstall},
    {"ignition", ignition},
    {"yaml", yaml},
    {"generic", generic},
};

const Kind& entry_of(InstallerKind kind) { return *std::ranges::find(kinds(), kind, &Kind::kind); }

void complete_format(Profile& profile, Mistakes& mistakes) {
  const auto& allowed = entry_of(profile.installer).formats;
  if (profile.format_mark.line == 0) {
    profile.format = allowed.front();
  } else if (std::ranges::find(allowed, profile.format) == allowed.end()) {
    std::vector<std::string_view> names;
    for (const auto format : allowed) names.push_back(name_of(format));
    mistakes.push_back(
        {profile.format_mark, "the installer " + std::string(name_of(profile.installer)) +
                                  " cannot read format " + std::string(name_of(profile.format)) +
                                  "; it reads " + listed(names)});
  }
}

// Where the template lies, or a mistake: no name may lead out of the folder, by links neither.
std::optional<std::filesystem::path> path_of(const Profile& profile,
                                             const std::filesystem::path& folder,
                                             Mistakes& mistakes) {
  const std::filesystem::path name(profile.template_file);
  const auto shown_name = "`" + profile.template_file + "`";
  const bool climbs = std::ranges::find(name, "..") != name.end();
  if (name.is_absolute() || climbs) {
    mistakes.push_back({profile.template_mark,
                        shown_name + " must be relative to the inventory folder and inside it"});
    return std::nullopt;
  }
  std::error_code error;
  const auto real = std::filesystem::canonical(folder / name, error);
  const auto root = std::filesystem::canonical(folder, error);
  if (error || !std::filesystem::is_regular_file(real, error)) {
    mistakes.push_back(
        {profile.template_mark, "there is no file " + shown_name + " in the inventory folder"});
    return std::nullopt;
  }
  if (std::ranges::mismatch(root, real).in1 != root.end()) {
    mistakes.push_back({profile.template_mark, shown_name + " leads out of the inventory folder"});
    return std::nullopt;
  }
  return folder / name;
}

std::shared_ptr<const Template> read_template(const Profile& profile,
                                              const std::filesystem::path& folder,
                                              Mistakes& mistakes) {
  const auto path = path_of(profile, folder, mistakes);
  if (!path) return nullptr;
  auto text = read_text_file(*path, kMaxTemplateOctets);
  if (!text) {
    mistakes.push_back({profile.template_mark, text.error().text()});
    return nullptr;
  }
  const auto said = mistakes.size();
  auto parsed = parse_template(std::move(*text), path->string(), mistakes);
  if (mistakes.size() > said) return nullptr;
  return std::make_shared<const Template>(std::move(parsed));
}

}  // namespace

std::string_view name_of(InstallerKind kind) { return entry_of(kind).name; }

std::string_view name_of(UserDataFormat format) {
  return std::ranges::find(kFormats, format, &std::pair<std::string_view, UserDataFormat>::second)
      ->first;
}

bool is_text_format(UserDataFormat format) { return format != cloud_init && format != kairos; }

FieldReader installer_kind(InstallerKind& target) {
  std::vector<std::string_view> names;
  for (const auto& kind : kinds()) names.push_back(kind.name);
  return shaped(word_of(names), [&target, names](const Value& value, Mistakes& mistakes) {
    if (const auto index = require_word(value, names, mistakes)) target = kinds()[*index].kind;
  });
}

FieldReader user_data_format(UserDataFormat& target) {
  std::vector<std::string_view> names;
  for (const auto& [name, format] : kFormats) names.push_back(name);
  return shaped(word_of(names), [&target, names](const Value& value, Mistakes& mistakes) {
    if (const auto index = require_word(value, names, mistakes)) target = kFormats[*index].second;
  });
}

void complete_profiles(Inventory& inventory, const std::filesystem::path& folder,
                       Mistakes& mistakes) {
  std::map<std::string, std::shared_ptr<const Template>> read;  // several versions may share one
  for (auto& profile : inventory.profiles) {
    if (profile.type == "add-on") continue;
    complete_format(profile, mistakes);
    const bool wanted = is_text_format(profile.format);
    if (profile.template_file.empty()) {
      if (!wanted) continue;
      mistakes.push_back({profile.mark, "format " + std::string(name_of(profile.format)) +
                                            " needs a template: `template: templates/FILE`"});
    } else if (!wanted) {
      mistakes.push_back({profile.template_mark, "format " + std::string(name_of(profile.format)) +
                                                     " is made without a template"});
    } else {
      auto& known = read[profile.template_file];
      if (!known) known = read_template(profile, folder, mistakes);
      profile.text_template = known;
    }
  }
}

}  // namespace slipway::provisioning
