#include "provisioning/recipe.hpp"

#include <cstdio>
#include <utility>

#include "provisioning/template.hpp"

namespace slipway::provisioning {
namespace {

// Writes values so that no two different trees give the same text.
class Canonical {
 public:
  Canonical& text(std::string_view value) {
    out_ += std::to_string(value.size()) + ":";
    out_ += value;
    return *this;
  }
  Canonical& number(std::uint64_t value) {
    out_ += "n" + std::to_string(value) + ";";
    return *this;
  }
  void value(const Value& value) {
    std::visit([this](const auto& held) { put(held); }, value.data);
  }
  [[nodiscard]] const std::string& all() const { return out_; }

 private:
  void put(std::nullptr_t) { out_ += "0;"; }
  void put(bool flag) { out_ += flag ? "t;" : "f;"; }
  void put(std::int64_t held) { out_ += "i" + std::to_string(held) + ";"; }
  void put(double held) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "d%.17g;", held);
    out_ += digits;
  }
  void put(const std::string& held) {
    out_ += "s";
    text(held);
  }
  void put(const Secret&) { out_ += "*;"; }
  void put(const List& list) {
    out_ += "[";
    for (const auto& element : list) value(element);
    out_ += "]";
  }
  void put(const Map& map) {
    out_ += "{";
    for (const auto& [key, element] : map) {
      text(key);
      value(element);
    }
    out_ += "}";
  }

  std::string out_;
};

// Settings that came after the first published profiles: left out unless one of them is said, so
// that a profile without them keeps its digest.
void put_later_settings(const Profile& profile, Canonical& canonical) {
  const auto& needs = profile.requirements;
  Canonical later;
  later.number(std::to_underlying(needs.secure_boot)).number(needs.tpm ? 1 : 0);
  later.number(needs.nic_speed_mbit).number(needs.healthy_disk ? 1 : 0);
  later.number(std::to_underlying(profile.pick)).number(std::to_underlying(profile.erase));
  later.number(profile.new_guids ? 1 : 0).number(profile.grow ? 1 : 0);
  for (const auto time : {profile.burn_in.memory, profile.burn_in.disk_read, profile.burn_in.cpu}) {
    later.number(static_cast<std::uint64_t>(time.count()));
  }
  bool is_said = later.all() != "n0;n0;n0;n1;n0;n0;n0;n0;n0;n0;n0;";
  for (const auto& rule : profile.disk) {
    later.text(rule.wwn).number(rule.rotational ? 1 + (*rule.rotational ? 1 : 0) : 0);
    is_said = is_said || !rule.wwn.empty() || rule.rotational;
  }
  if (is_said) canonical.text("later").text(later.all());
  for (const auto& item : profile.content) {
    canonical.text("content").text(item.image).text(item.path).text(item.partition);
  }
  if (profile.cmdline.empty() && profile.consoles.empty() && profile.report_within.count() == 0) {
    return;
  }
  canonical.text("boot").text(profile.cmdline).number(profile.consoles.size());
  for (const auto& console : profile.consoles) canonical.text(console);
  canonical.number(static_cast<std::uint64_t>(profile.report_within.count()));
}

Fallible<HostEntry> entry_of(const Host& host, const Inventory& inventory) {
  if (host.in_inventory || host.profile.empty()) {
    if (const auto* found = inventory.host(host.name)) {
      auto entry = *found;
      if (!entry.profile.empty()) return entry;
      entry.profile = host.profile;  // of the batch that it is in
      if (entry.site.empty()) entry.site = host.site;
      return entry;
    }
    return fail("host " + host.shown_name() +
                (host.in_inventory ? " is no longer in the inventory" : " has no profile"));
  }
  HostEntry entry;
  entry.name = host.shown_name();
  entry.macs = host.macs;
  entry.uuid = host.uuid;
  entry.serial = host.serial;
  entry.profile = host.profile;
  entry.site = host.site;
  return entry;
}

}  // namespace

Fallible<Recipe> recipe_of(const Host& host, const std::shared_ptr<const Inventory>& inventory) {
  auto entry = entry_of(host, *inventory);
  if (!entry) return std::unexpected(entry.error());
  // What the machine itself said, where nobody wrote it down.
  if (!entry->uuid) entry->uuid = host.uuid;
  if (entry->serial.empty()) entry->serial = host.serial;
  entry->manufacturer = host.manufacturer;
  entry->product = host.product;
  Recipe recipe{.inventory = inventory, .entry = std::move(*entry)};
  const auto& wanted = recipe.entry;
  if (wanted.profile.empty()) return fail("host " + wanted.name + " has no profile");
  recipe.profile = inventory->profile(wanted.profile);
  if (recipe.profile == nullptr) {
    return fail("host " + wanted.name + " has the profile " + wanted.profile +
                ", which is not in the inventory");
  }
  if (recipe.profile->type == "add-on") {
    return fail("host " + wanted.name + " has the profile " + recipe.profile->id() +
                ", which is an add-on; only full and infrastructure profiles are installed");
  }
  if (wanted.site.empty()) return recipe;
  recipe.site = inventory->site(wanted.site);
  if (recipe.site == nullptr) {
    return fail("host " + wanted.name + " has the site " + wanted.site +
                ", which is not in the inventory");
  }
  return recipe;
}

Fallible<Recipe> complete_recipe_of(const Host& host,
                                    const std::shared_ptr<const Inventory>& inventory) {
  auto recipe = recipe_of(host, inventory);
  if (!recipe) return recipe;
  for (const auto& mistake : check_subject(recipe->subject())) {
    if (!mistake.is_warning) return fail(mistake.line());
  }
  return recipe;
}

Sha256 digest_of(const Profile& profile) {
  Canonical canonical;
  canonical.text(profile.name).text(profile.version).text(profile.type).text(profile.image);
  canonical.number(std::to_underlying(profile.installer));
  canonical.number(std::to_underlying(profile.format));
  canonical.number(std::to_underlying(profile.finish));
  if (profile.text_template) canonical.text(profile.text_template->text);
  const auto& needs = profile.requirements;
  canonical.number(needs.memory_octets).number(needs.cpus).number(needs.disk_octets);
  canonical.number(std::to_underlying(needs.firmware));
  canonical.number(profile.disk.size());
  for (const auto& rule : profile.disk) {
    canonical.text(rule.type).number(rule.min_octets).number(rule.max_octets);
    canonical.text(rule.model).text(rule.serial).text(rule.path);
  }
  canonical.number(profile.layers.size());
  for (const auto& layer : profile.layers) {
    canonical.text(layer.name).text(layer.kind).text(layer.version);
    canonical.value(mask_secrets(layer.user_data));
  }
  canonical.value(mask_secrets(profile.user_data));
  for (const auto& [key, text] : profile.tags) canonical.text(key).text(text);
  put_later_settings(profile, canonical);
  return Sha256::of(canonical.all());
}

}  // namespace slipway::provisioning
