#include <algorithm>

#include "provisioning/edge_id.hpp"
#include "provisioning/render.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kAfterInstall = "kairos-install.after";

bool is_static(const Network& network) {
  return std::ranges::any_of(network.interfaces,
                             [](const auto& nic) { return nic.address.has_value(); });
}

// Without a name the vendor's schema has no place for an interface; DHCP is its default then.
void check_network(const Value& merged, const Network& network, Mistakes& mistakes) {
  const auto* said = merged.find("network");
  if (said == nullptr) return;
  if (merged.find("stylus") == nullptr) {
    mistakes.push_back({said->key_mark(),
                        "format kairos carries `network` in stylus.site; without "
                        "`stylus` use stages"});
    return;
  }
  const bool nameless =
      std::ranges::any_of(network.interfaces, &std::string::empty, &NetworkInterface::name);
  if (nameless && is_static(network)) {
    mistakes.push_back({said->key_mark(),
                        "a static network in format kairos needs the NIC's name: "
                        "`interface: eth0`"});
  }
}

void check_endpoint(const Value& merged, Mistakes& mistakes) {
  const auto* stylus = merged.find("stylus");
  if (stylus == nullptr || merged.at("stylus.site.paletteEndpoint") != nullptr) return;
  mistakes.push_back({stylus->key_mark(),
                      "stylus.site.paletteEndpoint is missing: format kairos "
                      "needs it beside `stylus`"});
}

Value interface_settings(const Value& network) {
  Value out = make_map({}, network.mark);
  for (const auto* key : {"type", "ipAddress", "mask", "gateway", "nameserver"}) {
    if (const auto* value = network.find(key)) out.set(key, *value);
  }
  return out;
}

// The newer schema's form: common settings at stylus.site.network, the rest by interface.
Value site_network(const Value& network) {
  Value out = make_map({}, network.mark);
  for (const auto* key : {"httpProxy", "httpsProxy", "noProxy", "nameserver", "interfaces"}) {
    if (const auto* value = network.find(key)) out.set(key, *value);
  }
  const auto* name = network.find("interface");
  if (name != nullptr && name->string() != nullptr) {
    out.set("interfaces", make_map({{*name->string(), interface_settings(network)}}));
  }
  return out;
}

// Said outright, so that the host registers under the ID that the report shows.
void place_edge_id(Value& document, const std::string& id) {
  auto* stylus = document.find("stylus");
  if (stylus == nullptr || id.empty()) return;
  auto* site = stylus->find("site");
  if (site == nullptr) site = &stylus->set("site", make_map({}));
  if (site->find("name") == nullptr) site->set("name", make_text(id));
}

void place_network(Value& document) {
  const auto network = document.take("network");
  auto* stylus = document.find("stylus");
  if (!network || stylus == nullptr) return;
  auto* site = stylus->find("site");
  if (site == nullptr) site = &stylus->set("site", make_map({}));
  site->set("network", site_network(*network));
}

// One of the two, in the place where the reader of the document looks: Palette reads the top-level
// `reboot`, Kairos itself install.reboot.
void place_finish(Value& document, Finish finish) {
  (void)document.take("reboot");  // may be absent, like the two below
  auto* install = document.find("install");
  if (install == nullptr) install = &document.set("install", make_map({}));
  (void)install->take("reboot");
  (void)install->take("poweroff");
  if (finish == Finish::poweroff) {
    install->set("poweroff", make_flag(true));
  } else if (document.find("stylus") == nullptr) {
    install->set("reboot", make_flag(true));
  } else {
    document.set("reboot", make_flag(true));
  }
}

// An unset device would mean the largest disk to Kairos' installer. Where the image is written by
// our own agent, nothing installs from this document, so a rule without a path needs no device.
void place_device(Value& document, const Profile& profile) {
  auto* install = document.find("install");
  if (install->find("device") != nullptr) return;
  const auto named =
      std::ranges::find_if(profile.disk, [](const auto& c) { return !c.path.empty(); });
  if (named != profile.disk.end()) install->set("device", make_text(named->path));
}

// Kairos' own installer is what writes the disk: it must be told to, and onto which one.
void check_install(const Profile& profile, const Value& document, Mistakes& mistakes) {
  const auto* install = document.find("install");
  const auto at = [&](const Value* value) {
    return value != nullptr && value->mark.line != 0 ? value->key_mark() : profile.mark;
  };
  const auto* device = document.at("install.device");
  const auto* path = device != nullptr ? device->string() : nullptr;
  if (path == nullptr || path->empty() || *path == "auto") {
    mistakes.push_back({at(device != nullptr ? device : install),
                        "install.device does not name a disk, and Kairos would write the largest "
                        "one; say `disk: {select: [{path: /dev/…}]}` in the profile"});
  }
  if (document.find("stylus") != nullptr) return;
  const auto* automatic = document.at("install.auto");
  const auto* flag = automatic != nullptr ? std::get_if<bool>(&automatic->data) : nullptr;
  if (flag == nullptr || !*flag) {
    mistakes.push_back({at(automatic != nullptr ? automatic : install),
                        "Kairos without `stylus` installs only with `install: {auto: true}`; add "
                        "it to the user-data"});
  }
}

// As a stage of its own, behind those of the user-data. curl is in every Kairos image; where
// somebody took it out, busybox's or the real wget posts the same.
void place_report(Value& document, std::string_view report_url) {
  const std::string body = R"('{"state":"installed"}')";
  const std::string url(report_url);
  const auto command = "curl -fsS --retry 10 --retry-connrefused -d " + body + " " + url +
                       " || wget -q -O - --post-data=" + body + " " + url;
  Value stage = make_map({{"name", make_text("Report to the boot server")},
                          {"commands", make_list({make_text(command)})}});
  auto* stages = document.find("stages");
  if (stages == nullptr) stages = &document.set("stages", make_map({}));
  auto* after = stages->find(kAfterInstall);
  if (after == nullptr) after = &stages->set(kAfterInstall, make_list({}));
  if (auto* list = after->list()) list->push_back(std::move(stage));
}

}  // namespace

Value kairos_document(const Subject& subject, const Value& merged, Mistakes& mistakes,
                      std::string_view report_url) {
  Mistakes said_elsewhere;
  check_network(merged, read_network(merged, said_elsewhere), mistakes);
  check_endpoint(merged, mistakes);
  Value document = merged;
  (void)document.take("variables");  // only templates read them
  document.set("hostname", make_text(host_name_of(subject.host, merged)));
  place_edge_id(document, edge_id_of(subject.host, merged));
  place_network(document);
  place_finish(document, finish_of(subject.profile, merged));
  place_device(document, subject.profile);
  if (subject.profile.installer == InstallerKind::kairos) {
    if (!subject.profile.image.empty()) check_install(subject.profile, document, mistakes);
    if (!report_url.empty()) place_report(document, report_url);
  }
  document.set("config_url", make_text(""));
  // An install map that only lost its keys would read as a null to some readers.
  if (document.find("install")->map() != nullptr && document.find("install")->map()->empty()) {
    (void)document.take("install");
  }
  return document;
}

}  // namespace slipway::provisioning
