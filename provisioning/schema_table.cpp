#include <algorithm>
#include <map>

#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

using enum Rule;

// clang-format off
constexpr SchemaEntry kEntries[] = {
    {"stylus", map},
    {"stylus.managementMode", management_mode},
    {"stylus.debug", flag},
    {"stylus.trace", flag},
    {"stylus.path", Rule::path},
    {"stylus.featureGate", line},
    {"stylus.disableTui", flag},
    {"stylus.enableMultiNode", flag},
    {"stylus.disablePasswordUpdate", flag},
    {"stylus.vip", map},
    {"stylus.vip.skip", flag},
    {"stylus.localUI", map},
    {"stylus.localUI.port", port},
    {"stylus.registryCredentials", map},
    {"stylus.registryCredentials.domain", line},
    {"stylus.registryCredentials.username", line},
    {"stylus.registryCredentials.password", secret},
    {"stylus.registryCredentials.encodedPassword", secret},
    {"stylus.registryCredentials.insecure", flag},
    {"stylus.externalRegistries", map},
    {"stylus.externalRegistries.registries", list},
    {"stylus.externalRegistries.registries[]", map},
    {"stylus.externalRegistries.registries[].domain", line},
    {"stylus.externalRegistries.registries[].username", line},
    {"stylus.externalRegistries.registries[].password", secret},
    {"stylus.externalRegistries.registries[].encodedPassword", secret},
    {"stylus.externalRegistries.registries[].repositoryName", line},
    {"stylus.externalRegistries.registries[].insecure", flag},
    {"stylus.externalRegistries.registries[].certificates", any},
    {"stylus.externalRegistries.registryMappingRules", text_map},
    {"stylus.site", map},
    {"stylus.site.paletteEndpoint", endpoint},
    {"stylus.site.name", edge_id},
    {"stylus.site.prefix", edge_id},
    {"stylus.site.registrationURL", url},
    {"stylus.site.projectUid", line},
    {"stylus.site.projectName", line},
    {"stylus.site.edgeHostToken", secret},
    {kTokenExpires, date},
    {"stylus.site.tags", text_map},
    {"stylus.site.hostName", host_name},
    {"stylus.site.deviceUIDPaths", list},
    {"stylus.site.deviceUIDPaths[]", map},
    {"stylus.site.deviceUIDPaths[].name", Rule::path},
    {"stylus.site.deviceUIDPaths[].regex", line},
    {"stylus.site.disableAutoRegister", flag},
    {"stylus.site.tagsFromFile", map},
    {"stylus.site.tagsFromFile.fileName", Rule::path},
    {"stylus.site.tagsFromFile.delimiter", line},
    {"stylus.site.tagsFromFile.separator", line},
    {"stylus.site.tagsFromScript", map},
    {"stylus.site.tagsFromScript.scriptName", Rule::path},
    {"stylus.site.tagsFromScript.timeout", number},
    {"stylus.site.clusterId", line},
    {"stylus.site.clusterName", line},
    {"stylus.site.caCerts", texts},
    {"stylus.site.insecureSkipVerify", flag},
    {"stylus.site.ntpServers", texts},
    {"stylus.site.users", list},
    {"stylus.site.users[]", any},
    {"stylus.site.network", any},  // moved to `network` before the check

    {"network", map},
    {"network.type", network_type},
    {"network.ipAddress", ipv4_or_cidr},
    {"network.mask", mask},
    {"network.gateway", ipv4},
    {"network.nameserver", nameservers},
    {"network.interface", line},
    {"network.httpProxy", url},
    {"network.httpsProxy", url},
    {"network.noProxy", line},
    {"network.interfaces", map},
    {"network.interfaces.*", map},
    {"network.interfaces.*.type", network_type},
    {"network.interfaces.*.ipAddress", ipv4_or_cidr},
    {"network.interfaces.*.mask", mask},
    {"network.interfaces.*.gateway", ipv4},
    {"network.interfaces.*.nameserver", nameservers},

    {"reboot", flag},

    {"install", map},
    {"install.poweroff", flag},
    {"install.reboot", flag},
    {"install.auto", flag},
    {"install.device", device},
    {"install.bind_mounts", texts},
    {"install.extra-dirs-rootfs", texts},
    {"install.partitions", map},
    {"install.partitions.persistent", map},
    {"install.partitions.persistent.size", number},
    {"install.partitions.persistent.fs", line},
    {"install.partitions.oem", any},
    {"install.partitions.state", any},
    {"install.partitions.recovery", any},
    {"install.extra-partitions", list},
    {"install.extra-partitions[]", map},
    {"install.extra-partitions[].name", line},
    {"install.extra-partitions[].label", line},
    {"install.extra-partitions[].size", number},
    {"install.extra-partitions[].fs", line},
    {"install.extra-partitions[].flags", texts},
    {"install.grub_options", map},
    {"install.grub_options.extra_cmdline", line},
    {"install.grub_options.*", line},
    {"install.image", line},
    {"install.env", texts},
    {"install.encrypted_partitions", texts},

    {"stages", map},
    {"stages.*", list},
    {"stages.*[]", map},
    {"stages.*[].name", line},
    {"stages.*[].if", text},
    {"stages.*[].only_os", line},
    {"stages.*[].hostname", host_name},
    {"stages.*[].users", map},
    {"stages.*[].users.*", map},
    {"stages.*[].users.*.groups", texts},
    {"stages.*[].users.*.passwd", secret},
    {"stages.*[].users.*.shell", Rule::path},
    {"stages.*[].users.*.homedir", Rule::path},
    {"stages.*[].users.*.gecos", line},
    {"stages.*[].users.*.primary_group", line},
    {"stages.*[].users.*.uid", any},
    {"stages.*[].users.*.system", flag},
    {"stages.*[].users.*.lock_passwd", flag},
    {"stages.*[].users.*.no_create_home", flag},
    {"stages.*[].users.*.no_user_group", flag},
    {"stages.*[].users.*.no_log_init", flag},
    {"stages.*[].users.*.ssh_authorized_keys", texts},
    {"stages.*[].groups", any},
    {"stages.*[].authorized_keys", map},
    {"stages.*[].authorized_keys.*", texts},
    {"stages.*[].files", list},
    {"stages.*[].files[]", map},
    {"stages.*[].files[].path", Rule::path},
    {"stages.*[].files[].content", text},
    {"stages.*[].files[].encoding", line},
    {"stages.*[].files[].permissions", permissions},
    {"stages.*[].files[].owner", number},
    {"stages.*[].files[].group", number},
    {"stages.*[].files[].owner_string", line},
    {"stages.*[].commands", texts},
    {"stages.*[].directories", any},
    {"stages.*[].dns", any},
    {"stages.*[].environment", any},
    {"stages.*[].environment_file", any},
    {"stages.*[].modules", texts},
    {"stages.*[].sysctl", any},
    {"stages.*[].systemctl", any},
    {"stages.*[].timesyncd", any},
    {"stages.*[].git", any},
    {"stages.*[].downloads", any},
    {"stages.*[].layout", any},
    {"stages.*[].packages", any},
    {"stages.*[].node", any},
    {"stages.*[].datasource", any},
    {"stages.*[].delete_entities", any},
    {"stages.*[].ensure_entities", any},
};

// Top-level keys of cloud-init's modules and of Kairos' configuration: not ours to check. And
// `variables`, which only templates read.
constexpr std::string_view kForeign[] = {
    "allow_public_ssh_keys", "ansible", "apk_repos", "apt", "apt_pipelining", "bootcmd", "bundles",
    "byobu_by_default", "ca_certs", "chef", "chpasswd", "config_url", "create_hostname_file",
    "debug", "device_aliases", "disable_ec2_metadata", "disable_root", "disable_root_opts",
    "disk_setup", "fail_on_bundles_errors", "fan", "final_message", "fqdn", "fs_setup", "groups",
    "growpart", "grub_dpkg", "grub_options", "hostname", "k3s", "k3s-agent", "k0s", "k0s-worker",
    "kcrypt", "keyboard", "landscape", "locale", "locale_configfile", "lxd", "manage_etc_hosts",
    "manage_resolv_conf", "mcollective", "merge_how", "merge_type", "mount_default_fields",
    "mounts", "no_ssh_fingerprints", "ntp", "options", "output", "p2p", "package_reboot_if_required",
    "package_update", "package_upgrade", "packages", "password", "phone_home", "power_state",
    "prefer_fqdn_over_hostname", "preserve_hostname", "puppet", "random_seed", "reset",
    "resize_rootfs", "resolv_conf", "rh_subscription", "rsyslog", "runcmd", "salt_minion", "snap",
    "spacewalk", "ssh", "ssh_authorized_keys", "ssh_deletekeys", "ssh_fp_console_blacklist",
    "ssh_genkeytypes", "ssh_import_id", "ssh_key_console_blacklist", "ssh_keys",
    "ssh_publish_hostkeys", "ssh_pwauth", "ssh_quiet_keygen", "strict", "swap", "system_info",
    "timezone", "updates", "upgrade", "user", "users", "variables", "vendor_data", "wireguard", "write_files",
    "yum_repo_dir", "yum_repos", "zypper",
};
// clang-format on

using Table = std::map<std::string_view, SchemaEntry>;

const Table& table() {
  static const Table kTable = [] {
    Table made;
    for (const auto& entry : kEntries) made.emplace(entry.path, entry);
    for (const auto key : kForeign) made.emplace(key, SchemaEntry{key, any});
    return made;
  }();
  return kTable;
}

}  // namespace

std::span<const SchemaEntry> schema_entries() {
  static const auto kAll = [] {
    std::vector<SchemaEntry> all;
    for (const auto& [path, entry] : table()) all.push_back(entry);
    return all;
  }();
  return kAll;
}

const SchemaEntry* schema_entry(std::string_view path) {
  const auto found = table().find(path);
  return found == table().end() ? nullptr : &found->second;
}

bool is_secret_key(std::string_view key) {
  constexpr std::string_view kSecret[] = {
      "passwd",        "password",        "plain_text_passwd", "hashed_passwd",
      "edgeHostToken", "encodedPassword", "network_token",     "pairing_key",
      "pairingKey",    "private_key",     "chpasswd",          "ssh_keys",
  };
  return std::ranges::find(kSecret, key) != std::end(kSecret);
}

}  // namespace slipway::provisioning
