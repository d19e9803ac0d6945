// agent/bootentry.hpp -- makes UEFI firmware start the disk that was written. UEFI 2.10 s.3.1.
//
// One variable Boot#### labelled "Slipway" that names the image's EFI system partition and the
// file \EFI\BOOT\BOOTX64.EFI (s.3.5.1.1: every bootable image has it), first in BootOrder: the host
// starts its disk at once when it is plugged in at its site. The other entries stay, the network's
// too, so that the depot can still choose it by the firmware's boot menu.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "images/gpt.hpp"

namespace slipway::agent {

// The partition of type C12A7328-F81F-11D2-BA4B-00A0C93EC93B; nullopt when there is none.
[[nodiscard]] std::optional<images::Partition> find_esp(
    const std::vector<images::Partition>& partitions);

// An EFI_LOAD_OPTION: active, `label` (ASCII), HD() path to `esp`, `file` (ASCII, backslashes).
[[nodiscard]] Bytes encode_load_option(std::string_view label, const images::Partition& esp,
                                       std::uint32_t sector_octets, std::string_view file);

// `number` first, then the others in their order, each once.
[[nodiscard]] std::vector<std::uint16_t> put_first(std::uint16_t number,
                                                   const std::vector<std::uint16_t>& order);

// The number of the entry labelled `label` among the Boot#### files of `efivars`, or else the
// lowest free one.
[[nodiscard]] Fallible<std::uint16_t> pick_number(const std::filesystem::path& efivars,
                                                  std::string_view label);

// Writes entry and order below `efivars` (/sys/firmware/efi/efivars). Fails when efivarfs is not
// there or the firmware refuses; the disk is complete then all the same, and firmware finds
// \EFI\BOOT\BOOTX64.EFI on its own.
[[nodiscard]] Fallible<void> write_boot_entry(const std::filesystem::path& efivars,
                                              const images::Partition& esp,
                                              std::uint32_t sector_octets);

}  // namespace slipway::agent
