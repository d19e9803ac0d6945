#include "provisioning/entries.hpp"

#include <algorithm>

#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

void add_mac(const Value& value, HostDraft& draft, Mistakes& mistakes) {
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
  draft.host.macs.push_back(*mac);
  draft.mac_marks.push_back(value.mark);
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
  return [&target, &mark](const Value& value, Mistakes& mistakes) {
    mark = value.mark;
    text(target)(value, mistakes);
  };
}

FieldReader host_name(std::string& target, Mark& mark) {
  return [&target, &mark](const Value& value, Mistakes& mistakes) {
    mark = value.mark;
    text(target)(value, mistakes);
    if (value.string() != nullptr && !value.string()->empty() && !is_host_name(*value.string())) {
      mistakes.push_back({value.mark, shown(value) + " is no host name: letters, digits and "
                                                     "hyphens, at most 64 characters"});
    }
  };
}

// A name that was not said is the stem of the file, which then must be good itself.
void default_name(std::string& name, Mark& mark, const Value& value, std::string_view stem) {
  if (name.empty()) name = stem;
  if (mark.line == 0) mark = value.mark;
}

void check_identity(const HostDraft& draft, const Value& value, Mistakes& mistakes) {
  const bool said = value.find("macs") != nullptr || value.find("uuid") != nullptr ||
                    value.find("serial") != nullptr;
  if (!said && value.map() != nullptr) {
    mistakes.push_back(
        {value.mark, "a host needs `macs`, `uuid` or `serial`, by which it is known"});
  }
  for (std::size_t i = 0; i < draft.host.macs.size(); ++i) {
    const auto first = std::ranges::find(draft.host.macs, draft.host.macs[i]);
    if (first == draft.host.macs.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    mistakes.push_back({draft.mac_marks[i], "MAC " + first->text() + " stands twice in this host"});
  }
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
  return [this, key = std::move(key)](const Value& value, Mistakes& mistakes) {
    add(key, value, mistakes);
  };
}

FieldReader UserDataParts::whole() {
  return [this](const Value& value, Mistakes& mistakes) {
    if (value.map() == nullptr) {
      mistakes.push_back(
          {value.mark, "user_data must be a map, not " + std::string(kind_name(value))});
      return;
    }
    for (const auto& [key, entry] : *value.map()) add(key, entry, mistakes);
  };
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
  return [&target, &mark](const Value& value, Mistakes& mistakes) {
    mark = value.mark;
    text(target)(value, mistakes);
    if (value.string() != nullptr && !value.string()->empty() && !is_entry_name(*value.string())) {
      mistakes.push_back({value.mark, shown(value) + " is no name: letters, digits, `.`, `_` and "
                                                     "`-`, at most 128 characters"});
    }
  };
}

SiteDraft read_site(const Value& value, std::string_view stem, Mistakes& mistakes) {
  SiteDraft draft;
  UserDataParts parts;
  read_fields(value, "a site", parts.with({{"name", name_text(draft.site.name, draft.name_mark)}}),
              mistakes);
  draft.site.mark = value.mark;
  draft.site.user_data = std::move(parts).finish(mistakes);
  default_name(draft.site.name, draft.name_mark, value, stem);
  return draft;
}

HostDraft read_host(const Value& value, std::string_view stem, Mistakes& mistakes) {
  HostDraft draft;
  UserDataParts parts;
  auto& host = draft.host;
  const auto mac = [&draft](const Value& entry, Mistakes& out) { add_mac(entry, draft, out); };
  const auto uuid = [&draft](const Value& entry, Mistakes& out) { read_uuid(entry, draft, out); };
  read_fields(value, "a host",
              parts.with({{"name", host_name(host.name, draft.name_mark)},
                          {"macs", each_of(mac)},
                          {"uuid", uuid},
                          {"serial", marked(host.serial, draft.serial_mark)},
                          {"site", marked(host.site, draft.site_mark)},
                          {"profile", marked(host.profile, draft.profile_mark)}}),
              mistakes);
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

}  // namespace slipway::provisioning
