#include "provisioning/facts.hpp"

#include <algorithm>

#include "provisioning/edge_id.hpp"
#include "provisioning/network.hpp"
#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

using Names = std::vector<std::string_view>;

const std::vector<std::pair<std::string_view, Names>>& table() {
  static const std::vector<std::pair<std::string_view, Names>> kTable{
      {"host", {"name", "macs", "mac", "uuid", "serial", "manufacturer", "product", "edge_id"}},
      {"site", {"name", "tags"}},
      {"profile", {"id", "name", "version", "type", "description"}},
      {"network",
       {"interfaces", "name", "mac", "static", "address", "prefix", "netmask", "gateway",
        "nameservers", "http_proxy", "https_proxy", "no_proxy"}},
      {"disk", {"path", "type", "model", "serial", "min_octets", "max_octets"}},
      {"user_data", {}},
      {"report_url", {}},
      {"finish", {}},
  };
  return kTable;
}

Value text_or_null(std::string text) { return text.empty() ? Value() : make_text(std::move(text)); }

Value texts(const std::vector<std::string>& all) {
  List list;
  for (const auto& text : all) list.push_back(make_text(text));
  return make_list(std::move(list));
}

// What masking would hide by its key becomes a secret, so that it is hidden wherever it goes.
Value with_secrets(const Value& value, bool is_secret) {
  Value out = value;
  if (auto* map = out.map()) {
    for (auto& [key, entry] : *map) entry = with_secrets(entry, is_secret || is_secret_key(key));
  } else if (auto* list = out.list()) {
    for (auto& element : *list) element = with_secrets(element, is_secret);
  } else if (const auto* text = out.string(); text != nullptr && is_secret) {
    out.data = Secret(*text);
  }
  return out;
}

Value host_facts(const HostEntry& host, const Value& merged) {
  std::vector<std::string> macs;
  for (const auto& mac : host.macs) macs.push_back(mac.text());
  return make_map({{"name", text_or_null(host_name_of(host, merged))},
                   {"macs", texts(macs)},
                   {"mac", macs.empty() ? Value() : make_text(macs.front())},
                   {"uuid", host.uuid ? make_text(host.uuid->text()) : Value()},
                   {"serial", text_or_null(host.serial)},
                   {"manufacturer", text_or_null(host.manufacturer)},
                   {"product", text_or_null(host.product)},
                   {"edge_id", text_or_null(edge_id_of(host, merged))}});
}

Value site_facts(const Site* site, const Value& merged) {
  const auto* tags = merged.at("stylus.site.tags");
  return make_map({{"name", site != nullptr ? make_text(site->name) : Value()},
                   {"tags", tags != nullptr ? *tags : make_map({})}});
}

Value profile_facts(const Profile& profile) {
  return make_map({{"id", make_text(profile.id())},
                   {"name", make_text(profile.name)},
                   {"version", make_text(profile.version)},
                   {"type", make_text(profile.type)},
                   {"description", text_or_null(profile.description)}});
}

std::string netmask(unsigned prefix) {
  const auto bits = prefix == 0 ? 0 : ~std::uint32_t{0} << (32U - prefix);
  std::string out;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    out += (out.empty() ? "" : ".") + std::to_string(bits >> (shift - 8) & 0xFFU);
  }
  return out;
}

// The NIC that booted has no name in the inventory but a MAC; one with a name has that alone.
Value interface_facts(const NetworkInterface& nic, const HostEntry& host) {
  const bool booted = nic.name.empty() && !host.macs.empty();
  Value out = make_map({{"name", text_or_null(nic.name)},
                        {"mac", booted ? make_text(host.macs.front().text()) : Value()},
                        {"static", make_flag(nic.address.has_value())}});
  const auto* address = nic.address ? &*nic.address : nullptr;
  out.set("address", address != nullptr ? make_text(address->address.text()) : Value());
  out.set("prefix", address != nullptr ? make_number(address->prefix_bits) : Value());
  out.set("netmask", address != nullptr ? make_text(netmask(address->prefix_bits)) : Value());
  out.set("gateway", nic.gateway ? make_text(nic.gateway->text()) : Value());
  out.set("nameservers", texts(nic.nameservers));
  return out;
}

// The first interface stands for itself, too: most hosts have one.
Value network_facts(const HostEntry& host, const Value& merged) {
  Mistakes said_elsewhere;
  const auto network = read_network(merged, said_elsewhere);
  List all;
  for (const auto& nic : network.interfaces) all.push_back(interface_facts(nic, host));
  Value out = all.empty() ? interface_facts({}, host) : all.front();
  out.set("interfaces", make_list(std::move(all)));
  out.set("http_proxy", network.proxies.http);
  out.set("https_proxy", network.proxies.https);
  out.set("no_proxy", network.proxies.no_proxy);
  return out;
}

// What the profile's rule says of the disk; conditions add up.
Value disk_facts(const Profile& profile) {
  DiskCondition all;
  for (const auto& one : profile.disk) {
    if (!one.path.empty()) all.path = one.path;
    if (!one.type.empty()) all.type = one.type;
    if (!one.model.empty()) all.model = one.model;
    if (!one.serial.empty()) all.serial = one.serial;
    all.min_octets = std::max(all.min_octets, one.min_octets);
    if (one.max_octets != 0 && (all.max_octets == 0 || one.max_octets < all.max_octets)) {
      all.max_octets = one.max_octets;
    }
  }
  const auto size = [](std::uint64_t octets) {
    return octets == 0 ? Value() : make_number(static_cast<std::int64_t>(octets));
  };
  return make_map({{"path", text_or_null(all.path)},
                   {"type", text_or_null(all.type)},
                   {"model", text_or_null(all.model)},
                   {"serial", text_or_null(all.serial)},
                   {"min_octets", size(all.min_octets)},
                   {"max_octets", size(all.max_octets)}});
}

}  // namespace

Value facts_of(const Subject& subject, const Value& merged, std::string_view report_url) {
  const bool off = finish_of(subject.profile, merged) == Finish::poweroff;
  return make_map({{"host", host_facts(subject.host, merged)},
                   {"site", site_facts(subject.site, merged)},
                   {"profile", profile_facts(subject.profile)},
                   {"network", network_facts(subject.host, merged)},
                   {"disk", disk_facts(subject.profile)},
                   {"user_data", with_secrets(merged, false)},
                   {"report_url", make_text(std::string(report_url))},
                   {"finish", make_text(off ? "poweroff" : "reboot")}});
}

std::vector<std::string_view> fact_names() {
  Names names;
  for (const auto& [name, below] : table()) names.push_back(name);
  return names;
}

std::vector<std::string_view> fact_names_below(std::string_view fact) {
  const auto found = std::ranges::find(table(), fact, &std::pair<std::string_view, Names>::first);
  return found == table().end() ? Names{} : found->second;
}

}  // namespace slipway::provisioning
