#include "agent/disks.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "agent/parameters.hpp"
#include "agent/text_file.hpp"
#include "images/gpt.hpp"

namespace slipway::agent {
namespace {

namespace fs = std::filesystem;

bool is_never_a_disk(const std::string& name) {
  constexpr std::array<std::string_view, 9> kPrefixes = {"loop", "ram", "zram", "dm-", "md",
                                                         "sr",   "fd",  "nbd",  "drbd"};
  if (std::ranges::any_of(kPrefixes, [&](auto prefix) { return name.starts_with(prefix); })) {
    return true;
  }
  if (!name.starts_with("mmcblk")) return false;
  return name.find("boot") != std::string::npos || name.find("rpmb") != std::string::npos;
}

std::string type_of(const std::string& name, const fs::path& block) {
  if (name.starts_with("nvme")) return "nvme";
  if (name.starts_with("mmcblk")) return "mmc";
  if (name.starts_with("vd")) return "virtio";
  return read_number(block / "queue/rotational") == 1 ? "hdd" : "ssd";
}

// The first of `names` below `block` that says something: buses keep the same fact elsewhere.
template <std::size_t N>
std::string first_line_of(const fs::path& block, const std::array<std::string_view, N>& names) {
  for (const auto name : names) {
    auto text = read_line(block / name);
    if (!text.empty()) return text;
  }
  return {};
}

// SCSI keeps the serial number only in VPD page 0x80: 4 octets of header, then text (SPC-5 7.7.18).
std::string scsi_serial(const fs::path& block) {
  const std::string page = read_text(block / "device/vpd_pg80");
  return page.size() > 4 ? trimmed(std::string_view(page).substr(4)) : std::string();
}

// Where the device hangs: /sys/devices/pci0000:00/.../usb1/1-2/1-2:1.0/host0/target0:0:0/0:0:0:0.
fs::path device_of(const fs::path& block) {
  std::error_code error;
  auto device = fs::canonical(block / "device", error);
  return error ? fs::path() : device;
}

bool is_usb(const fs::path& block) {
  return device_of(block).native().find("/usb") != std::string::npos;
}

// Few USB bridges answer VPD pages; the serial number then is that of the USB device above.
std::string usb_serial(const fs::path& block) {
  for (auto place = device_of(block); place.has_relative_path(); place = place.parent_path()) {
    if (fs::exists(place / "idVendor")) return read_line(place / "serial");
  }
  return {};
}

std::string serial_of(const fs::path& block) {
  constexpr std::array<std::string_view, 2> kPlaces = {"serial", "device/serial"};
  auto serial = first_line_of(block, kPlaces);
  if (serial.empty()) serial = scsi_serial(block);
  return serial.empty() && is_usb(block) ? usb_serial(block) : serial;
}

// `table` is /proc/mounts or /proc/swaps: each line starts with the device. Partitions count.
bool is_listed(const std::string& table, const std::string& path) {
  std::size_t at = 0;
  while (at < table.size()) {
    const auto end = std::min(table.find('\n', at), table.size());
    const std::string_view device(table.data() + at,
                                  std::min(table.find_first_of(" \t", at), end) - at);
    if (device.starts_with(path)) {
      const auto rest = device.substr(path.size());
      if (rest.find_first_not_of("p0123456789") == std::string_view::npos) return true;
    }
    at = end + 1;
  }
  return false;
}

bool has_holders(const fs::path& block) {
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(block, error)) {
    if (entry.path().parent_path().filename() == "holders") return true;
  }
  return false;
}

Disk read_disk(const fs::path& root, const fs::path& block) {
  constexpr std::array<std::string_view, 2> kModels = {"device/model", "device/name"};
  constexpr std::array<std::string_view, 3> kNames = {"wwid", "device/wwid", "device/cid"};
  const std::string name = block.filename();
  Disk disk;
  disk.path = "/dev/" + name;
  disk.type = type_of(name, block);
  disk.model = first_line_of(block, kModels);
  disk.serial = serial_of(block);
  disk.wwn = first_line_of(block, kNames);
  disk.size_octets = read_number(block / "size") * 512;  // always counted in 512, whatever the LBA
  disk.sector_octets = read_number(block / "queue/logical_block_size");
  disk.removable = read_number(block / "removable") == 1;
  disk.read_only = read_number(block / "ro") == 1;
  disk.usb = is_usb(block);
  disk.rotational = read_number(block / "queue/rotational") == 1;
  disk.in_use = has_holders(block) || is_listed(read_text(root / "proc/mounts"), disk.path) ||
                is_listed(read_text(root / "proc/swaps"), disk.path);
  return disk;
}

// The partition that the installer was loaded from; empty when none is named.
std::string medium_guid(const fs::path& root) {
  auto guid = command_line_value(read_line(root / "proc/cmdline"), "slipway.medium");
  if (!guid.empty()) return guid;
  // 4 octets of attributes, then UTF-16 with a final NUL (systemd's Boot Loader Interface).
  const auto variable = read_text(root / "sys/firmware/efi/efivars" /
                                  "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
  for (std::size_t at = 4; at + 1 < variable.size() && variable[at] != 0; at += 2) {
    guid += variable[at];
  }
  return guid;
}

bool has_partition(const fs::path& device, const images::Guid& guid, std::uint64_t disk_octets) {
  std::ifstream file(device, std::ios::binary);
  std::string head(images::kHeadOctets, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  const auto sector_octets = images::detect_gpt(as_bytes(head));
  if (!sector_octets) return false;
  const auto table = images::parse_gpt(as_bytes(head), *sector_octets, disk_octets);
  if (!table) return false;
  const auto partitions = table->partitions();
  return std::ranges::find(partitions, guid, &images::Partition::unique) != partitions.end();
}

void find_boot_medium(const fs::path& root, std::vector<Disk>& disks) {
  const auto guid = images::Guid::parse(medium_guid(root));
  if (!guid) return;
  for (auto& disk : disks) {
    const auto device = root / fs::path(disk.path).relative_path();
    disk.boot_medium = has_partition(device, *guid, disk.size_octets);
  }
}

}  // namespace

std::vector<Disk> read_disks(const fs::path& root) {
  std::vector<Disk> disks;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root / "sys/block", error)) {
    const std::string name = entry.path().filename();
    if (is_never_a_disk(name) || read_number(entry.path() / "hidden") == 1) continue;
    disks.push_back(read_disk(root, entry.path()));
  }
  std::ranges::sort(disks, {}, &Disk::path);
  find_boot_medium(root, disks);
  return disks;
}

}  // namespace slipway::agent
