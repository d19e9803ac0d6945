#include "service/stick.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "base/crypto.hpp"
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

// All that tells one stick from another comes from what is on it.
struct Identity {
  Guid disk, bios_boot, volume;
  std::uint32_t volume_id = 0;
};

Guid guid_of(const Sha256& seed, std::string_view what) {
  const auto digest = Sha256::of(seed.text() + std::string(what));
  Guid guid;
  std::copy_n(digest.octets.begin(), guid.octets.size(), guid.octets.begin());
  // RFC 9562 s.5.8, version 8: made of something else than time or chance. The third group lies
  // little-endian.
  guid.octets[7] = static_cast<std::uint8_t>((guid.octets[7] & 0x0FU) | 0x80U);
  guid.octets[8] = static_cast<std::uint8_t>((guid.octets[8] & 0x3FU) | 0x80U);
  return guid;
}

Identity identity_of(const StickOptions& options) {
  const auto mac = options.only_mac ? options.only_mac->text() : std::string();
  const auto seed = Sha256::of(Sha256::of(options.kernel).text() +
                               Sha256::of(options.initramfs).text() + options.server + " " + mac);
  Reader id(ByteView(seed.octets).first(4));
  return {guid_of(seed, "disk"), guid_of(seed, "bios"), guid_of(seed, "volume"), id.le32()};
}

// "1234-ABCD", as GRUB and blkid write a FAT volume's number.
std::string volume_text(std::uint32_t id) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) {
    text += kDigits[(id >> static_cast<unsigned>(shift)) & 15U];
    if (shift == 16) text += '-';
  }
  return text;
}

std::string command_line(const StickOptions& options, const Identity& identity) {
  std::string words =
      "slipway.server=" + options.server + " slipway.medium=" + identity.volume.text();
  if (options.only_mac) {
    words +=
        " slipway.mac=" + options.only_mac->text() + " BOOTIF=01-" + options.only_mac->hyphens();
  }
  return words + " console=tty0 console=ttyS0,115200";
}

// Run by GRUB on screen and, where there is one, serial port.
std::string grub_config(const StickOptions& options, const Identity& identity) {
  return "if serial --unit=0 --speed=115200; then\n"
         "  terminal_input console serial\n"
         "  terminal_output console serial\n"
         "fi\n"
         "echo \"Slipway: loading the installer from this stick\"\n"
         "if linux /SLIPWAY/VMLINUZ " +
         command_line(options, identity) +
         "; then\n"
         "  if initrd /SLIPWAY/INITRD.IMG; then\n"
         "    boot\n"
         "  fi\n"
         "fi\n"
         "echo \"Slipway: the stick is damaged; write its image again. Restart in 60 seconds.\"\n"
         "sleep 60\n"
         "reboot\n";
}

Fallible<Bytes> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes octets(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof()) return fail(path.native() + " cannot be read");
  if (octets.empty()) return fail(path.native() + " cannot be read, or is empty");
  return octets;
}

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
                           const Identity& identity) {
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
  return read_file(made);
}

// What grub-bios-setup would do to a real disk: boot.img learns where core.img starts, core.img
// where its second sector is.
Fallible<void> put_bios_loader(std::span<std::uint8_t> stick, const fs::path& grub, Bytes core) {
  constexpr std::size_t kCodeOctets = 440;     // before the MBR's disk signature
  constexpr std::size_t kCoreSectorAt = 0x5C;  // GRUB_BOOT_MACHINE_KERNEL_SECTOR
  constexpr std::size_t kDriveCheckAt = 0x66;  // GRUB_BOOT_MACHINE_DRIVE_CHECK
  constexpr std::size_t kBlockListAt = 0x1F4;  // of diskboot.img, core.img's first sector
  const auto boot = read_file(grub / "i386-pc/boot.img");
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
Fallible<void> put_table(std::span<std::uint8_t> stick, const Identity& identity,
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

// One word of a kernel's command line, inside GRUB's script.
Fallible<void> check_server(const std::string& server) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-";
  if (!server.starts_with("http://") || server.find_first_not_of(kAllowed) != server.npos) {
    return fail("\"" + server + "\" is not the URL of a server such as http://10.0.0.1:8080");
  }
  return {};
}

}  // namespace

Fallible<Bytes> make_stick(const StickOptions& options) {
  auto good = check_server(options.server);
  if (!good) return std::unexpected(good.error());
  const auto identity = identity_of(options);
  auto core = grub_image(options.grub, bios(), identity);
  if (!core) return std::unexpected(core.error());
  const auto efi = grub_image(options.grub, uefi(), identity);
  if (!efi) return std::unexpected(efi.error());
  const auto config = grub_config(options, identity);
  const auto volume = images::make_fat32("SLIPWAY", identity.volume_id,
                                         {{"EFI/BOOT/BOOTX64.EFI", *efi},
                                          {"SLIPWAY/GRUB.CFG", as_bytes(config)},
                                          {"SLIPWAY/VMLINUZ", options.kernel},
                                          {"SLIPWAY/INITRD.IMG", options.initramfs}});
  if (!volume) return std::unexpected(volume.error());
  Bytes stick(kVolumeAt + volume->size() + kMiB);  // the last MiB is the backup table's
  std::ranges::copy(*volume, std::span(stick).subspan(kVolumeAt).begin());
  good = put_bios_loader(stick, options.grub, std::move(*core));
  if (good) good = put_table(stick, identity, volume->size());
  if (!good) return std::unexpected(good.error());
  return stick;
}

}  // namespace slipway::service
