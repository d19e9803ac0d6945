#include <algorithm>
#include <array>
#include <charconv>

#include "provisioning/merge.hpp"
#include "provisioning/render.hpp"

namespace slipway::provisioning {
namespace {

// Keys of our side of the user-data: translated or meant for the installer, not for cloud-init.
constexpr std::array<std::string_view, 7> kOurs{"stylus",  "install",    "reboot",   "stages",
                                                "network", "config_url", "variables"};

// Keys of a Kairos user that cloud-init knows under the same name.
constexpr std::array<std::string_view, 11> kUserKeys{
    "groups", "shell",       "homedir",        "gecos",         "primary_group", "uid",
    "system", "lock_passwd", "no_create_home", "no_user_group", "no_log_init"};

Value as_list(const Value& value) {
  return value.list() != nullptr ? value : make_list({value}, value.mark);
}

bool is_hashed(const Value& passwd) {
  const auto& text = *passwd.revealed();
  return text.starts_with('$') && text.find('$', 1) != std::string::npos;
}

// hashed_passwd rather than passwd: cloud-init sets it for a user that the image already has, too,
// as Kairos does.
Value cloud_user(const std::string& name, const Value& spec) {
  Value user = make_map({{"name", make_text(name)}}, spec.mark);
  for (const auto key : kUserKeys) {
    if (const auto* value = spec.find(key)) user.set(key, *value);
  }
  const auto* passwd = spec.find("passwd");
  if (passwd != nullptr && passwd->revealed() != nullptr) {
    user.set(is_hashed(*passwd) ? "hashed_passwd" : "plain_text_passwd", *passwd);
    if (spec.find("lock_passwd") == nullptr) user.set("lock_passwd", make_flag(false));
  }
  if (const auto* keys = spec.find("ssh_authorized_keys")) {
    user.set("ssh_authorized_keys", as_list(*keys));
  }
  return user;
}

std::string octal_text(const Value& permissions) {
  if (const auto* number = std::get_if<std::int64_t>(&permissions.data)) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), *number, 8).ptr;
    const std::string text(digits.begin(), end);
    return text.size() < 4 ? std::string(4 - text.size(), '0') + text : text;
  }
  return permissions.string() != nullptr ? *permissions.string() : "0644";
}

// What the stages of Kairos say, in cloud-init's words.
class Stages {
 public:
  explicit Stages(Mistakes& mistakes) : mistakes_(mistakes) {}

  void read(const Value& stages) {
    if (stages.map() == nullptr) return;
    for (const auto& [name, steps] : *stages.map()) {
      if (name != "initramfs") {
        warn(steps.key_mark(), "stage `" + name +
                                   "` has no equivalent in format cloud-init and is "
                                   "left out; use initramfs");
      } else if (steps.list() != nullptr) {
        for (const auto& step : *steps.list()) read_step(step);
      }
    }
  }

  // Adds what was read to cloud-init's own keys of `document`.
  void add_to(Value& document) {
    List users;
    for (const auto& [name, spec] : users_.map() ? *users_.map() : Map{}) {
      users.push_back(cloud_user(name, spec));
    }
    append(document, "users", std::move(users));
    append(document, "groups", std::move(groups_));
    append(document, "write_files", std::move(files_));
    append(document, "runcmd", std::move(commands_));
  }

  void append(Value& document, std::string_view key, List more) {
    if (more.empty()) return;
    auto* existing = document.find(key);
    if (existing == nullptr) existing = &document.set(key, make_list({}));
    auto* list = existing->list();
    if (list == nullptr) {
      mistakes_.push_back({existing->mark, "`" + std::string(key) +
                                               "` must be a list here, because "
                                               "more is added to it"});
      return;
    }
    std::ranges::move(more, std::back_inserter(*list));
  }

 private:
  void warn(const Mark& mark, std::string text) {
    mistakes_.push_back({mark, std::move(text), true});
  }

  void read_step(const Value& step) {
    if (step.map() == nullptr) return;
    for (const auto& [key, value] : *step.map()) read_key(key, value);
  }

  void read_key(const std::string& key, const Value& value) {
    if (key == "users") return merge_users(value);
    if (key == "authorized_keys") return merge_keys(value);
    if (key == "groups") return read_groups(value);
    if (key == "files") return read_files(value);
    if (key == "commands") return read_commands(value);
    if (key == "hostname")
      return warn(value.key_mark(),
                  "a stage's hostname is left out in format "
                  "cloud-init; write `hostname` below user_data");
    if (key == "name") return;  // a title, for logs
    warn(value.key_mark(), "`" + key +
                               "` of a stage has no equivalent in format cloud-init and is "
                               "left out");
  }

  // Stages that speak of the same user make one user, later over earlier.
  void merge_users(const Value& users) {
    if (users.map() == nullptr) return;
    if (auto done = merge_into(users_, users); !done) mistakes_.push_back(done.error());
  }

  void merge_keys(const Value& keys) {
    if (keys.map() == nullptr) return;
    Value users = make_map({}, keys.mark);
    for (const auto& [name, list] : *keys.map()) {
      users.set(name, make_map({{"ssh_authorized_keys", as_list(list)}}, list.mark));
    }
    merge_users(users);
  }

  void read_groups(const Value& groups) {
    if (groups.map() != nullptr) {
      for (const auto& [name, members] : *groups.map()) {
        groups_.push_back(members.is_null() ? make_text(name) : make_map({{name, members}}));
      }
    } else {
      std::ranges::copy(*as_list(groups).list(), std::back_inserter(groups_));
    }
  }

  void read_files(const Value& files) {
    if (files.list() == nullptr) return;
    for (const auto& file : *files.list()) {
      if (file.find("path") == nullptr) {
        mistakes_.push_back({file.mark, "a file needs a `path`"});
      } else {
        files_.push_back(cloud_file(file));
      }
    }
  }

  Value cloud_file(const Value& file) {
    Value out = make_map({{"path", *file.find("path")}}, file.mark);
    if (const auto* content = file.find("content")) out.set("content", *content);
    if (const auto* encoding = file.find("encoding")) out.set("encoding", *encoding);
    if (const auto* mode = file.find("permissions")) {
      out.set("permissions", make_text(octal_text(*mode), mode->mark));
    }
    if (const auto* owner = file.find("owner_string")) {
      out.set("owner", *owner);
      out.set("defer", make_flag(true));  // the owner may be one of our users, made later
    }
    refuse_number(file.find("owner"));
    refuse_number(file.find("group"));
    return out;
  }

  // cloud-init looks owners up by name and fails on a number; root is its default anyway.
  void refuse_number(const Value* id) {
    const auto* number = id != nullptr ? std::get_if<std::int64_t>(&id->data) : nullptr;
    if (number == nullptr || *number == 0) return;
    mistakes_.push_back({id->mark,
                         "cloud-init knows owners by name only; write owner_string: "
                         "USER:GROUP"});
  }

  void read_commands(const Value& commands) {
    std::ranges::copy(*as_list(commands).list(), std::back_inserter(commands_));
  }

  Mistakes& mistakes_;
  Value users_;
  List groups_, files_, commands_;
};

void check_static_has_nic(const Subject& subject, const Network& network, Mistakes& mistakes) {
  for (const auto& nic : network.interfaces) {
    if (!nic.address || !nic.name.empty() || !subject.host.macs.empty()) continue;
    mistakes.push_back({subject.host.mark,
                        "a host with a static address needs `macs`: its network "
                        "is matched by MAC"});
  }
}

Value addresses_config(const NetworkInterface& nic) {
  Value out = make_map({});
  if (!nic.address) {
    out.set("dhcp4", make_flag(true));
  } else {
    out.set("dhcp4", make_flag(false));
    out.set("addresses", make_list({make_text(nic.address->text())}));
    // 0.0.0.0/0, because cloud-init 22.4 does not know the word "default" in every renderer.
    if (nic.gateway) {
      out.set("routes", make_list({make_map({{"to", make_text("0.0.0.0/0")},
                                             {"via", make_text(nic.gateway->text())}})}));
    }
  }
  List servers;
  for (const auto& server : nic.nameservers) servers.push_back(make_text(server));
  if (!servers.empty()) {
    out.set("nameservers", make_map({{"addresses", make_list(std::move(servers))}}));
  }
  return out;
}

// What the site says of certificates and clocks, where the user-data has no word of its own.
void carry_site_settings(const Value& merged, Value& document) {
  const auto* certificates = merged.at("stylus.site.caCerts");
  if (certificates != nullptr && document.find("ca_certs") == nullptr) {
    document.set("ca_certs", make_map({{"trusted", as_list(*certificates)}}));
  }
  const auto* servers = merged.at("stylus.site.ntpServers");
  if (servers != nullptr && document.find("ntp") == nullptr) {
    document.set("ntp", make_map({{"enabled", make_flag(true)}, {"servers", as_list(*servers)}}));
  }
}

}  // namespace

Value cloud_init_document(const Subject& subject, const Value& merged, Mistakes& mistakes) {
  Mistakes said_elsewhere;
  const auto network = read_network(merged, said_elsewhere);
  check_static_has_nic(subject, network, mistakes);
  Value document = make_map({{"hostname", make_text(host_name_of(subject.host, merged))}});
  for (const auto& [key, value] : *merged.map()) {
    const bool ours = std::ranges::find(kOurs, key) != kOurs.end();
    if (!ours && key != "hostname") document.set(key, value);
  }
  carry_site_settings(merged, document);
  Stages stages(mistakes);
  if (const auto* said = merged.find("stages")) stages.read(*said);
  stages.append(document, "write_files", proxy_files(network.proxies));
  stages.add_to(document);
  return document;
}

Value network_config(const HostEntry& host, const Network& network) {
  auto nics = network.interfaces;
  if (nics.empty()) nics.emplace_back();  // nothing said: DHCP on the NIC that booted
  Value ethernets = make_map({});
  for (const auto& nic : nics) {
    auto config = addresses_config(nic);
    if (!nic.name.empty()) {
      ethernets.set(nic.name, std::move(config));
    } else if (!host.macs.empty()) {
      Value named = make_map({
          {"match", make_map({{"macaddress", make_text(host.macs.front().text())}})},
          {"set-name", make_text("lan0")},
      });
      std::ranges::move(*config.map(), std::back_inserter(*named.map()));
      ethernets.set("lan0", std::move(named));
    }
  }
  if (ethernets.map()->empty()) return {};
  return make_map({{"version", make_number(2)}, {"ethernets", std::move(ethernets)}});
}

void place_cloud_init_report(Value& document, std::string_view report_url) {
  const auto word = [](std::string_view text) { return make_text(std::string(text)); };
  Value command = make_list({word("curl"), word("-fsS"), word("--retry"), word("10"),
                             word("--retry-connrefused"), word("-d"),
                             word(R"({"state":"installed"})"), word(report_url)});
  auto* section = document.find("autoinstall");
  auto& parent = section != nullptr && section->map() != nullptr ? *section : document;
  const std::string_view key = &parent == section ? "late-commands" : "runcmd";
  auto* commands = parent.find(key);
  if (commands == nullptr) commands = &parent.set(key, make_list({}));
  if (auto* list = commands->list()) list->push_back(std::move(command));
}

}  // namespace slipway::provisioning
