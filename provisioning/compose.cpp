#include "provisioning/compose.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>

namespace slipway::provisioning {
namespace {

constexpr std::string_view kInfrastructure = "infrastructure";
constexpr std::string_view kAddOn = "add-on";

// One line of `compose` and the profile that it means.
struct Part {
  const Mark* mark;
  const ProfileDraft* draft;
};

// What another layer or user-data of the same whole was said by.
Layer user_data_of(const Profile& part) {
  return {.name = {}, .kind = {}, .version = {}, .user_data = part.user_data, .mark = part.mark};
}

class Composer {
 public:
  Composer(const std::vector<ProfileDraft>& profiles, Mistakes& mistakes)
      : profiles_(profiles), mistakes_(mistakes) {
    for (const auto& draft : profiles_) all_.profiles.push_back(draft.profile);
    all_.index();
  }

  // The whole, or nothing after a mistake.
  std::optional<Profile> compose(const ProfileDraft& draft) {
    const auto before = mistakes_.size();
    const auto parts = find_parts(draft);
    if (parts.empty() || mistakes_.size() != before) return std::nullopt;
    check_layers(draft, parts);
    const auto& base = parts.front().draft->profile;
    Profile whole = read_profile_over(draft.value, base);
    whole.name = draft.profile.name;
    whole.mark = draft.profile.mark;
    whole.parts.clear();
    for (const auto& part : parts) whole.parts.push_back(part.draft->profile.id());
    put_layers(draft, parts, whole);
    whole.user_data = draft.profile.user_data;
    join_requirements(draft, *parts.front().draft, whole);
    return whole;
  }

 private:
  void say(const Mark& mark, std::string text) { mistakes_.push_back({mark, std::move(text)}); }

  const ProfileDraft* find(const std::string& reference, const Mark& mark) {
    const auto* found = all_.profile(reference);
    if (found != nullptr) return &profiles_[static_cast<std::size_t>(found - &all_.profiles[0])];
    std::vector<std::string_view> names;
    for (const auto& profile : all_.profiles) names.push_back(profile.name);
    say(mark, "no profile is named `" + reference + "`" + suggestion(reference, names));
    return nullptr;
  }

  // The infrastructure profile first, then the add-ons in their order.
  std::vector<Part> find_parts(const ProfileDraft& draft) {
    std::vector<Part> parts;
    std::set<const ProfileDraft*> seen;
    for (const auto& [reference, mark] : draft.compose) {
      const auto* found = find(reference, mark);
      if (found == nullptr) continue;
      const auto& part = found->profile;
      if (part.type != kInfrastructure && part.type != kAddOn) {
        say(mark, found == &draft ? "a profile cannot be composed of itself"
                                  : "`" + part.id() + "`, at " + found->name_mark.text() +
                                        ", is a full profile; compose takes one infrastructure "
                                        "profile and add-ons");
      } else if (!seen.insert(found).second) {
        say(mark, "`" + part.id() + "` stands twice in compose");
      } else {
        parts.push_back({&mark, found});
      }
    }
    check_infrastructure(draft, parts);
    const auto infrastructure = std::ranges::find_if(
        parts, [](const Part& part) { return part.draft->profile.type == kInfrastructure; });
    if (infrastructure != parts.end()) {
      std::rotate(parts.begin(), infrastructure, std::next(infrastructure));
    }
    return parts;
  }

  void check_infrastructure(const ProfileDraft& draft, const std::vector<Part>& parts) {
    if (parts.size() != draft.compose.size()) return;  // something else is wrong already
    const Part* first = nullptr;
    for (const auto& part : parts) {
      if (part.draft->profile.type != kInfrastructure) continue;
      if (first != nullptr) {
        say(*part.mark, "compose takes one infrastructure profile, and `" +
                            first->draft->profile.id() + "` at " + first->mark->text() +
                            " is one already");
      }
      if (first == nullptr) first = &part;
    }
    if (first == nullptr) {
      say(draft.compose_mark, "compose needs one infrastructure profile");
    }
  }

  void check_layers(const ProfileDraft& draft, const std::vector<Part>& parts) {
    std::map<std::string_view, const Mark*> seen;
    const auto add = [&](const Profile& profile, const Mark* reference) {
      for (const auto& layer : profile.layers) {
        const auto [first, is_new] = seen.emplace(layer.name, &layer.mark);
        if (is_new || first->second->file == layer.mark.file) continue;  // said at that profile
        say(reference != nullptr ? *reference : layer.mark,
            "layer `" + layer.name + "` stands in two parts: at " + first->second->text() +
                " and at " + layer.mark.text());
      }
    };
    for (const auto& part : parts) add(part.draft->profile, part.mark);
    add(draft.profile, nullptr);
  }

  static void put_layers(const ProfileDraft& draft, const std::vector<Part>& parts,
                         Profile& whole) {
    whole.layers.clear();
    for (const auto& part : parts) {
      const auto& from = part.draft->profile;
      std::ranges::copy(from.layers, std::back_inserter(whole.layers));
      if (!from.user_data.is_null()) whole.layers.push_back(user_data_of(from));
    }
    std::ranges::copy(draft.profile.layers, std::back_inserter(whole.layers));
  }

  void join_requirements(const ProfileDraft& draft, const ProfileDraft& base, Profile& whole) {
    const auto& a = base.profile.requirements;
    const auto& b = draft.profile.requirements;
    auto& both = whole.requirements;  // `healthy_disk` is what was said last
    both.memory_octets = std::max(a.memory_octets, b.memory_octets);
    both.cpus = std::max(a.cpus, b.cpus);
    both.disk_octets = std::max(a.disk_octets, b.disk_octets);
    both.firmware = a.firmware == Firmware::any ? b.firmware : a.firmware;
    both.secure_boot = a.secure_boot == SecureBoot::any ? b.secure_boot : a.secure_boot;
    both.tpm = a.tpm || b.tpm;
    both.nic_speed_mbit = std::max(a.nic_speed_mbit, b.nic_speed_mbit);
    if (b.firmware != Firmware::any && b.firmware != both.firmware) {
      say(draft.firmware_mark, "the infrastructure profile asks for another firmware at " +
                                   base.firmware_mark.text() + "; no host has both");
    }
    if (b.secure_boot != SecureBoot::any && b.secure_boot != both.secure_boot) {
      say(draft.secure_boot_mark, "the infrastructure profile asks for the other state at " +
                                      base.secure_boot_mark.text() + "; no host has both");
    }
  }

  const std::vector<ProfileDraft>& profiles_;
  Mistakes& mistakes_;
  Inventory all_;
};

}  // namespace

void compose_profiles(std::vector<ProfileDraft>& profiles, Mistakes& mistakes) {
  Composer composer(profiles, mistakes);
  std::vector<std::pair<std::size_t, Profile>> wholes;
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    if (profiles[i].compose.empty()) continue;
    if (auto whole = composer.compose(profiles[i])) wholes.emplace_back(i, std::move(*whole));
  }
  for (auto& [i, whole] : wholes) profiles[i].profile = std::move(whole);
}

}  // namespace slipway::provisioning
