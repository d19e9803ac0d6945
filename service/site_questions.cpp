#include "service/site_questions.hpp"

#include <algorithm>

#include "provisioning/entries.hpp"
#include "provisioning/network.hpp"
#include "provisioning/property.hpp"
#include "provisioning/schema.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;
using prov::Value;

constexpr std::string_view kTags = "stylus.site.tags";

bool has(const Value& site, std::string_view path) { return site.at(path) != nullptr; }

bool always(const Value& /*site*/) { return true; }
bool has_static_network(const Value& site) {
  const auto* type = site.at("network.type");
  return type != nullptr && type->string() != nullptr && *type->string() == "static";
}
bool wants_mask(const Value& site) {
  const auto* address = site.at("network.ipAddress");
  return has_static_network(site) && address != nullptr && !address->string()->contains('/');
}
bool has_proxy(const Value& site) { return has(site, "network.httpProxy"); }
bool has_endpoint(const Value& site) { return has(site, "stylus.site.paletteEndpoint"); }
bool wants_project_uid(const Value& site) {
  return has_endpoint(site) && !has(site, "stylus.site.projectName");
}
bool has_registry(const Value& site) { return has(site, "stylus.registryCredentials.domain"); }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// "a=b, c=d" as a map; what has no `=` becomes a key without a value, which is_good_tags() refuses.
Value tags_of(std::string_view text) {
  Value tags = prov::make_map({});
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto pair = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) {
      tags.set(pair, Value{});
    } else {
      tags.set(trimmed(pair.substr(0, equals)),
               prov::make_text(std::string(trimmed(pair.substr(equals + 1)))));
    }
  }
  return tags;
}

bool is_good_tags(const Value& tags) {
  return std::ranges::none_of(*tags.map(), [](const prov::Entry& tag) {
    return tag.key.empty() || tag.value.is_null() || tag.value.string()->empty();
  });
}

void remove_at(Value& target, std::string_view path) {
  const auto dot = path.find('.');
  const auto key = path.substr(0, dot);
  if (dot == std::string_view::npos) {
    (void)target.take(key);  // whether it was there does not matter
    return;
  }
  auto* inner = target.find(key);
  if (inner == nullptr) return;
  remove_at(*inner, path.substr(dot + 1));
  if (inner->map() != nullptr && inner->map()->empty()) (void)target.take(key);  // left empty
}

std::string first_mistake(const prov::Mistakes& mistakes) {
  const auto found = std::ranges::find(mistakes, false, &prov::Mistake::is_warning);
  return found == mistakes.end() ? "" : found->text;
}

}  // namespace

const std::vector<SiteQuestion>& site_questions() {
  // path, label, initial, is_required, is_hidden, is_asked
  static const std::vector<SiteQuestion> kQuestions{
      {"name", "name of the site", "", true, false, always},
      {"network.type", "network: dhcp or static", "dhcp", true, false, always},
      {"network.ipAddress", "address of the host", "", true, false, has_static_network},
      {"network.mask", "mask or prefix length", "24", true, false, wants_mask},
      {"network.gateway", "gateway", "", true, false, has_static_network},
      {"network.nameserver", "name servers", "", false, false, has_static_network},
      {"network.httpProxy", "HTTP proxy", "", false, false, always},
      {"network.noProxy", "not by the proxy", "", false, false, has_proxy},
      {"stylus.site.paletteEndpoint", "Palette endpoint", "", false, false, always},
      {"stylus.site.registrationURL", "registration URL", "", false, false, has_endpoint},
      {"stylus.site.projectName", "project, by name", "", false, false, has_endpoint},
      {"stylus.site.projectUid", "project, by UID", "", false, false, wants_project_uid},
      {"stylus.site.edgeHostToken", "registration token (not shown)", "", false, true,
       has_endpoint},
      {"stylus.site.name", "edge-host ID", "", false, false, has_endpoint},
      {kTags, "tags, as in region=north, rack=3", "", false, false, always},
      {"stylus.registryCredentials.domain", "registry", "", false, false, always},
      {"stylus.registryCredentials.username", "registry user", "", true, false, has_registry},
      {"stylus.registryCredentials.password", "registry password (not shown)", "", true, true,
       has_registry},
      {"stylus.registryCredentials.insecure", "registry without TLS checks: true or false", "false",
       true, false, has_registry},
  };
  return kQuestions;
}

Value with_answer(const Value& site, const SiteQuestion& question, const std::string& text) {
  auto changed = site;
  if (text.empty()) {
    remove_at(changed, question.path);
  } else if (question.path == kTags) {
    prov::set_at(changed, question.path, tags_of(text));
  } else {
    prov::set_at(changed, question.path, prov::value_of_text(question.path, text));
  }
  return changed;
}

std::string mistake_of(const prov::Inventory& inventory, const Value& site,
                       const SiteQuestion& question, const std::string& text) {
  if (text.empty()) return question.is_required ? "needed" : "";
  if (question.path == "name") {
    const auto* there = inventory.site(text);
    if (there != nullptr) return "site `" + text + "` exists at " + there->mark.text();
  }
  if (question.path == kTags && !is_good_tags(tags_of(text))) {
    return "must be KEY=VALUE, several with commas";
  }
  const auto changed = with_answer(site, question, text);
  prov::Mistakes mistakes;
  const auto draft = prov::read_site(changed, "", mistakes);
  // Address, mask and gateway can be judged together only.
  if (question.path == "network.gateway") {
    (void)prov::read_network(draft.site.user_data, mistakes);  // wanted for its mistakes
  }
  return first_mistake(mistakes);
}

}  // namespace slipway::service
