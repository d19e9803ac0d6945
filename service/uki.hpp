// service/uki.hpp -- a unified kernel image: one EFI program that holds kernel, initramfs and
// command line, so that one signature covers all that runs before our agent.
// UAPI Group Specification 5; systemd-stub(7).
//
// Firmware starts it as it is, by PXE, UEFI HTTP Boot or from a disk; no boot loader reads
// anything.
#pragma once

#include <filesystem>

#include "service/medium.hpp"

namespace slipway::service {

struct UkiOptions {
  Medium medium;
  std::filesystem::path key, certificate;  // PEM; both or neither: then nothing is signed
  std::filesystem::path stub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
};

// Unsigned, same inputs make the same octets. Fails with the package's name when a tool or the stub
// is missing, and with sbsign's words when it cannot sign.
[[nodiscard]] Fallible<Bytes> make_uki(const UkiOptions& options);

}  // namespace slipway::service
