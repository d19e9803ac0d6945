#include "provisioning/plan.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/json.hpp"
#include "provisioning/edge_id.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;

std::string_view name_of(Firmware firmware) {
  switch (firmware) {
    case Firmware::any: return "any";
    case Firmware::bios: return "bios";
    case Firmware::uefi: return "uefi";
  }
  return "any";
}

std::string_view name_of(SecureBoot state) {
  switch (state) {
    case SecureBoot::any: return "any";
    case SecureBoot::on: return "on";
    case SecureBoot::off: return "off";
  }
  return "any";
}

std::string_view name_of(DiskPick pick) {
  switch (pick) {
    case DiskPick::one: return "one";
    case DiskPick::largest: return "largest";
    case DiskPick::smallest: return "smallest";
  }
  return "one";
}

std::string_view name_of(Erase erase) {
  switch (erase) {
    case Erase::none: return "none";
    case Erase::discard: return "discard";
    case Erase::secure: return "secure";
  }
  return "none";
}

std::string_view name_of(std::optional<bool> rotational) {
  if (!rotational) return "any";
  return *rotational ? "yes" : "no";
}

json::object image_of(const ImageFiles& image) {
  return {{"name", image.name},
          {"manifest", "/artifacts/" + image.manifest.text() + "/manifest.json"},
          {"manifest_sha256", image.manifest.text()},
          {"signature", image.signature},
          {"data", "/artifacts/" + image.data.text() + "/image.zst"}};
}

json::object requirements_of(const Requirements& needs) {
  return {{"memory_octets", needs.memory_octets},
          {"cpus", needs.cpus},
          {"disk_octets", needs.disk_octets},
          {"firmware", json::string(name_of(needs.firmware))},
          {"secure_boot", json::string(name_of(needs.secure_boot))},
          {"tpm", needs.tpm ? "present" : "any"},
          {"nic_speed_mbit", needs.nic_speed_mbit},
          {"disk_health", needs.healthy_disk ? "good" : "any"}};
}

json::array disk_rule_of(const Profile& profile) {
  json::array rules;
  for (const auto& rule : profile.disk) {
    rules.push_back(json::object{{"type", rule.type},
                                 {"min_octets", rule.min_octets},
                                 {"max_octets", rule.max_octets},
                                 {"model", rule.model},
                                 {"serial", rule.serial},
                                 {"wwn", rule.wwn},
                                 {"path", rule.path},
                                 {"rotational", json::string(name_of(rule.rotational))}});
  }
  return rules;
}

// What is done to the chosen disk besides the write of the image, and before it.
void put_disk_work(const Profile& profile, json::object& plan) {
  plan["disk_pick"] = json::string(name_of(profile.pick));
  plan["erase"] = json::string(name_of(profile.erase));
  plan["new_guids"] = profile.new_guids;
  plan["grow"] = profile.grow;
  plan["burn_in"] = json::object{{"memory_seconds", profile.burn_in.memory.count()},
                                 {"disk_read_seconds", profile.burn_in.disk_read.count()},
                                 {"cpu_seconds", profile.burn_in.cpu.count()}};
}

}  // namespace

Fallible<Recipe> armed_recipe_of(const Host& host,
                                 const std::shared_ptr<const Inventory>& current) {
  auto recipe = complete_recipe_of(host, host.snapshot ? host.snapshot : current);
  if (!recipe) return recipe;
  if (!host.arming || digest_of(*recipe->profile) != host.arming->profile_digest) {
    return fail("profile " + recipe->profile->id() +
                " is not what the host was armed with; arm the host again");
  }
  return recipe;
}

std::string instance_id(const Recipe& recipe, std::int64_t attempt) {
  return recipe.entry.name + "-" + std::to_string(attempt);
}

Box box_of(const Recipe& recipe, const Host& host, const ImageFiles& image) {
  Box box{.name = recipe.entry.name,
          .macs = host.macs,
          .uuid = recipe.entry.uuid ? recipe.entry.uuid->text() : std::string(),
          .serial = recipe.entry.serial,
          .site = recipe.entry.site,
          .image = image.name,
          .image_digest = image.manifest};
  const auto merged = merge_user_data(recipe.subject());
  if (!merged) return box;  // nobody is armed with such a recipe
  box.edge_id = edge_id_of(recipe.entry, *merged);
  const auto shown = mask_secrets(*merged);
  const auto* tags = shown.at("stylus.site.tags");
  if (tags == nullptr || tags->map() == nullptr) return box;
  for (const auto& [key, value] : *tags->map()) {
    if (value.string() != nullptr) box.tags.emplace_back(key, *value.string());
  }
  return box;
}

namespace {

json::array content_json(const std::vector<PlannedContent>& content) {
  json::array files;
  for (const auto& [part, path, partition] : content) {
    files.push_back(json::object{{"url", "/artifacts/" + part.sha256.text() + "/" + part.name},
                                 {"octets", part.octets},
                                 {"sha256", part.sha256.text()},
                                 {"path", path},
                                 {"partition", partition}});
  }
  return files;
}

// Linux reads no ISO 9660, whose blocks have 2048 octets, from a disk with larger sectors. Which of
// the disks will be written is for the agent to say; FAT can be read on all of them.
bool has_large_sectors(const Host& host) {
  constexpr std::uint64_t kIsoBlock = 2048;
  const auto inventory = parse_json(host.inventory_json);
  if (!inventory) return false;  // none posted yet
  const auto disks = JsonView(*inventory).find("disks");
  if (!disks) return false;
  const auto list = disks->elements();
  return list && std::ranges::any_of(*list, [](const JsonView& disk) {
           return disk.number_or("sector_octets", 0) > kIsoBlock;
         });
}

}  // namespace

Fallible<std::vector<PlannedContent>> planned_content(const Profile& profile,
                                                      Artifacts& artifacts) {
  std::vector<PlannedContent> planned;
  std::set<std::pair<std::string, std::string>> taken;
  for (const auto& item : profile.content) {
    auto parts = artifacts.find_content(item.image);
    if (!parts) return std::unexpected(parts.error());
    for (auto& part : *parts) {
      auto path = item.path + "/" + part.name;
      if (!taken.emplace(item.partition, path).second) {
        return fail("two files of the profile's content would be " + path);
      }
      planned.push_back({std::move(part), std::move(path), item.partition});
    }
  }
  if (planned.size() > kMaxContentFiles) {
    return fail("the profile's content is more than " + std::to_string(kMaxContentFiles) +
                " files");
  }
  return planned;
}

Fallible<Plan> make_plan(const Recipe& recipe, const Host& host, std::int64_t attempt,
                         Artifacts& artifacts) {
  const auto image = artifacts.find_image(recipe.profile->image);
  if (!image) return std::unexpected(image.error());
  const auto seed = render_seed(recipe.subject(), instance_id(recipe, attempt));
  if (!seed) return std::unexpected(seed.error());
  const auto content = planned_content(*recipe.profile, artifacts);
  if (!content) return std::unexpected(content.error());
  auto volume = has_large_sectors(host) ? artifacts.cidata_fat(*seed) : artifacts.cidata_iso(*seed);
  if (!volume) return std::unexpected(volume.error());
  json::object plan{{"action", "write"},
                    {"attempt", attempt},
                    {"host", recipe.entry.name},
                    {"image", image_of(*image)},
                    {"requirements", requirements_of(recipe.profile->requirements)},
                    {"disk", disk_rule_of(*recipe.profile)}};
  put_disk_work(*recipe.profile, plan);
  plan["seed"] = json::object{{"kind", "cidata"},
                              {"url", "/agent/v1/seed"},
                              {"octets", volume->size()},
                              {"sha256", Sha256::of(*volume).text()}};
  std::string oem;
  if (recipe.profile->format == UserDataFormat::kairos) {
    oem = seed->user_data;
    plan["oem"] = json::object{{"url", "/agent/v1/oem"},
                               {"octets", oem.size()},
                               {"sha256", Sha256::of(oem).text()},
                               {"path", "99_slipway.yaml"}};
  }
  if (!content->empty()) plan["content"] = content_json(*content);
  plan["finish"] = recipe.profile->finish == Finish::poweroff ? "poweroff" : "reboot";
  return Plan{.attempt = attempt,
              .json = json::serialize(plan),
              .seed = std::move(*volume),
              .oem = std::move(oem),
              .box = box_of(recipe, host, *image)};
}

}  // namespace slipway::provisioning
