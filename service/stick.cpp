#include "service/stick.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include "base/temporary_folder.hpp"
#include "base/tool.hpp"
#include "images/fat32.hpp"
#include "images/gpt.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;
using images::Guid;

constexpr std::size_t kSector = 512;
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kCoreAt = kMiB, kVolumeAt = 2 * kMiB;
constexpr std::string_view kBiosBootType = "21686148-6449-6E6F-744E-656564454649";
constexpr std::string_view kEspType = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

struct Platform {
  const char* name;
  const char* package;
  std::vector<std::string> modules;
};

// All modules are built in: nothing else of GRUB is needed on the stick.
Platform bios() { return {"i386-pc", "grub-pc-bin", {"biosdisk"}}; }
// Without a video module the kernel starts blind.
Platform uefi() {
  return {"x86_64-efi", "grub-efi-amd64-bin", {"efi_gop", "efi_uga", "all_video"}};
}

Fallible<Bytes> grub_image(const fs::path& grub, const Platform& platform,
                           const MediumIdentity& identity) {
  const auto folder = grub / platform.name;
  if (!fs::is_directory(folder)) {
    return fail(folder.native() + ": no such folder; install " + platform.package);
  }
  const auto scratch = TemporaryFolder::make();
  if (!scratch) return std::unexpected(scratch.error());
  const auto early = scratch->path() / "early.cfg", made = scratch->path() / "image";
  std::ofstream(early) << "search.fs_uuid " << volume_text(identity.volume_id) << " root\n"
                       << "configfile ($root)/SLIPWAY/GRUB.CFG\n";
  std::vector<std::string> words = {
      "grub-mkimage", "-d",         folder,  "-O",   platform.name, "-c",       early,
      "-p",           "/SLIPWAY",   "-o",    made,   "part_gpt",    "fat",      "search_fs_uuid",
      "normal",       "configfile", "linux", "echo", "serial",      "terminal", "test",
      "sleep",        "reboot",     "boot"};
  words.insert(words.end(), platform.modules.begin(), platform.modules.end());
  const auto done = run_tool(words);
  if (!done) return fail(done.error(), "making GRUB for " + std::string(platform.name));
  return read_octets(made);
}

// What grub-bios-setup would do to a real disk: boot.img learns where core.img starts, core.img
// where its second sector is.
Fallible<void> put_bios_loader(std::span<std::uint8_t> stick, const fs::path& grub, Bytes core) {
  constexpr std::size_t kCodeOctets = 440;     // before the MBR's disk signature
  constexpr std::size_t kCoreSectorAt = 0x5C;  // GRUB_BOOT_MACHINE_KERNEL_SECTOR
  constexpr std::size_t kDriveCheckAt = 0x66;  // GRUB_BOOT_MACHINE_DRIVE_CHECK
  constexpr std::size_t kBlockListAt = 0x1F4;  // of diskboot.img, core.img's first sector
  const auto boot = read_octets(grub / "i386-pc/boot.img");
  if (!boot) return std::unexpected(boot.error());
  if (boot->size() != kSector || core.size() <= kSector || core.size() > kVolumeAt - kCoreAt) {
    return fail("GRUB for i386-pc is not of the size that is known");
  }
  std::copy_n(boot->begin(), kCodeOctets, stick.begin());
  Writer sector(stick.subspan(kCoreSectorAt, 8));
  sector.le64(kCoreAt / kSector);
  Writer check(stick.subspan(kDriveCheckAt, 2));
  check.bytes(std::array<std::uint8_t, 2>{0x90, 0x90});  // no doubt about the BIOS's drive number
  Writer list(std::span(core).subspan(kBlockListAt, 8));
  list.le64(kCoreAt / kSector + 1);
  std::ranges::copy(core, stick.subspan(kCoreAt).begin());
  return {};
}

void put_entry(std::span<std::uint8_t> out, std::string_view type, const Guid& unique,
               std::size_t offset, std::size_t octets) {
  Writer writer(out);
  writer.bytes(Guid::parse(type)->octets);
  writer.bytes(unique.octets);
  writer.le64(offset / kSector);
  writer.le64((offset + octets) / kSector - 1);
  writer.le64(0);
  for (const char c : type == kEspType ? std::string_view("slipway") : std::string_view("bios")) {
    writer.le16(static_cast<std::uint8_t>(c));
  }
}

// UEFI 2.10 s.5.3; the CRCs and the backup are made by images/gpt.
Fallible<void> put_table(std::span<std::uint8_t> stick, const MediumIdentity& identity,
                         std::size_t volume_octets) {
  constexpr std::size_t kEntryOctets = 128, kEntries = 128;
  constexpr std::size_t kTableSectors = kEntryOctets * kEntries / kSector;
  Writer mbr(stick.subspan(446, 66));
  mbr.bytes(std::array<std::uint8_t, 8>{0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF});
  mbr.le32(1);
  mbr.fill(52);  // the size comes with the table
  mbr.bytes(std::array<std::uint8_t, 2>{0x55, 0xAA});
  images::GptTable table;
  table.sector_octets = kSector;
  table.first_usable_lba = 2 + kTableSectors;
  table.last_usable_lba = stick.size() / kSector - 2 - kTableSectors;
  table.backup_lba = stick.size() / kSector - 1;
  table.entries_lba = 2;
  table.entry_octets = kEntryOctets;
  table.disk = identity.disk;
  table.entries = Bytes(kEntryOctets * kEntries);
  const std::span entries(table.entries);
  put_entry(entries.first(kEntryOctets), kBiosBootType, identity.bios_boot, kCoreAt,
            kVolumeAt - kCoreAt);
  put_entry(entries.subspan(kEntryOctets, kEntryOctets), kEspType, identity.volume, kVolumeAt,
            volume_octets);
  const auto made = images::make_disk_table(table, stick.first(kMiB), stick.size(), {});
  if (!made) return fail(made.error().text);
  std::ranges::copy(made->lba0, stick.begin());
  std::ranges::copy(made->lba1, stick.subspan(kSector).begin());
  std::ranges::copy(made->entries, stick.subspan(made->entries_offset).begin());
  std::ranges::copy(made->backup, stick.subspan(made->backup_offset).begin());
  return {};
}

}  // namespace

Fallible<Bytes> make_stick(const StickOptions& options) {
  auto good = check_server(options.medium.server);
  if (!good) return std::unexpected(good.error());
  const auto identity = identity_of(options.medium);
  auto core = grub_image(options.grub, bios(), identity);
  if (!core) return std::unexpected(core.error());
  const auto efi = grub_image(options.grub, uefi(), identity);
  if (!efi) return std::unexpected(efi.error());
  const auto config =
      grub_config(command_line(options.medium, identity), "stick", "write its image again");
  const auto volume = images::make_fat32("SLIPWAY", identity.volume_id,
                                         {{"EFI/BOOT/BOOTX64.EFI", *efi},
                                          {"SLIPWAY/GRUB.CFG", as_bytes(config)},
                                          {"SLIPWAY/VMLINUZ", options.medium.kernel},
                                          {"SLIPWAY/INITRD.IMG", options.medium.initramfs}});
  if (!volume) return std::unexpected(volume.error());
  Bytes stick(kVolumeAt + volume->size() + kMiB);  // the last MiB is the backup table's
  std::ranges::copy(*volume, std::span(stick).subspan(kVolumeAt).begin());
  good = put_bios_loader(stick, options.grub, std::move(*core));
  if (good) good = put_table(stick, identity, volume->size());
  if (!good) return std::unexpected(good.error());
  return stick;
}

}  // namespace slipway::service
