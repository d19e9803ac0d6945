#include "agent/inventory.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "agent/text_file.hpp"
#include "agent/waiting_screen.hpp"

namespace slipway::agent {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::uint64_t count_cpus(const std::string& cpuinfo) {
  std::uint64_t count = cpuinfo.starts_with("processor\t") ? 1 : 0;
  for (auto at = cpuinfo.find("\nprocessor\t"); at != std::string::npos;
       at = cpuinfo.find("\nprocessor\t", at + 1)) {
    ++count;
  }
  return count;
}

// MemTotal lacks what firmware and kernel keep (a few hundred MiB of 4 GiB), and a host sold with
// 4 GiB must pass `memory: 4GiB`. The kernel's memory blocks count what is fitted.
std::uint64_t count_memory_blocks(const fs::path& folder) {
  std::uint64_t block_octets = 0;
  const std::string size = read_line(folder / "block_size_bytes");  // hexadecimal
  const auto [end, bad] = std::from_chars(size.data(), size.data() + size.size(), block_octets, 16);
  if (bad != std::errc{}) return 0;
  std::uint64_t blocks = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("memory") && read_line(entry.path() / "state") == "online") ++blocks;
  }
  return blocks * block_octets;
}

std::uint64_t total_of_meminfo(const std::string& meminfo) {
  constexpr std::string_view kKey = "MemTotal:";
  const auto at = meminfo.find(kKey);
  if (at == std::string::npos) return 0;
  const auto first = meminfo.find_first_of("0123456789", at + kKey.size());
  if (first == std::string::npos) return 0;
  std::uint64_t kib = 0;
  (void)std::from_chars(meminfo.data() + first, meminfo.data() + meminfo.size(), kib);  // a digit
  return kib * 1024;
}

// An EFI variable's file is 4 octets of attributes, then the value; SecureBoot's is one octet.
bool is_secure_boot_on(const fs::path& root) {
  const auto text = read_text(root / "sys/firmware/efi/efivars" /
                              "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
  return text.size() == 5 && text[4] == 1;
}

std::vector<Nic> read_nics(const fs::path& root) {
  const auto folder = root / "sys/class/net";
  const auto booted = boot_mac_of(read_line(root / "proc/cmdline"));
  std::vector<Nic> nics;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto& path = entry.path();
    if (!fs::exists(path / "device") || read_number(path / "type") != 1) continue;
    const auto driver = fs::read_symlink(path / "device/driver", error);
    nics.push_back({.name = path.filename(),
                    .mac = read_line(path / "address"),
                    .driver = driver.filename(),
                    .link = read_number(path / "carrier") == 1,
                    .speed_mbit = read_number(path / "speed"),  // -1, or an error: unknown
                    .booted = read_line(path / "address") == booted});
  }
  std::ranges::sort(nics, {}, &Nic::name);
  return nics;
}

json::value to_json(const Disk& disk) {
  return {{"path", disk.path},
          {"type", disk.type},
          {"model", disk.model},
          {"serial", disk.serial},
          {"wwn", disk.wwn},
          {"size_octets", disk.size_octets},
          {"sector_octets", disk.sector_octets},
          {"removable", disk.removable},
          {"read_only", disk.read_only},
          {"rotational", disk.rotational}};
}

json::value to_json(const Nic& nic) {
  return {{"name", nic.name},
          {"mac", nic.mac},
          {"driver", nic.driver},
          {"link", nic.link},
          {"speed_mbit", nic.speed_mbit},
          {"booted", nic.booted}};
}

void make_printable(Inventory& inventory) {
  for (auto* text :
       {&inventory.uuid, &inventory.serial, &inventory.manufacturer, &inventory.product}) {
    *text = printable(std::move(*text));
  }
  for (auto& disk : inventory.disks) {
    disk.model = printable(std::move(disk.model));
    disk.serial = printable(std::move(disk.serial));
    disk.wwn = printable(std::move(disk.wwn));
  }
}

}  // namespace

Inventory read_inventory(const fs::path& root) {
  Inventory inventory;
  inventory.cpus = count_cpus(read_text(root / "proc/cpuinfo"));
  inventory.memory_octets = std::max(total_of_meminfo(read_text(root / "proc/meminfo")),
                                     count_memory_blocks(root / "sys/devices/system/memory"));
  inventory.firmware = fs::exists(root / "sys/firmware/efi") ? "uefi" : "bios";
  inventory.secure_boot = is_secure_boot_on(root);
  inventory.tpm = fs::exists(root / "sys/class/tpm/tpm0");
  const auto smbios = root / "sys/class/dmi/id";
  inventory.uuid = read_line(smbios / "product_uuid");
  inventory.serial = read_line(smbios / "product_serial");
  inventory.manufacturer = read_line(smbios / "sys_vendor");
  inventory.product = read_line(smbios / "product_name");
  inventory.nics = read_nics(root);
  inventory.disks = read_disks(root);
  make_printable(inventory);
  return inventory;
}

std::string inventory_json(const Inventory& inventory) {
  json::array nics, disks;
  for (const auto& nic : inventory.nics) nics.push_back(to_json(nic));
  for (const auto& disk : inventory.disks) disks.push_back(to_json(disk));
  const json::value document = {{"cpus", inventory.cpus},
                                {"memory_octets", inventory.memory_octets},
                                {"firmware", inventory.firmware},
                                {"secure_boot", inventory.secure_boot},
                                {"tpm", inventory.tpm},
                                {"nics", nics},
                                {"disks", disks}};
  return json::serialize(document);
}

std::string session_json(const Inventory& inventory, const std::string& token) {
  json::array macs;
  for (const auto& nic : inventory.nics) macs.push_back(json::value(nic.mac));
  const json::value document = {{"token", token},
                                {"macs", macs},
                                {"uuid", inventory.uuid},
                                {"serial", inventory.serial},
                                {"manufacturer", inventory.manufacturer},
                                {"product", inventory.product},
                                {"agent_version", SLIPWAY_VERSION}};
  return json::serialize(document);
}

}  // namespace slipway::agent
