// provisioning/unattended.hpp -- a site operator's answers file, unattended.yaml.
//
// One YAML document a site, each with `name` and the site's properties: what a site file may say
// (stylus, network, ...), and for the person who fills it in the keys of stylus.site and
// stylus.registryCredentials by their own names at the top. docs/answers.md describes it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/fields.hpp"
#include "provisioning/inventory.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

struct AnsweredSite {
  Value site;           // as a file of the inventory's sites would hold it, `name` first
  std::string profile;  // of the batch that is to write it; empty: not said
  Mark profile_mark;
};

struct Answers {
  std::vector<AnsweredSite> sites;
  Mistakes mistakes;  // of form: syntax, unknown keys, things said twice, no `name`
};

// Reads the text of `file`; `!secret FILE` is relative to the folder of the answers file.
[[nodiscard]] Answers read_answers(std::string_view text, const std::filesystem::path& file);

// A property of a site that has a name of its own in answers files and questions.
struct SiteProperty {
  std::string_view name;  // "paletteEndpoint"
  std::string path;       // "stylus.site.paletteEndpoint"
};

[[nodiscard]] const std::vector<SiteProperty>& site_properties();

// What of the sites shows only when `profile` and the site come together, as for the host that
// will take it: required keys that are missing, a static network that is not complete.
[[nodiscard]] Mistakes check_answers(const Answers& answers, const Inventory& inventory,
                                     const Profile& profile);

}  // namespace slipway::provisioning
