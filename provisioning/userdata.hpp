// provisioning/userdata.hpp -- the layers of user-data, merged and rendered for one host.
//
// Pure functions of the inventory: the same input gives the same octets. The merge is the one
// that Kairos does: maps merge deeply, lists of maps are concatenated, lists of scalars are
// united, a scalar replaces, null clears, and a clash of types is an error that names both
// places.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

// Whom to render for. All four outlive the call.
struct Subject {
  const Inventory& inventory;
  const HostEntry& host;
  const Profile& profile;
  const Site* site;  // may be null: no site
};

// What a host is served. The parts are the files of a NoCloud volume; an empty part is an empty or
// missing file.
struct Seed {
  std::string user_data, meta_data, vendor_data, network_config;
};

// Whether the texts are for a host or for a person's eyes.
enum class Secrets : std::uint8_t { revealed, masked };

// Defaults, the profile's layers in order, the profile's own user_data, the site, the host: later
// over earlier. Null entries are gone from the result.
[[nodiscard]] Fallible<Value> merge_user_data(const Subject& subject);

// The dialect of the profile's format. cloud_init: stock cloud-init 22.4 on a cidata volume;
// kairos: user-data is render_kairos(), network-config is empty. Autoinstall is the only text
// format that has a seed: its document is user-data, network-config is empty. `instance_id` changes
// with each arming, so that cloud-init runs anew after a re-installation.
[[nodiscard]] Fallible<Seed> render_seed(const Subject& subject, std::string_view instance_id,
                                         Secrets secrets = Secrets::revealed,
                                         std::string_view report_url = {});

// The document of a text format, made from the profile's template. `report_url` is where the
// installer reports its end: http://SERVER/h/TOKEN/report.
[[nodiscard]] Fallible<std::string> render_text(const Subject& subject, std::string_view report_url,
                                                Secrets secrets = Secrets::revealed);

// What an installer that takes one document is served: render_kairos() or render_text(), and to
// installers of others that read cloud-init's format the user-data of the seed.
[[nodiscard]] Fallible<std::string> render_config(const Subject& subject,
                                                  std::string_view report_url,
                                                  Secrets secrets = Secrets::revealed);

// The one-document dialect of Kairos: a #cloud-config with stages, install, stylus. Exactly one of
// poweroff and reboot is in it; config_url is empty, so that nothing is fetched at the customer's.
// Where Kairos' own installer reads it, it posts to `report_url` when it is through.
[[nodiscard]] Fallible<std::string> render_kairos(const Subject& subject,
                                                  Secrets secrets = Secrets::revealed,
                                                  std::string_view report_url = {});

// What the host does after its disk is written: install.poweroff, then reboot of the merged
// user-data, then the profile's `finish`.
[[nodiscard]] Finish finish_of(const Profile& profile, const Value& merged);

// The host's name: stylus.site.hostName, `hostname` of the user-data, else the entry's name.
[[nodiscard]] std::string host_name_of(const HostEntry& host, const Value& merged);

// The tree with every secret replaced by kMasked: values of !secret, values under the keys that are
// secret by name (passwd, edgeHostToken, ...), and the userinfo of URLs inside any text.
[[nodiscard]] Value mask_secrets(const Value& value);

// Mistakes that only show when everything is put together for one host (missing required keys,
// type clashes, static network that does not fit), and warnings for what the format cannot carry.
[[nodiscard]] std::vector<Mistake> check_subject(const Subject& subject);

}  // namespace slipway::provisioning
