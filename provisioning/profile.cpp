#include <algorithm>

#include "provisioning/entries.hpp"
#include "provisioning/installer_kind.hpp"
#include "provisioning/profile_content.hpp"
#include "provisioning/profile_host.hpp"
#include "provisioning/profile_installer.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kVersionPattern = "^[A-Za-z0-9_+][A-Za-z0-9._+-]{0,127}$";

std::vector<Field> layer_fields(Layer& layer, UserDataParts& parts) {
  return parts.with({{"name", name_text(layer.name, layer.mark)},
                     {"kind", one_of<std::string>(layer.kind, {{"os", "os"},
                                                               {"kubernetes", "kubernetes"},
                                                               {"network", "network"},
                                                               {"storage", "storage"},
                                                               {"add-on", "add-on"}})},
                     {"version", text(layer.version)}});
}

void read_layer(const Value& value, std::vector<Layer>& layers, Mistakes& mistakes) {
  Layer layer;
  UserDataParts parts;
  layer.mark = value.mark;
  read_fields(value, "a layer", layer_fields(layer, parts), mistakes);
  layer.user_data = std::move(parts).finish(mistakes);
  if (layer.name.empty() && value.map() != nullptr) {
    mistakes.push_back({value.mark, "a layer needs a `name`"});
  }
  const bool twice = std::ranges::find(layers, layer.name, &Layer::name) != layers.end();
  if (twice && !layer.name.empty()) {
    mistakes.push_back({layer.mark, "layer `" + layer.name + "` stands twice in this profile"});
  }
  layers.push_back(std::move(layer));
}

FieldReader layers(Profile& profile) {
  Layer any;
  UserDataParts parts;
  auto layer = shaped(
      map_of(layer_fields(any, parts), {"name"}),
      [&profile](const Value& entry, Mistakes& out) { read_layer(entry, profile.layers, out); });
  return each_of(std::move(layer));
}

FieldReader version(std::string& target) {
  return shaped(text_like(kVersionPattern), [&target](const Value& value, Mistakes& mistakes) {
    const auto text = require_text(value, mistakes);
    if (!text) return;
    if (is_image_part(*text)) {
      target = *text;
    } else {
      mistakes.push_back({value.mark, shown(value) + " is no version; write 1.2.0"});
    }
  });
}

FieldReader compose(ProfileDraft& draft) {
  auto parts =
      each_of(shaped(shape_of(Shape::Kind::text), [&draft](const Value& entry, Mistakes& mistakes) {
        if (auto name = require_text(entry, mistakes)) draft.compose.push_back({*name, entry.mark});
      }));
  auto shape = parts.shape();
  return shaped(std::move(shape),
                [&draft, parts = std::move(parts)](const Value& value, Mistakes& mistakes) {
                  draft.compose_mark = value.key_mark();
                  parts(value, mistakes);
                });
}

std::vector<Field> profile_fields(ProfileDraft& draft, UserDataParts& parts) {
  auto& profile = draft.profile;
  return parts.with(
      {{"name", name_text(profile.name, draft.name_mark)},
       {"version", version(profile.version)},
       {"type", one_of<std::string>(profile.type, {{"infrastructure", "infrastructure"},
                                                   {"add-on", "add-on"},
                                                   {"full", "full"}})},
       {"description", text(profile.description)},
       {"tags", texts_by_key(profile.tags)},
       {"compose", compose(draft)},
       {"installer", installer(profile)},
       {"format", marked(profile.format_mark, user_data_format(profile.format))},
       {"template", marked(profile.template_mark, text(profile.template_file))},
       {"requirements", requirements(draft)},
       {"disk", disk(profile)},
       {"burn_in", burn_in(profile.burn_in)},
       {"layers", layers(profile)},
       {"finish", one_of<Finish>(profile.finish,
                                 {{"poweroff", Finish::poweroff}, {"reboot", Finish::reboot}})},
       {"content", content(profile.content)}});
}

// An add-on only adds; what is installed, and onto which disk, is the infrastructure's to say.
void check_add_on(const Value& value, Mistakes& mistakes) {
  for (const auto* key : {"installer", "format", "requirements", "disk", "burn_in", "finish",
                          "template", "content"}) {
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
  read_fields(value, "a profile", profile_fields(draft, parts), mistakes);
  auto& profile = draft.profile;
  profile.mark = value.mark;
  profile.user_data = std::move(parts).finish(mistakes);
  check_type(value, draft, mistakes);
  check_requirements(draft, mistakes);
  check_content(profile, mistakes);
  if (profile.name.empty()) profile.name = stem;
  if (draft.name_mark.line == 0) draft.name_mark = value.mark;
  draft.value = value;
  return draft;
}

Shape profile_shape() {
  ProfileDraft draft;
  UserDataParts parts;
  return map_of(profile_fields(draft, parts));
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
  // The disk is chosen by one rule; what else stands below `disk` stays unless said anew.
  if (value.at("disk.select") != nullptr) {
    profile.disk.clear();
    profile.pick = defaults.pick;
  }
  if (value.find("content") != nullptr) profile.content.clear();
  UserDataParts parts;
  Mistakes said_by_read_profile;
  read_fields(value, "a profile", profile_fields(draft, parts), said_by_read_profile);
  return std::move(draft.profile);
}

}  // namespace slipway::provisioning
