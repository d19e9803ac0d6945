// provisioning/entries.hpp -- one profile, site or host, from its YAML value.
//
// For the loader of the inventory only. A draft is the public struct and the places where its parts
// were written, which the checks across files name.
#pragma once

#include <string_view>
#include <vector>

#include "provisioning/fields.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

struct Reference {
  std::string name;  // NAME or NAME@VERSION
  Mark mark;
};

struct ProfileDraft {
  Profile profile;
  Mark name_mark, type_mark, compose_mark, firmware_mark, secure_boot_mark;
  std::vector<Reference> compose;
  Value value;  // as it was read
};

struct SiteDraft {
  Site site;
  Mark name_mark;
};

struct HostDraft {
  HostEntry host;
  Mark name_mark, uuid_mark, serial_mark, site_mark, profile_mark;
  std::vector<Mark> mac_marks;         // as many as host.macs
  std::vector<Mark> shared_mac_marks;  // as many as host.shared_macs
};

// `stem` is the name of the file without its ending: the entry's name unless it says otherwise.
[[nodiscard]] ProfileDraft read_profile(const Value& value, std::string_view stem,
                                        Mistakes& mistakes);
// `base` with what `value` says over it; mistakes were said by read_profile().
[[nodiscard]] Profile read_profile_over(const Value& value, Profile base);
[[nodiscard]] SiteDraft read_site(const Value& value, std::string_view stem, Mistakes& mistakes);
[[nodiscard]] HostDraft read_host(const Value& value, std::string_view stem, Mistakes& mistakes);

// What the three readers above take.
[[nodiscard]] Shape profile_shape();
[[nodiscard]] Shape site_shape();
[[nodiscard]] Shape host_shape();

// The rows of hosts.csv. The first row names the columns: name, macs, shared_macs, uuid, serial,
// site, profile, and any key of user-data with dots (network.ipAddress). RFC 4180 quotes; several
// MACs in one field are separated by blanks or semicolons; an empty field is absent.
[[nodiscard]] std::vector<HostDraft> read_hosts_csv(std::string_view text, std::string_view file,
                                                    Mistakes& mistakes);

// The same rows as the values that files of their own would hold; what a host may say is not
// checked. Each has a `name`.
[[nodiscard]] std::vector<Value> read_host_rows(std::string_view text, std::string_view file,
                                                Mistakes& mistakes);

// Collects `stylus`, `install`, `stages`, `reboot`, `network` of an entry, and what stands below
// its `user_data`, in one map.
class UserDataParts {
 public:
  // Reads the key of that name into the map; said twice (beside and below user_data) is a mistake.
  [[nodiscard]] FieldReader part(std::string key);
  [[nodiscard]] FieldReader whole();
  // `own`, and all the keys under which user-data may stand.
  [[nodiscard]] std::vector<Field> with(std::vector<Field> own);
  // The map, normalised and checked; null when nothing was said.
  [[nodiscard]] Value finish(Mistakes& mistakes) &&;

 private:
  void add(const std::string& key, const Value& value, Mistakes& mistakes);
  Value user_data_;
};

// Whether profiles and sites may have this name: letters, digits, `.`, `_`, `-`, not beginning with
// `.` or `-`, at most 128. Such a name is a good file name too.
[[nodiscard]] bool is_entry_name(std::string_view text);
// A text as names of profiles and sites must be.
[[nodiscard]] FieldReader name_text(std::string& target, Mark& mark);

// Why the site can hold one host only ("a static address"), or empty.
[[nodiscard]] std::string_view single_host_reason(const Site& site);

struct Drafts {
  std::vector<ProfileDraft> profiles;
  std::vector<SiteDraft> sites;
  std::vector<HostDraft> hosts;
};

// What only shows across entries: names, MACs, UUIDs, serial numbers said twice, references that
// lead nowhere, sites of one host that hold several.
void check_across(const Drafts& drafts, const Inventory& inventory, Mistakes& mistakes);
// The same for what only shows after the merge: edge-host IDs and addresses within a site.
void check_merged(const Drafts& drafts, const Inventory& inventory, Mistakes& mistakes);

}  // namespace slipway::provisioning
