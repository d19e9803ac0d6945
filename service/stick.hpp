// service/stick.hpp -- the image of a USB stick that boots into our installer, by BIOS and by UEFI.
//
// GPT with a protective MBR:
//
//   LBA 0        GRUB's boot.img before the protective entry: what a BIOS starts
//   1 MiB        BIOS boot partition: GRUB's core.img
//   2 MiB        EFI system partition, FAT32: EFI/BOOT/BOOTX64.EFI, and below SLIPWAY/ kernel,
//                initramfs and grub.cfg, which both loaders read
//
// Same inputs, same octets.
#pragma once

#include <filesystem>

#include "service/medium.hpp"

namespace slipway::service {

struct StickOptions {
  Medium medium;
  std::filesystem::path grub = "/usr/lib/grub";  // with i386-pc/ and x86_64-efi/
};

// Fails with the package's name when a part of GRUB is missing.
[[nodiscard]] Fallible<Bytes> make_stick(const StickOptions& options);

}  // namespace slipway::service
