// provisioning/config.hpp -- slipway.yaml: the settings of one server.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.hpp"
#include "base/secret.hpp"
#include "dhcp/lease.hpp"
#include "dhcp/policy.hpp"
#include "provisioning/boot_program.hpp"
#include "provisioning/shape.hpp"
#include "provisioning/store_url.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

// Beside a DHCP server that gives the leases, or in its place on an isolated bench.
enum class DhcpMode : std::uint8_t { proxy, server };

enum class UnknownHosts : std::uint8_t { ignore, discover };

// How images are fetched over the network.
struct ImageSources {
  std::map<std::string, std::string> mirrors;  // registry -> http[s]://HOST[:PORT][/PREFIX]
  std::filesystem::path registry_config;       // docker-style config.json; may be empty
  std::filesystem::path ca;                    // authorities besides the system's; may be empty
};

// What clients of the boot plane's HTTP may hold of it.
struct HttpSettings {
  std::uint32_t connections = 1024;            // a quarter is kept for hosts that are installed
  std::uint32_t connections_per_address = 64;  // of one IPv4 address
  std::chrono::seconds header_time{10};  // from the first octet of a request to its head's end
  std::uint64_t min_rate = 1024;         // octets a second that who takes an answer must take
  bool access_log = false;               // every answer at info
};

struct Config {
  std::vector<std::string> interfaces;  // at least one
  bool allow_default_route = false;
  std::filesystem::path data_dir = "/var/lib/slipway";
  std::filesystem::path inventory = "/etc/slipway/inventory";
  std::filesystem::path loaders = "/usr/lib/ipxe";  // iPXE of the distribution
  std::filesystem::path boot_folder;                // the operator's own; default: data_dir/boot
  BootPrograms boot_programs;
  std::filesystem::path installer;  // default: data_dir/installer
  DhcpMode dhcp_mode = DhcpMode::proxy;
  dhcp::LeasePlan leases;  // for DhcpMode::server
  std::uint16_t dhcp_port = 67;
  std::uint16_t binl_port = 4011;
  dhcp::OfferStyle offer = dhcp::OfferStyle::automatic;  // for hosts that say nothing of their own
  std::uint16_t tftp_port = 69;
  std::vector<Cidr> tftp_allow;           // peers that need no PXE exchange first
  std::uint16_t tftp_max_blksize = 1468;  // 512..1468; the interface's MTU lowers it further
  bool tftp_single_port = false;          // transfers, too, go through tftp_port
  std::uint16_t boot_http_port = 8080;
  HttpSettings boot_http;
  UnknownHosts unknown_hosts = UnknownHosts::discover;
  std::string
      public_url;  // where people reach the operators' pages, without a final '/'; may be empty
  ImageSources image_sources;
  bool require_signed = false;                    // images: nothing unsigned is imported
  std::vector<std::filesystem::path> image_keys;  // minisign's public keys
  Secret database_url;                            // of PostgreSQL; empty: SQLite in data_dir

  [[nodiscard]] LoaderFolders loader_folders() const {
    return {.ipxe = loaders, .own = boot_folder};
  }
  [[nodiscard]] StorePlace store_place() const {
    return {.file = data_dir / "slipway.db", .url = database_url};
  }
};

struct LoadedConfig {
  Config config;
  std::vector<Mistake> mistakes;
  [[nodiscard]] bool good() const;
};

// Reads and checks `file`; every mistake at once. Paths in it that are relative are relative to
// the file's folder.
[[nodiscard]] LoadedConfig load_config(const std::filesystem::path& file);

// The same for text that is already in memory; no file is touched.
[[nodiscard]] LoadedConfig parse_config(std::string_view text, const std::filesystem::path& file);

// What the reader of slipway.yaml takes.
[[nodiscard]] Shape config_shape();

// The effective settings with every default, as YAML that load_config reads back.
[[nodiscard]] std::string print_config(const Config& config);

}  // namespace slipway::provisioning
