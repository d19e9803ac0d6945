#include "service/efi_image.hpp"

#include "images/fat32.hpp"

namespace slipway::service {
namespace {

Fallible<Bytes> read_signed(const std::filesystem::path& path, const char* package) {
  auto octets = read_octets(path);
  if (!octets) return fail(octets.error().text() + "; install " + package);
  return octets;
}

}  // namespace

Fallible<Bytes> make_efi_image(const EfiImageOptions& options) {
  const auto& medium = options.medium;
  const auto good = check_server(medium.server);
  if (!good) return std::unexpected(good.error());
  const auto shim = read_signed(options.shim, "shim-signed");
  if (!shim) return std::unexpected(shim.error());
  const auto grub = read_signed(options.grub, "grub-efi-amd64-signed");
  if (!grub) return std::unexpected(grub.error());
  const auto identity = identity_of(medium);
  const auto config =
      grub_config(command_line(medium, identity), "image", "make it again with slipway media efi");
  return images::make_fat32("SLIPWAY", identity.volume_id,
                            {{"EFI/BOOT/BOOTX64.EFI", *shim},
                             {"EFI/BOOT/GRUBX64.EFI", *grub},
                             {"EFI/DEBIAN/GRUB.CFG", as_bytes(config)},
                             {"SLIPWAY/VMLINUZ", medium.kernel},
                             {"SLIPWAY/INITRD.IMG", medium.initramfs}});
}

}  // namespace slipway::service
