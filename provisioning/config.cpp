#include "provisioning/config.hpp"

#include <algorithm>

#include "provisioning/config_dhcp.hpp"
#include "provisioning/fields.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::size_t kMaxInterfaceName = 15;  // IFNAMSIZ - 1

// The path, absolute: relative ones count from the folder of slipway.yaml.
FieldReader path_from(const std::filesystem::path& folder, std::filesystem::path& target) {
  return shaped(shape_of(Shape::Kind::text),
                [folder, &target](const Value& value, Mistakes& mistakes) {
                  if (const auto text = require_text(value, mistakes)) {
                    target = (folder / *text).lexically_normal();
                  }
                });
}

void read_interface(const Value& value, std::vector<std::string>& names, Mistakes& mistakes) {
  const auto name = require_text(value, mistakes);
  if (!name) return;
  if (name->size() > kMaxInterfaceName || name->find_first_of("/ :") != std::string::npos) {
    mistakes.push_back({value.mark, shown(value) + " is no name of a network interface"});
  } else if (std::ranges::find(names, *name) != names.end()) {
    mistakes.push_back({value.mark, "interface " + shown(value) + " stands twice"});
  } else {
    names.push_back(*name);
  }
}

// It is shown as a QR code on the hosts' text consoles: with "/r/ID" behind it, the code must not
// get larger than 33 modules, which is 78 octets.
void read_public_url(const Value& value, std::string& target, Mistakes& mistakes) {
  constexpr std::size_t kMaxOctets = 64;
  const auto text = require_text(value, mistakes);
  if (!text) return;
  auto url = *text;
  while (url.ends_with('/')) url.pop_back();
  const auto scheme = url.starts_with("https://") ? 8U : url.starts_with("http://") ? 7U : 0U;
  const bool is_plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; }) &&
                        url.find_first_of("?#\"<>@\\") == std::string::npos;
  if (scheme == 0 || !is_plain || url.size() == scheme || url[scheme] == '/') {
    mistakes.push_back({value.mark, shown(value) + " is no address of the operators' pages; write "
                                                   "https://HOST, HTTPS or HTTP, without ? and #"});
  } else if (url.size() > kMaxOctets) {
    mistakes.push_back({value.mark, "an address of more than " + std::to_string(kMaxOctets) +
                                        " characters makes a QR code too large for a console"});
  } else {
    target = std::move(url);
  }
}

void read_peer(const Value& value, std::vector<Cidr>& peers, Mistakes& mistakes) {
  const auto text = require_text(value, mistakes);
  if (!text) return;
  if (const auto cidr = Cidr::parse(*text)) {
    peers.push_back(*cidr);
  } else {
    mistakes.push_back({value.mark, shown(value) + " is no network; write 10.0.0.0/24"});
  }
}

void read_database(const Value& value, Config& config, Mistakes& mistakes) {
  const auto text = require_text(value, mistakes);
  if (!text || *text == "sqlite") return;
  if (!is_postgresql_url(*text)) {
    const auto scheme = text->find("://");  // what follows it may hold a password
    mistakes.push_back({value.mark, shown(make_text(text->substr(0, scheme))) +
                                        " is not allowed here; allowed: sqlite, or a URL "
                                        "postgresql://USER@HOST/NAME"});
    return;
  }
  Secret url(*text);
  if (const auto good = check_database_url(url); !good) {
    mistakes.push_back({value.mark, good.error().text()});
  } else {
    config.database_url = std::move(url);
  }
}

FieldReader boot_program(dhcp::Arch arch, std::string& target) {
  return shaped(shape_of(Shape::Kind::text), [arch, &target](const Value& value,
                                                             Mistakes& mistakes) {
    const auto text = require_text(value, mistakes);
    if (!text) return;
    if (fits(*text, arch)) {
      target = *text;
      return;
    }
    const auto* files = arch == dhcp::Arch::bios       ? "a file in boot_folder"
                        : arch == dhcp::Arch::uefi_x64 ? "NAME.efi in boot_folder"
                                                       : "NAME.efi, .img or .iso in boot_folder";
    mistakes.push_back({value.mark, shown(value) +
                                        " is no boot program for this firmware; allowed: " +
                                        listed(program_words(arch)) + ", or " + files});
  });
}

FieldReader boot_programs(BootPrograms& programs) {
  return nested("boot_programs",
                {{"bios", boot_program(dhcp::Arch::bios, programs.bios)},
                 {"uefi", boot_program(dhcp::Arch::uefi_x64, programs.uefi)},
                 {"uefi_http", boot_program(dhcp::Arch::http_x64, programs.uefi_http)}});
}

FieldReader tftp(Config& config) {
  auto peer = shaped(
      text_like("^[0-9.]+(/[0-9]+)?$"),
      [&config](const Value& entry, Mistakes& out) { read_peer(entry, config.tftp_allow, out); });
  return nested("tftp",
                {{"port", port(config.tftp_port)},
                 {"allow", each_of(std::move(peer))},
                 // More does not fit a frame of Ethernet; every client takes 512.
                 {"max_blksize", number(config.tftp_max_blksize, {"a block size", 512, 1468})},
                 {"single_port", flag(config.tftp_single_port)}});
}

FieldReader boot_http(Config& config) {
  using namespace std::chrono_literals;
  auto& http = config.boot_http;
  return nested(
      "boot_http",
      {{"port", port(config.boot_http_port)},
       {"connections", number(http.connections, {"a number of connections", 64, 16'384})},
       {"connections_per_address",
        number(http.connections_per_address, {"a number of connections", 4, 16'384})},
       {"header_time", within(duration, http.header_time, {2s, 60s, "a time of 2s to 60s"})},
       {"min_rate", within(size, http.min_rate, {64, 1'048'576, "a size of 64B to 1MiB"})},
       {"access_log", flag(http.access_log)}});
}

Value boot_http_value(const Config& config) {
  const auto& http = config.boot_http;
  return make_map({{"port", make_number(config.boot_http_port)},
                   {"connections", make_number(http.connections)},
                   {"connections_per_address", make_number(http.connections_per_address)},
                   {"header_time", make_text(std::to_string(http.header_time.count()) + "s")},
                   {"min_rate", make_text(std::to_string(http.min_rate) + "B")},
                   {"access_log", make_flag(http.access_log)}});
}

// What the client of registries takes, service/import_network.
void read_mirrors(const Value& value, std::map<std::string, std::string>& target,
                  Mistakes& mistakes) {
  std::map<std::string, std::string> mirrors;
  texts_by_key(mirrors)(value, mistakes);
  for (const auto& [registry, url] : mirrors) {
    const auto scheme = url.starts_with("https://") ? 8U : url.starts_with("http://") ? 7U : 0U;
    const bool plain = url.find_first_of("?#@ ") == std::string::npos;
    const auto* entry = value.find(registry);
    if (scheme == 0 || !plain || url.size() == scheme || url[scheme] == '/') {
      mistakes.push_back({entry == nullptr ? value.mark : entry->mark,
                          "is no mirror of a registry; write http[s]://HOST[:PORT][/PREFIX]"});
    } else {
      target[registry] = url;
    }
  }
}

FieldReader images(const std::filesystem::path& folder, Config& config) {
  auto& sources = config.image_sources;
  auto mirrors = shaped(
      shape_of(Shape::Kind::texts),
      [&sources](const Value& value, Mistakes& out) { read_mirrors(value, sources.mirrors, out); });
  auto key = shaped(shape_of(Shape::Kind::text),
                    [folder, &config](const Value& value, Mistakes& mistakes) {
                      if (const auto text = require_text(value, mistakes)) {
                        config.image_keys.push_back((folder / *text).lexically_normal());
                      }
                    });
  return nested("images", {{"mirrors", std::move(mirrors)},
                           {"registry_config", path_from(folder, sources.registry_config)},
                           {"ca", path_from(folder, sources.ca)},
                           {"require_signed", flag(config.require_signed)},
                           {"keys", each_of(std::move(key))}});
}

Value images_value(const Config& config) {
  const auto& sources = config.image_sources;
  Map mirrors;
  for (const auto& [registry, url] : sources.mirrors) mirrors.push_back({registry, make_text(url)});
  auto value = make_map({});
  if (!mirrors.empty()) value.set("mirrors", make_map(std::move(mirrors)));
  if (!sources.registry_config.empty()) {
    value.set("registry_config", make_text(sources.registry_config.string()));
  }
  if (!sources.ca.empty()) value.set("ca", make_text(sources.ca.string()));
  if (config.image_keys.empty()) return value;
  List keys;
  for (const auto& key : config.image_keys) keys.push_back(make_text(key.string()));
  value.set("require_signed", make_flag(config.require_signed));
  value.set("keys", make_list(std::move(keys)));
  return value;
}

FieldReader operator_plane(Config& config) {
  constexpr std::string_view kSocketOnly = "operators use the UNIX socket DATA_DIR/slipway.sock";
  auto url = shaped(text_like("^https?://[^/?#@ ][^?#@ ]*$"),
                    [&config](const Value& value, Mistakes& mistakes) {
                      read_public_url(value, config.public_url, mistakes);
                    });
  return nested("operator", {{"public_url", std::move(url)},
                             {"listen", not_built(kSocketOnly)},
                             {"tls", not_built(kSocketOnly)}});
}

std::vector<Field> config_fields(const std::filesystem::path& folder, Config& config) {
  auto interface =
      shaped(text_like("^[^/ :]{1,15}$"), [&config](const Value& entry, Mistakes& out) {
        read_interface(entry, config.interfaces, out);
      });
  auto database =
      shaped(text_like("^(sqlite|postgres(ql)?://.+)$"),
             [&config](const Value& entry, Mistakes& out) { read_database(entry, config, out); });
  return {{"interfaces", each_of(std::move(interface))},
          {"allow_default_route", flag(config.allow_default_route)},
          {"data_dir", path_from(folder, config.data_dir)},
          {"inventory", path_from(folder, config.inventory)},
          {"loaders", path_from(folder, config.loaders)},
          {"boot_folder", path_from(folder, config.boot_folder)},
          {"boot_programs", boot_programs(config.boot_programs)},
          {"installer", path_from(folder, config.installer)},
          {"dhcp", dhcp_service(config)},
          {"tftp", tftp(config)},
          {"boot_http", boot_http(config)},
          {"unknown_hosts",
           one_of<UnknownHosts>(config.unknown_hosts, {{"ignore", UnknownHosts::ignore},
                                                       {"discover", UnknownHosts::discover}})},
          {"database", std::move(database)},
          {"operator", operator_plane(config)},
          {"boot_https", not_built("the boot plane is plain HTTP on boot_http")},
          {"images", images(folder, config)}};
}

void check_ports(const Value& value, const Config& config, Mistakes& mistakes) {
  const bool clash = config.dhcp_port == config.binl_port || config.dhcp_port == config.tftp_port ||
                     config.binl_port == config.tftp_port;
  if (!clash) return;
  const auto* dhcp = value.find("dhcp");
  const auto* tftp = value.find("tftp");
  const auto* at = dhcp != nullptr ? dhcp : tftp;
  mistakes.push_back({at != nullptr ? at->key_mark() : value.mark,
                      "dhcp.port, dhcp.binl_port and tftp.port are UDP ports of one machine: "
                      "they must differ"});
}

Value path_value(const std::filesystem::path& path) { return make_text(path.string()); }

}  // namespace

Shape config_shape() {
  Config config;
  return map_of(config_fields({}, config), {"interfaces"});
}

bool LoadedConfig::good() const { return std::ranges::all_of(mistakes, &Mistake::is_warning); }

LoadedConfig parse_config(std::string_view text, const std::filesystem::path& file) {
  LoadedConfig loaded;
  auto parsed = parse_yaml(text, file.string());
  auto& config = loaded.config;
  loaded.mistakes = std::move(parsed.mistakes);
  const auto folder = std::filesystem::absolute(file).parent_path();
  read_fields(parsed.value, "slipway.yaml", config_fields(folder, config), loaded.mistakes);
  if (config.installer.empty()) config.installer = config.data_dir / "installer";
  if (config.boot_folder.empty()) config.boot_folder = config.data_dir / "boot";
  const bool readable = !parsed.value.is_null() || loaded.mistakes.empty();
  if (readable && config.interfaces.empty() && loaded.good()) {
    loaded.mistakes.push_back({parsed.value.mark,
                               "`interfaces` is missing: name at least one "
                               "interface to serve, as in [eth1]"});
  }
  check_ports(parsed.value, config, loaded.mistakes);
  if (loaded.good()) check_dhcp(parsed.value, config, loaded.mistakes);
  if (config.require_signed && config.image_keys.empty()) {
    const auto* at = parsed.value.at("images.require_signed");
    loaded.mistakes.push_back({at != nullptr ? at->key_mark() : parsed.value.mark,
                               "images.require_signed needs `keys: [FILE, …]`, public keys of "
                               "minisign: without one no image could be imported"});
  }
  return loaded;
}

LoadedConfig load_config(const std::filesystem::path& file) {
  const auto text = read_text_file(file, kMaxYamlOctets);
  if (!text) return {{}, {{{}, text.error().text()}}};
  return parse_config(*text, file);
}

std::string print_config(const Config& config) {
  List interfaces;
  for (const auto& name : config.interfaces) interfaces.push_back(make_text(name));
  List allow;
  for (const auto& cidr : config.tftp_allow) allow.push_back(make_text(cidr.text()));
  const auto database =
      config.database_url.empty() ? std::string("sqlite") : shown_url(config.database_url);
  const bool ignore = config.unknown_hosts == UnknownHosts::ignore;
  auto settings = make_map({
      {"interfaces", make_list(std::move(interfaces))},
      {"allow_default_route", make_flag(config.allow_default_route)},
      {"data_dir", path_value(config.data_dir)},
      {"inventory", path_value(config.inventory)},
      {"loaders", path_value(config.loaders)},
      {"boot_folder", path_value(config.boot_folder)},
      {"boot_programs", make_map({{"bios", make_text(config.boot_programs.bios)},
                                  {"uefi", make_text(config.boot_programs.uefi)},
                                  {"uefi_http", make_text(config.boot_programs.uefi_http)}})},
      {"installer", path_value(config.installer)},
      {"dhcp", dhcp_value(config)},
      {"tftp", make_map({{"port", make_number(config.tftp_port)},
                         {"allow", make_list(std::move(allow))},
                         {"max_blksize", make_number(config.tftp_max_blksize)},
                         {"single_port", make_flag(config.tftp_single_port)}})},
      {"boot_http", boot_http_value(config)},
      {"unknown_hosts", make_text(ignore ? "ignore" : "discover")},
      {"database", make_text(database)},
  });
  if (!config.public_url.empty()) {
    settings.set("operator", make_map({{"public_url", make_text(config.public_url)}}));
  }
  auto images = images_value(config);
  if (!images.map()->empty()) settings.set("images", std::move(images));
  return emit_yaml(settings);
}

}  // namespace slipway::provisioning
