#include "service/doctor/machine.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "base/descriptor.hpp"
#include "base/udp.hpp"
#include "http/listener.hpp"
#include "provisioning/inventory.hpp"
#include "provisioning/loaders.hpp"
#include "service/artifacts.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;
using Level = Finding::Level;

bool is_up(const std::string& name) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(list, &::freeifaddrs);
  constexpr unsigned kNeeded = IFF_UP | IFF_RUNNING;
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (name == entry->ifa_name) return (entry->ifa_flags & kNeeded) == kNeeded;
  }
  return false;
}

struct Port {
  std::string_view name;
  std::uint16_t number;
  bool may_share;  // the service binds it beside others
};

std::string text_of(const Port& port, const Interface& interface) {
  return "UDP port " + std::to_string(port.number) + " (" + std::string(port.name) + ") on " +
         interface.name;
}

bool can_bind(const Port& port, const Interface& interface, bool share, std::string& why) {
  const auto fd = open_udp({.interface = interface.name,
                            .local = {.address = {}, .port = port.number},
                            .share_port = share});
  if (!fd) {
    why = fd.error().text();
    return false;
  }
  const Descriptor closes(*fd);
  return true;
}

// Nothing when the port is free.
std::optional<Finding> check_port(const Port& port, const Interface& interface) {
  std::string why;
  if (can_bind(port, interface, false, why)) return std::nullopt;
  if (port.may_share && can_bind(port, interface, true, why)) {
    return Finding{Level::warning, "port-shared",
                   text_of(port, interface) + " is in use by another server of this machine",
                   "see that it serves other interfaces only; both hear every request"};
  }
  return Finding{Level::error, "port-taken", text_of(port, interface) + " cannot be had: " + why,
                 "end what has it (ss -lunp), or run the doctor as root"};
}

bool has_errors(const std::vector<prov::Mistake>& mistakes) {
  return std::ranges::any_of(mistakes, [](const auto& mistake) { return !mistake.is_warning; });
}

Finding check_loaders(const prov::Config& config, const prov::Inventory& inventory) {
  const prov::Loaders loaders(config.loader_folders());
  std::string missing;
  for (const auto& [file, who] : prov::missing_programs(loaders, config.boot_programs, inventory)) {
    missing += (missing.empty() ? "" : ", ") + file + " (for " + who + ")";
  }
  if (missing.empty()) return {Level::ok, "loaders", "all boot programs are there", ""};
  return {Level::error, "loaders", "boot programs are missing: " + missing,
          "install the packages ipxe and shim-signed, or put the file into " +
              config.boot_folder.string() + " and start the service again"};
}

Finding check_installer(const prov::Config& config) {
  auto artifacts = StoreArtifacts::open(config);
  if (!artifacts) {
    return {Level::error, "store", "the image store cannot be opened: " + artifacts.error().text(),
            "look at the rights of " + (config.data_dir / "store").string()};
  }
  const auto installer = (*artifacts)->installer();
  if (!installer) {
    return {Level::error, "installer", installer.error().text(),
            "build it: hosts have nothing to boot into without it"};
  }
  for (const auto& digest : {installer->vmlinuz, installer->initramfs}) {
    if ((*artifacts)->open(digest) != nullptr) continue;
    return {Level::error, "installer", "a file of the installer is missing beside installer.json",
            "build the installer again"};
  }
  return {Level::ok, "installer", "the installer is there", ""};
}

Finding check_inventory(const prov::Config& config, const prov::Loaded& loaded) {
  if (has_errors(loaded.mistakes)) {
    return {Level::error, "inventory", config.inventory.string() + " has mistakes",
            "run slipway check, which names each with its line"};
  }
  return {Level::ok, "inventory",
          std::to_string(loaded.inventory.hosts.size()) + " hosts, " +
              std::to_string(loaded.inventory.profiles.size()) + " profiles, " +
              std::to_string(loaded.inventory.sites.size()) + " sites",
          ""};
}

}  // namespace

Findings check_interface(const prov::Config& config, const std::string& name,
                         std::optional<Interface>& found) {
  auto interface = find_interface(name);
  if (!interface) {
    return {{Level::error, "interface", interface.error().text(),
             "name the bench's interface in interfaces:"}};
  }
  if (!is_up(name)) {
    return {{Level::error, "interface", name + " is down or has no link",
             "plug its cable in, or bring it up: ip link set " + name + " up"}};
  }
  if (interface->address.is_zero()) {
    return {{Level::error, "interface", name + " has no IPv4 address",
             "give it a fixed one: hosts are told to come there"}};
  }
  const auto text = name + " is up with " + interface->address.text();
  const auto default_route = default_route_interface();
  const bool is_default = default_route && *default_route == name;
  found = std::move(*interface);
  if (is_default && !config.allow_default_route) {
    return {{Level::error, "default-route", name + " carries the default route",
             "name the bench's interface, or say allow_default_route: true"}};
  }
  if (is_default) {
    return {{Level::warning, "default-route", text + " and carries the default route",
             "make sure that no office hosts are on it: they would be answered, too"}};
  }
  return {{Level::ok, "interface", text, ""}};
}

Findings check_ports(const prov::Config& config, const Interface& interface, bool service_runs) {
  if (service_runs) {
    return {{Level::ok, "ports", "the service runs and has its ports on " + interface.name, ""}};
  }
  const std::array<Port, 3> ports{{{"DHCP", config.dhcp_port, true},
                                   {"boot server", config.binl_port, true},
                                   {"TFTP", config.tftp_port, false}}};
  Findings findings;
  for (const auto& port : ports) {
    if (auto finding = check_port(port, interface)) findings.push_back(std::move(*finding));
  }
  const auto listener = http::Listener::open_tcp({}, config.boot_http_port, interface.name);
  if (!listener) {
    findings.push_back({Level::error, "port-taken",
                        "TCP port " + std::to_string(config.boot_http_port) + " on " +
                            interface.name + " cannot be had: " + listener.error().text(),
                        "end what has it (ss -ltnp), or set boot_http: {port: …}"});
  }
  if (findings.empty()) {
    findings.push_back({Level::ok, "ports", "all ports are free on " + interface.name, ""});
  }
  return findings;
}

Findings check_files(const prov::Config& config) {
  const auto loaded = prov::load_inventory(config.inventory);
  return {check_loaders(config, loaded.inventory), check_installer(config),
          check_inventory(config, loaded)};
}

// Nobody needs the right time here: attempts end by monotonic time, and hosts are given this clock
// as it is. But certificates and logs of a depot in 1970 are worth nothing.
Finding check_clock(std::chrono::system_clock::time_point now,
                    const std::filesystem::path& data_dir) {
  using namespace std::chrono_literals;
  constexpr std::chrono::sys_days kEarliest = 2025y / 1 / 1;
  constexpr std::chrono::sys_days kLatest = 2100y / 1 / 1;
  constexpr std::string_view kRemedy = "set it: timedatectl set-time, or NTP where there is some";
  if (now < kEarliest || now > kLatest) {
    return {Level::error, "clock", "this machine's clock is implausible", std::string(kRemedy)};
  }
  struct stat written{};
  const auto file = data_dir / "slipway.db";
  if (::stat(file.c_str(), &written) == 0) {
    const auto then = std::chrono::system_clock::from_time_t(written.st_mtime);
    if (now + 1min < then) {
      return {Level::warning, "clock",
              "the database was written later than now: the clock went back", std::string(kRemedy)};
    }
  }
  return {Level::ok, "clock", "the clock is plausible", ""};
}

Finding judge_space(const std::filesystem::path& folder, std::uint64_t free, std::uint64_t size) {
  constexpr std::uint64_t kMib = 1U << 20U;
  constexpr std::uint64_t kLeast = 256 * kMib;    // the database and its log go on for long in it
  constexpr std::uint64_t kLittle = 4096 * kMib;  // one more image of usual size
  const auto text = folder.string() + " has " + std::to_string(free / kMib) + " MiB free of " +
                    std::to_string(size / kMib);
  const std::string remedy =
      "remove images that nobody needs (slipway image remove --gc), or give "
      "it a larger disk";
  if (free < kLeast) return {Level::error, "space", text, remedy};
  if (free < kLittle) return {Level::warning, "space", text, remedy};
  return {Level::ok, "space", text, ""};
}

Finding check_space(const std::filesystem::path& data_dir) {
  struct statvfs room{};
  if (::statvfs(data_dir.c_str(), &room) != 0) {
    return {Level::error, "space",
            data_dir.string() + " cannot be looked at: " + std::strerror(errno),
            "make it, with room for the images: the service keeps everything there"};
  }
  const std::uint64_t block = room.f_frsize;
  return judge_space(data_dir, room.f_bavail * block, room.f_blocks * block);
}

}  // namespace slipway::service
