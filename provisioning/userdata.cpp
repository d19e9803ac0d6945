#include "provisioning/userdata.hpp"

#include <algorithm>

#include "provisioning/edge_id.hpp"
#include "provisioning/facts.hpp"
#include "provisioning/installer_kind.hpp"
#include "provisioning/merge.hpp"
#include "provisioning/render.hpp"
#include "provisioning/schema.hpp"
#include "provisioning/template.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kFirstLine = "#cloud-config\n";

// The userinfo of every URL inside `text` masked: "http://u:p@host" becomes "http://********@host".
std::string without_userinfo(std::string_view text) {
  std::string out;
  while (true) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) return out + std::string(text);
    out += text.substr(0, scheme + 3);
    text.remove_prefix(scheme + 3);
    const auto authority = text.substr(0, text.find_first_of("/?# \t\r\n\"'`<>"));
    const auto at = authority.rfind('@');
    if (at == std::string_view::npos) continue;
    out += kMasked;
    text.remove_prefix(at);
  }
}

Value masked(const Value& value, bool is_secret) {
  Value out = value;
  if (auto* map = out.map()) {
    for (auto& [key, entry] : *map) entry = masked(entry, is_secret || is_secret_key(key));
  } else if (auto* list = out.list()) {
    for (auto& element : *list) element = masked(element, is_secret);
  } else if (std::holds_alternative<Secret>(out.data) || (is_secret && !out.is_null())) {
    out.data = std::string(kMasked);
  } else if (const auto* text = out.string()) {
    out.data = without_userinfo(*text);
  }
  return out;
}

std::string yaml_for(const Value& value, Secrets secrets) {
  if (value.is_null()) return "";
  return emit_yaml(secrets == Secrets::masked ? mask_secrets(value) : value);
}

// The first real mistake as a failure: what would be served is not what was meant.
Fallible<void> first_failure(const Mistakes& mistakes) {
  const auto found = std::ranges::find(mistakes, false, &Mistake::is_warning);
  if (found == mistakes.end()) return {};
  return fail(found->line());
}

bool flag_is(const Value* value, bool wanted) {
  const auto* flag = value != nullptr ? std::get_if<bool>(&value->data) : nullptr;
  return flag != nullptr && *flag == wanted;
}

std::string meta_data(const std::string& host_name, std::string_view instance_id) {
  return emit_yaml(make_map({{"instance-id", make_text(std::string(instance_id))},
                             {"local-hostname", make_text(host_name)}}));
}

void check_exclusive(const Value& merged, std::string_view a, std::string_view b,
                     Mistakes& mistakes) {
  const auto* first = merged.at(a);
  const auto* second = merged.at(b);
  if (first == nullptr || second == nullptr) return;
  mistakes.push_back({second->key_mark(), std::string(b) + " excludes " + std::string(a) +
                                              ", which stands at " + first->key_mark().text()});
}

// A name that was written was checked where it stands; one that is made up can only be too long.
void check_edge_id(const Subject& subject, const Value& merged, Mistakes& mistakes) {
  if (merged.find("stylus") == nullptr || merged.at("stylus.site.name") != nullptr) return;
  const auto id = edge_id_of(subject.host, merged);
  if (id.empty() || is_edge_id(id)) return;
  const auto* prefix = merged.at("stylus.site.prefix");
  mistakes.push_back({prefix != nullptr ? prefix->mark : subject.host.mark,
                      "the edge-host ID " + shown(make_text(id)) + " has " +
                          std::to_string(id.size()) + " characters, " + std::to_string(kMaxEdgeId) +
                          " are allowed; shorten the prefix, or write stylus.site.name"});
}

std::expected<std::string, Mistake> text_document(const Subject& subject, const Value& merged,
                                                  std::string_view report_url, Secrets secrets) {
  const auto& profile = subject.profile;
  if (!profile.text_template) {
    return std::unexpected(Mistake{profile.mark, "profile " + profile.id() + " has format " +
                                                     std::string(name_of(profile.format)) +
                                                     ", which has no template here"});
  }
  return render_template(*profile.text_template, facts_of(subject, merged, report_url),
                         profile.format, secrets == Secrets::masked);
}

// The mistakes of a template that could be read; those of one that could not were said.
void check_text(const Subject& subject, const Value& merged, Mistakes& mistakes) {
  constexpr std::string_view kAnyReportUrl = "http://192.0.2.1:8080/h/TOKEN/report";
  if (!subject.profile.text_template) return;
  const auto text = text_document(subject, merged, kAnyReportUrl, Secrets::revealed);
  if (!text) {
    auto mistake = text.error();
    mistake.text += " (host " + subject.host.name + ")";
    mistakes.push_back(std::move(mistake));
    return;
  }
  // Without an image nothing is booted here. Talos has nothing that could report.
  const auto& profile = subject.profile;
  if (profile.image.empty() || profile.installer == InstallerKind::talos) return;
  if (text->find(kAnyReportUrl) != std::string::npos) return;
  mistakes.push_back({profile.template_mark,
                      "the template does not use `report_url`, so no installation would ever end; "
                      "let the installer post {\"state\":\"installed\"} to {{ report_url }} when "
                      "it is through"});
}

void check_document(const Subject& subject, const Value& merged, Mistakes& mistakes) {
  if (is_text_format(subject.profile.format)) return check_text(subject, merged, mistakes);
  if (subject.profile.format == UserDataFormat::kairos) {
    (void)kairos_document(subject, merged, mistakes);  // wanted for its mistakes
  } else {
    (void)cloud_init_document(subject, merged, mistakes);
  }
}

}  // namespace

Fallible<Value> merge_user_data(const Subject& subject) {
  auto merged = merge_sources(subject);
  if (!merged) return fail(merged.error().line());
  return std::move(*merged);
}

Value mask_secrets(const Value& value) { return masked(value, false); }

Finish finish_of(const Profile& profile, const Value& merged) {
  if (flag_is(merged.at("install.poweroff"), true)) return Finish::poweroff;
  if (flag_is(merged.find("reboot"), true)) return Finish::reboot;
  if (flag_is(merged.at("install.reboot"), true)) return Finish::reboot;
  return profile.finish;
}

std::string host_name_of(const HostEntry& host, const Value& merged) {
  for (const auto* path : {"stylus.site.hostName", "hostname"}) {
    const auto* value = merged.at(path);
    if (value != nullptr && value->string() != nullptr) return *value->string();
  }
  return host.name;
}

Fallible<Seed> render_seed(const Subject& subject, std::string_view instance_id, Secrets secrets,
                           std::string_view report_url) {
  const auto merged = merge_user_data(subject);
  if (!merged) return std::unexpected(merged.error());
  Seed seed;
  seed.meta_data = meta_data(host_name_of(subject.host, *merged), instance_id);
  const auto format = subject.profile.format;
  if (is_text_format(format) && format != UserDataFormat::autoinstall) {
    return fail("format " + std::string(name_of(format)) + " is one document and has no seed");
  }
  if (format != UserDataFormat::cloud_init) {
    auto document = render_config(subject, report_url, secrets);
    if (!document) return std::unexpected(document.error());
    seed.user_data = std::move(*document);
    return seed;
  }
  Mistakes mistakes;
  auto document = cloud_init_document(subject, *merged, mistakes);
  const bool reports = subject.profile.installer != InstallerKind::flash && !report_url.empty();
  if (reports) place_cloud_init_report(document, report_url);
  const auto network = read_network(*merged, mistakes);
  if (const auto good = first_failure(mistakes); !good) return std::unexpected(good.error());
  seed.user_data = std::string(kFirstLine) + yaml_for(document, secrets);
  seed.network_config = yaml_for(network_config(subject.host, network), secrets);
  return seed;
}

Fallible<std::string> render_text(const Subject& subject, std::string_view report_url,
                                  Secrets secrets) {
  const auto merged = merge_user_data(subject);
  if (!merged) return std::unexpected(merged.error());
  Mistakes mistakes;
  (void)read_network(*merged, mistakes);  // wanted for its mistakes
  if (const auto good = first_failure(mistakes); !good) return std::unexpected(good.error());
  auto text = text_document(subject, *merged, report_url, secrets);
  if (!text) return fail(text.error().line());
  return std::move(*text);
}

Fallible<std::string> render_config(const Subject& subject, std::string_view report_url,
                                    Secrets secrets) {
  const auto& profile = subject.profile;
  if (is_text_format(profile.format)) return render_text(subject, report_url, secrets);
  if (profile.format == UserDataFormat::kairos || profile.installer == InstallerKind::flash) {
    return render_kairos(subject, secrets, report_url);
  }
  auto seed = render_seed(subject, {}, secrets, report_url);
  if (!seed) return std::unexpected(seed.error());
  return std::move(seed->user_data);
}

Fallible<std::string> render_kairos(const Subject& subject, Secrets secrets,
                                    std::string_view report_url) {
  const auto merged = merge_user_data(subject);
  if (!merged) return std::unexpected(merged.error());
  Mistakes mistakes;
  const auto document = kairos_document(subject, *merged, mistakes, report_url);
  if (const auto good = first_failure(mistakes); !good) return std::unexpected(good.error());
  return std::string(kFirstLine) + yaml_for(document, secrets);
}

std::vector<Mistake> check_subject(const Subject& subject) {
  const auto merged = merge_sources(subject);
  if (!merged) return {merged.error()};
  Mistakes mistakes;
  (void)read_network(*merged, mistakes);  // wanted for its mistakes
  check_exclusive(*merged, "stylus.site.projectUid", "stylus.site.projectName", mistakes);
  check_exclusive(*merged, "stylus.registryCredentials", "stylus.externalRegistries", mistakes);
  check_edge_id(subject, *merged, mistakes);
  check_document(subject, *merged, mistakes);
  return mistakes;
}

}  // namespace slipway::provisioning
