#include <algorithm>

#include "provisioning/entries.hpp"
#include "provisioning/installer_kind.hpp"

namespace slipway::provisioning {
namespace {

bool is_image_part(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.front() != '-' && text.size() <= 128 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") ==
             std::string_view::npos;
}

void read_image(const Value& value, std::string& image, Mistakes& mistakes) {
  const auto text = require_text(value, mistakes);
  if (!text) return;
  const auto at = text->find('@');
  const bool good = at != std::string::npos && is_image_part(text->substr(0, at)) &&
                    is_image_part(text->substr(at + 1));
  if (good) {
    image = *text;
  } else {
    mistakes.push_back({value.mark, shown(value) + " is no image; write NAME@VERSION"});
  }
}

void read_installer(const Value& value, Profile& profile, Mistakes& mistakes) {
  const auto image = [&profile](const Value& entry, Mistakes& out) {
    read_image(entry, profile.image, out);
  };
  read_fields(value, "installer", {{"kind", installer_kind(profile.installer)}, {"image", image}},
              mistakes);
  const bool needs_image = profile.installer == InstallerKind::flash;
  if (value.map() != nullptr && value.find("image") == nullptr && needs_image) {
    mistakes.push_back({value.key_mark(), "installer needs `image: NAME@VERSION`"});
  }
}

void read_requirements(const Value& value, Requirements& requirements, Mark& firmware_mark,
                       Mistakes& mistakes) {
  if (const auto* firmware = value.find("firmware")) firmware_mark = firmware->mark;
  read_fields(value, "requirements",
              {{"memory", size(requirements.memory_octets)},
               {"cpus", count(requirements.cpus)},
               {"disk", size(requirements.disk_octets)},
               {"firmware", one_of<Firmware>(requirements.firmware, {{"any", Firmware::any},
                                                                     {"bios", Firmware::bios},
                                                                     {"uefi", Firmware::uefi}})}},
              mistakes);
}

// Device names change between boots, but a rule may still name one for lack of anything better.
FieldReader device(std::string& target) {
  return [&target](const Value& value, Mistakes& mistakes) {
    const auto text = require_text(value, mistakes);
    if (!text) return;
    if (text->starts_with("/dev/")) {
      target = *text;
    } else {
      mistakes.push_back({value.mark, shown(value) + " is no device; write /dev/..."});
    }
  };
}

void read_condition(const Value& value, std::vector<DiskCondition>& rule, Mistakes& mistakes) {
  DiskCondition condition;
  read_fields(value, "a disk condition",
              {{"type", one_of<std::string>(condition.type, {{"nvme", "nvme"},
                                                             {"ssd", "ssd"},
                                                             {"hdd", "hdd"},
                                                             {"mmc", "mmc"},
                                                             {"virtio", "virtio"}})},
               {"min_size", size(condition.min_octets)},
               {"max_size", size(condition.max_octets)},
               {"model", text(condition.model)},
               {"serial", text(condition.serial)},
               {"path", device(condition.path)}},
              mistakes);
  if (condition.max_octets != 0 && condition.max_octets < condition.min_octets) {
    mistakes.push_back(
        {value.find("max_size")->mark, "max_size is below min_size: no disk can match"});
  }
  rule.push_back(std::move(condition));
}

void read_disk(const Value& value, Profile& profile, Mistakes& mistakes) {
  const auto condition = [&profile](const Value& entry, Mistakes& out) {
    read_condition(entry, profile.disk, out);
  };
  read_fields(value, "disk", {{"select", each_of(condition)}}, mistakes);
}

void read_layer(const Value& value, std::vector<Layer>& layers, Mistakes& mistakes) {
  Layer layer;
  UserDataParts parts;
  auto& name_mark = layer.mark;
  name_mark = value.mark;
  read_fields(value, "a layer",
              parts.with({{"name", name_text(layer.name, name_mark)},
                          {"kind", one_of<std::string>(layer.kind, {{"os", "os"},
                                                                    {"kubernetes", "kubernetes"},
                                                                    {"network", "network"},
                                                                    {"storage", "storage"},
                                                                    {"add-on", "add-on"}})},
                          {"version", text(layer.version)}}),
              mistakes);
  layer.user_data = std::move(parts).finish(mistakes);
  if (layer.name.empty() && value.map() != nullptr) {
    mistakes.push_back({value.mark, "a layer needs a `name`"});
  }
  const bool twice = std::ranges::find(layers, layer.name, &Layer::name) != layers.end();
  if (twice && !layer.name.empty()) {
    mistakes.push_back({name_mark, "layer `" + layer.name + "` stands twice in this profile"});
  }
  layers.push_back(std::move(layer));
}

FieldReader marked(Mark& mark, FieldReader read) {
  return [&mark, read = std::move(read)](const Value& value, Mistakes& mistakes) {
    mark = value.mark;
    read(value, mistakes);
  };
}

FieldReader version(std::string& target) {
  return [&target](const Value& value, Mistakes& mistakes) {
    const auto text = require_text(value, mistakes);
    if (!text) return;
    if (is_image_part(*text)) {
      target = *text;
    } else {
      mistakes.push_back({value.mark, shown(value) + " is no version; write 1.2.0"});
    }
  };
}

FieldReader texts_by_key(std::map<std::string, std::string>& target) {
  return [&target](const Value& value, Mistakes& mistakes) {
    if (value.map() == nullptr) {
      mistakes.push_back(
          {value.mark, "must be a map of texts, not " + std::string(kind_name(value))});
      return;
    }
    for (const auto& [key, entry] : *value.map()) {
      if (auto text = require_text(entry, mistakes)) target[key] = std::move(*text);
    }
  };
}

void read_compose(const Value& value, ProfileDraft& draft, Mistakes& mistakes) {
  draft.compose_mark = value.key_mark();
  const auto one = [&draft](const Value& entry, Mistakes& out) {
    if (auto name = require_text(entry, out)) draft.compose.push_back({*name, entry.mark});
  };
  each_of(one)(value, mistakes);
}

void read_keys(const Value& value, ProfileDraft& draft, UserDataParts& parts, Mistakes& mistakes) {
  auto& profile = draft.profile;
  const auto installer = [&](const Value& entry, Mistakes& out) {
    read_installer(entry, profile, out);
  };
  const auto disk = [&](const Value& entry, Mistakes& out) { read_disk(entry, profile, out); };
  const auto layer = [&](const Value& entry, Mistakes& out) {
    read_layer(entry, profile.layers, out);
  };
  const auto requirements = [&](const Value& entry, Mistakes& out) {
    read_requirements(entry, profile.requirements, draft.firmware_mark, out);
  };
  const auto compose = [&](const Value& entry, Mistakes& out) { read_compose(entry, draft, out); };
  read_fields(
      value, "a profile",
      parts.with({{"name", name_text(profile.name, draft.name_mark)},
                  {"version", version(profile.version)},
                  {"type", one_of<std::string>(profile.type, {{"infrastructure", "infrastructure"},
                                                              {"add-on", "add-on"},
                                                              {"full", "full"}})},
                  {"description", text(profile.description)},
                  {"tags", texts_by_key(profile.tags)},
                  {"compose", compose},
                  {"installer", installer},
                  {"format", marked(profile.format_mark, user_data_format(profile.format))},
                  {"template", marked(profile.template_mark, text(profile.template_file))},
                  {"requirements", requirements},
                  {"disk", disk},
                  {"layers", each_of(layer)},
                  {"finish", one_of<Finish>(profile.finish, {{"poweroff", Finish::poweroff},
                                                             {"reboot", Finish::reboot}})},
                  {"content", not_built("put the content into the image")}}),
      mistakes);
}

// An add-on only adds; what is installed, and onto which disk, is the infrastructure's to say.
void check_add_on(const Value& value, Mistakes& mistakes) {
  for (const auto* key : {"installer", "format", "requirements", "disk", "finish", "template"}) {
    const auto* said = value.find(key);
    if (said == nullptr) continue;
    mistakes.push_back({said->key_mark(), "an add-on carries layers and user_data only; `" +
                                              std::string(key) +
                                              "` belongs in an infrastructure or full profile"});
  }
}

void check_layer_kinds(const Profile& profile, Mistakes& mistakes) {
  for (const auto& layer : profile.layers) {
    const bool adds = layer.kind == "add-on";
    if (layer.kind.empty() || profile.type == "full" || adds == (profile.type == "add-on"))
      continue;
    mistakes.push_back(
        {layer.mark, "layer `" + layer.name + "` is of kind " + layer.kind + "; " +
                         (adds ? "an infrastructure profile has layers of kinds os, kubernetes, "
                                 "network and storage"
                               : "an add-on has layers of kind add-on")});
  }
}

void check_type(const Value& value, const ProfileDraft& draft, Mistakes& mistakes) {
  if (value.map() == nullptr) return;
  const auto& profile = draft.profile;
  const bool composed = value.find("compose") != nullptr;
  if (profile.type == "add-on") check_add_on(value, mistakes);
  check_layer_kinds(profile, mistakes);
  if (composed && profile.type != "full") {
    mistakes.push_back({draft.compose_mark, "only a full profile is composed of others"});
  }
  if (value.find("installer") == nullptr && !composed && profile.type != "add-on") {
    mistakes.push_back(
        {value.mark, "a profile needs `installer: {kind: flash, image: NAME@VERSION}`"});
  }
}

}  // namespace

ProfileDraft read_profile(const Value& value, std::string_view stem, Mistakes& mistakes) {
  ProfileDraft draft;
  UserDataParts parts;
  read_keys(value, draft, parts, mistakes);
  auto& profile = draft.profile;
  profile.mark = value.mark;
  profile.user_data = std::move(parts).finish(mistakes);
  check_type(value, draft, mistakes);
  if (profile.name.empty()) profile.name = stem;
  if (draft.name_mark.line == 0) draft.name_mark = value.mark;
  draft.value = value;
  return draft;
}

Profile read_profile_over(const Value& value, Profile base) {
  const Profile defaults;
  ProfileDraft draft;
  draft.profile = std::move(base);
  auto& profile = draft.profile;
  profile.version = defaults.version;
  profile.type = defaults.type;
  profile.description.clear();
  profile.layers.clear();
  if (value.find("disk") != nullptr) profile.disk.clear();
  UserDataParts parts;
  Mistakes said_by_read_profile;
  read_keys(value, draft, parts, said_by_read_profile);
  return std::move(draft.profile);
}

}  // namespace slipway::provisioning
