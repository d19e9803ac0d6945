// provisioning/boot_program.hpp -- which boot program a firmware is sent, as settings and hosts
// name it.
//
// A program is a word or the name of a file in `boot_folder`:
//
//   undionly, ipxe    BIOS: iPXE on the card's own driver, or with drivers of its own
//   snponly, ipxe     UEFI: the same two
//   shim              UEFI: the distribution's signed shim, which loads grubx64.efi beside it
//   NAME              BIOS: any file but those; UEFI: NAME.efi (a unified kernel image, too);
//                     UEFI HTTP Boot: NAME.efi, NAME.img or NAME.iso
//
// An iPXE that can boot by itself is always given its script; what is here is for all others.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dhcp/client.hpp"

namespace slipway::provisioning {

// For hosts that name none of their own, or one that their firmware cannot take.
struct BootPrograms {
  std::string bios = "undionly";
  // Drives the card through the firmware, so that leaving it ("exit") gives the card back whole:
  // under OVMF the 2019 ipxe.efi, with drivers of its own, never returned from its exit.
  std::string uefi = "snponly";
  std::string uefi_http = "snponly";
};

// Where boot programs are taken from.
struct LoaderFolders {
  std::filesystem::path ipxe = "/usr/lib/ipxe";  // undionly.kpxe, ipxe.pxe, ipxe.efi, snponly.efi
  std::filesystem::path own;                     // the operator's; may be missing or empty
  std::filesystem::path shim = "/usr/lib/shim/shimx64.efi.signed";
  std::filesystem::path grub = "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed";
};

// Where shim and GRUB are published; shim asks for its second stage beside itself.
inline constexpr std::string_view kShimFile = "shim/shimx64.efi";
inline constexpr std::string_view kShimSecondStage = "shim/grubx64.efi";

// The words that need no file of the operator.
[[nodiscard]] std::vector<std::string_view> program_words(dhcp::Arch arch);

// Whether firmware of `arch` can be sent `program`: one of its words, or a file by its ending.
[[nodiscard]] bool fits(std::string_view program, dhcp::Arch arch);
// The same for any of the three; what a host may name.
[[nodiscard]] bool fits_any(std::string_view program);

// The published name of `program`, which fits `arch`: "snponly.efi".
[[nodiscard]] std::string_view file_of(std::string_view program, dhcp::Arch arch);

// Whether `file` may be published from `boot_folder`: letters, digits, `.`, `_`, `-`, at most 64,
// an ending, and no dot first.
[[nodiscard]] bool is_own_file(std::string_view file);

// Whether `file`, a published name, is an iPXE, which asks for its script within seconds.
[[nodiscard]] bool is_ipxe(std::string_view file);

}  // namespace slipway::provisioning
