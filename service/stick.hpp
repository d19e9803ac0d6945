// service/stick.hpp -- the image of a USB stick that boots into our installer, by BIOS and by UEFI.
//
// GPT with a protective MBR:
//
//   LBA 0        GRUB's boot.img before the protective entry: what a BIOS starts
//   1 MiB        BIOS boot partition: GRUB's core.img
//   2 MiB        EFI system partition, FAT32: EFI/BOOT/BOOTX64.EFI, and below SLIPWAY/ kernel,
//                initramfs and grub.cfg, which both loaders read
//
// It holds no secret: what the host may do is asked of the server (agent/stick.hpp). Same inputs,
// same octets.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::service {

struct StickOptions {
  std::string server;                // "http://10.0.0.1:8080": goes onto the kernel's command line
  std::optional<Mac> only_mac = {};  // the stick works in the host with this network card alone
  Bytes kernel, initramfs;
  std::filesystem::path grub = "/usr/lib/grub";  // with i386-pc/ and x86_64-efi/
};

// Fails with the package's name when a part of GRUB is missing.
[[nodiscard]] Fallible<Bytes> make_stick(const StickOptions& options);

}  // namespace slipway::service
