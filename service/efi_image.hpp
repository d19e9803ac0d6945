// service/efi_image.hpp -- one FAT image that UEFI HTTP Boot starts with Secure Boot on: everything
// that runs in it is signed for the distribution's shim.
//
//   EFI/BOOT/BOOTX64.EFI   shim, signed by Microsoft: what the firmware starts (UEFI 2.10 s.3.5)
//   EFI/BOOT/GRUBX64.EFI   GRUB, signed by Debian: what shim starts
//   EFI/DEBIAN/GRUB.CFG    its settings, where that GRUB looks for them
//   SLIPWAY/               kernel, signed by Debian, and our initramfs
//
// The firmware keeps the image as a disk in memory, so that neither GRUB nor shim needs a network:
// GRUB 2.06 has none behind a proxyDHCP server. The initramfs and GRUB's settings are unsigned.
// Same inputs, same octets.
#pragma once

#include <filesystem>

#include "service/medium.hpp"

namespace slipway::service {

struct EfiImageOptions {
  Medium medium;
  std::filesystem::path shim = "/usr/lib/shim/shimx64.efi.signed";
  std::filesystem::path grub = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed";
};

// Fails with the package's name when shim or GRUB is missing.
[[nodiscard]] Fallible<Bytes> make_efi_image(const EfiImageOptions& options);

}  // namespace slipway::service
