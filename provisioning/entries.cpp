#include "provisioning/entries.hpp"

#include <algorithm>
#include <map>

#include "provisioning/address_setting.hpp"
#include "provisioning/boot_program.hpp"
#include "provisioning/offer_setting.hpp"
#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kNamePattern = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$";
constexpr std::string_view kMacPattern =
    "^(?:[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5})$";
constexpr std::string_view kUuidPattern =
    "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$";

// A list of MACs and where each stands.
struct MacList {
  std::vector<Mac>& macs;
  std::vector<Mark>& marks;
};

void add_mac(const Value& value, MacList target, Mistakes& mistakes) {
  const auto* text = value.string();
  const auto mac = text != nullptr ? Mac::parse(*text) : std::nullopt;
  if (!mac) {
    mistakes.push_back({value.mark, shown(value) + " is no MAC; write \"52:54:00:aa:00:01\""});
    return;
  }
  const bool group = (mac->octets[0] & 1U) != 0;
  if (group || *mac == Mac{}) {
    mistakes.push_back({value.mark, mac->text() + (group ? " is a multicast address, no NIC's"
                                                         : " is no NIC's address")});
    return;
  }
  target.macs.push_back(*mac);
  target.marks.push_back(value.mark);
}

void read_uuid(const Value& value, HostDraft& draft, Mistakes& mistakes) {
  const auto uuid = value.string() ? Uuid::parse(*value.string()) : std::nullopt;
  draft.uuid_mark = value.mark;
  if (!uuid) {
    mistakes.push_back({value.mark, shown(value) + " is no UUID; write it as 8-4-4-4-12 "
                                                   "hexadecimal digits"});
  } else if (uuid->is_zero()) {
    mistakes.push_back({value.mark,
                        "a UUID of zeros is what boards without one report; leave it "
                        "out"});
  } else {
    draft.host.uuid = *uuid;
  }
}

FieldReader marked(std::string& target, Mark& mark) {
  return shaped(shape_of(Shape::Kind::text),
                [&target, &mark](const Value& value, Mistakes& mistakes) {
                  mark = value.mark;
                  text(target)(value, mistakes);
                });
}

FieldReader host_name(std::string& target, Mark& mark) {
  return shaped(text_like(kHostNamePattern), [&target, &mark](const Value& value,
                                                              Mistakes& mistakes) {
    mark = value.mark;
    text(target)(value, mistakes);
    if (value.string() != nullptr && !value.string()->empty() && !is_host_name(*value.string())) {
      mistakes.push_back({value.mark, shown(value) + " is no host name: letters, digits and "
                                                     "hyphens, at most 64 characters"});
    }
  });
}

// A name that was not said is the stem of the file, which then must be good itself.
void default_name(std::string& name, Mark& mark, const Value& value, std::string_view stem) {
  if (name.empty()) name = stem;
  if (mark.line == 0) mark = value.mark;
}

void check_macs(const HostDraft& draft, Mistakes& mistakes) {
  std::map<Mac, bool> seen;
  const auto add = [&](const Mac& mac, const Mark& mark) {
    if (seen.emplace(mac, true).second) return;
    mistakes.push_back({mark, "MAC " + mac.text() + " stands twice in this host"});
  };
  for (std::size_t i = 0; i < draft.host.macs.size(); ++i) {
    add(draft.host.macs[i], draft.mac_marks[i]);
  }
  for (std::size_t i = 0; i < draft.host.shared_macs.size(); ++i) {
    add(draft.host.shared_macs[i], draft.shared_mac_marks[i]);
  }
}

void check_identity(const HostDraft& draft, const Value& value, Mistakes& mistakes) {
  const bool unique = value.find("uuid") != nullptr || value.find("serial") != nullptr;
  const auto* shared = value.find("shared_macs");
  if (shared != nullptr && !unique) {
    mistakes.push_back({shared->key_mark(),
                        "a shared MAC tells nobody apart: this host needs `uuid` or `serial` "
                        "beside `shared_macs`"});
  } else if (!unique && value.find("macs") == nullptr && value.map() != nullptr) {
    mistakes.push_back(
        {value.mark, "a host needs `macs`, `uuid` or `serial`, by which it is known"});
  }
  check_macs(draft, mistakes);
}

}  // namespace

bool is_entry_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.front() != '-' && text.front() != '.' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

FieldReader UserDataParts::part(std::string key) {
  return shaped(shape_of(Shape::Kind::user_data),
                [this, key = std::move(key)](const Value& value, Mistakes& mistakes) {
                  add(key, value, mistakes);
                });
}

FieldReader UserDataParts::whole() {
  return shaped(
      shape_of(Shape::Kind::all_user_data), [this](const Value& value, Mistakes& mistakes) {
        if (value.map() == nullptr) {
          mistakes.push_back(
              {value.mark, "user_data must be a map, not " + std::string(kind_name(value))});
          return;
        }
        for (const auto& [key, entry] : *value.map()) add(key, entry, mistakes);
      });
}

void UserDataParts::add(const std::string& key, const Value& value, Mistakes& mistakes) {
  const auto* first = user_data_.find(key);
  if (first != nullptr) {
    mistakes.push_back({value.key_mark(), "`" + key +
                                              "` stands beside and below user_data, also at " +
                                              first->key_mark().text() + "; keep one"});
    return;
  }
  if (user_data_.is_null()) user_data_.mark = value.key_mark();
  user_data_.set(key, value);
}

std::vector<Field> UserDataParts::with(std::vector<Field> own) {
  for (const std::string_view key : {"stylus", "install", "stages", "reboot", "network"}) {
    own.push_back({key, part(std::string(key))});
  }
  own.push_back({"user_data", whole()});
  return own;
}

Value UserDataParts::finish(Mistakes& mistakes) && {
  normalise_user_data(user_data_, mistakes);
  check_user_data(user_data_, mistakes);
  return std::move(user_data_);
}

FieldReader name_text(std::string& target, Mark& mark) {
  return shaped(text_like(kNamePattern), [&target, &mark](const Value& value, Mistakes& mistakes) {
    mark = value.mark;
    text(target)(value, mistakes);
    if (value.string() != nullptr && !value.string()->empty() && !is_entry_name(*value.string())) {
      mistakes.push_back({value.mark, shown(value) + " is no name: letters, digits, `.`, `_` and "
                                                     "`-`, at most 128 characters"});
    }
  });
}

namespace {

std::vector<Field> site_fields(SiteDraft& draft, UserDataParts& parts) {
  return parts.with({{"name", name_text(draft.site.name, draft.name_mark)}});
}

FieldReader host_offer(HostEntry& host) {
  dhcp::OfferStyle unused{};
  return shaped(offer_style(unused).shape(), [&host](const Value& value, Mistakes& mistakes) {
    const auto before = mistakes.size();
    dhcp::OfferStyle style{};
    offer_style(style)(value, mistakes);
    if (mistakes.size() == before) host.offer = style;
    host.offer_mark = value.mark;
  });
}

FieldReader bench_address(HostEntry& host) {
  return shaped(address_shape(), [&host](const Value& value, Mistakes& mistakes) {
    host.bench_address_mark = value.mark;
    host.bench_address = require_address(value, mistakes);
  });
}

FieldReader boot_program(std::string& target) {
  return shaped(shape_of(Shape::Kind::text), [&target](const Value& value, Mistakes& mistakes) {
    const auto text = require_text(value, mistakes);
    if (!text) return;
    if (fits_any(*text)) {
      target = *text;
    } else {
      mistakes.push_back({value.mark, shown(value) +
                                          " is no boot program; allowed: undionly, ipxe, snponly, "
                                          "shim, or the name of a file in boot_folder"});
    }
  });
}

std::vector<Field> host_fields(HostDraft& draft, UserDataParts& parts) {
  auto& host = draft.host;
  auto mac = shaped(text_like(kMacPattern), [&draft](const Value& entry, Mistakes& out) {
    add_mac(entry, {draft.host.macs, draft.mac_marks}, out);
  });
  auto shared_mac = shaped(text_like(kMacPattern), [&draft](const Value& entry, Mistakes& out) {
    add_mac(entry, {draft.host.shared_macs, draft.shared_mac_marks}, out);
  });
  auto uuid = shaped(text_like(kUuidPattern),
                     [&draft](const Value& entry, Mistakes& out) { read_uuid(entry, draft, out); });
  return parts.with({{"name", host_name(host.name, draft.name_mark)},
                     {"macs", each_of(std::move(mac))},
                     {"shared_macs", each_of(std::move(shared_mac))},
                     {"uuid", std::move(uuid)},
                     {"serial", marked(host.serial, draft.serial_mark)},
                     {"site", marked(host.site, draft.site_mark)},
                     {"profile", marked(host.profile, draft.profile_mark)},
                     {"offer", host_offer(host)},
                     {"boot_program", boot_program(host.boot_program)},
                     {"bench_address", bench_address(host)}});
}

}  // namespace

SiteDraft read_site(const Value& value, std::string_view stem, Mistakes& mistakes) {
  SiteDraft draft;
  UserDataParts parts;
  read_fields(value, "a site", site_fields(draft, parts), mistakes);
  draft.site.mark = value.mark;
  draft.site.user_data = std::move(parts).finish(mistakes);
  default_name(draft.site.name, draft.name_mark, value, stem);
  return draft;
}

HostDraft read_host(const Value& value, std::string_view stem, Mistakes& mistakes) {
  HostDraft draft;
  UserDataParts parts;
  auto& host = draft.host;
  read_fields(value, "a host", host_fields(draft, parts), mistakes);
  host.mark = value.mark;
  host.user_data = std::move(parts).finish(mistakes);
  if (host.name.empty() && value.map() != nullptr && !is_host_name(stem)) {
    mistakes.push_back({value.mark, shown(make_text(std::string(stem))) +
                                        " is no host name; give the host a `name`"});
  }
  default_name(host.name, draft.name_mark, value, stem);
  check_identity(draft, value, mistakes);
  return draft;
}

Shape site_shape() {
  SiteDraft draft;
  UserDataParts parts;
  return map_of(site_fields(draft, parts));
}

Shape host_shape() {
  HostDraft draft;
  UserDataParts parts;
  return map_of(host_fields(draft, parts));
}

}  // namespace slipway::provisioning
