#include "service/installer_drivers.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace slipway::service {
namespace {

using Names = std::vector<std::string>;

// For every set: growing ext4 and xfs by way of a loop device, the boot entry.
const Names& always() {
  static const Names kModules = {"loop", "ext4", "xfs", "crc32c_generic", "efivarfs"};
  return kModules;
}

const Names& virtio_set() {
  static const Names kModules = {"virtio_pci",  "virtio_net", "virtio_blk",
                                 "virtio_scsi", "virtio_rng", "sd_mod"};
  return kModules;
}

// The usual computers of a depot. Old cards come along where test rigs and small boards have them;
// left out are Fibre Channel and iSCSI adapters, parallel SCSI and network cards of the 1990s:
// `all` has them.
const Names& server_set() {
  static const Names kModules = {
      // Intel, Broadcom, Mellanox, Realtek network adapters.
      "e1000", "e1000e", "igb", "igbvf", "igc", "ixgbe", "ixgbevf", "i40e", "iavf", "ice", "tg3",
      "bnx2", "bnx2x", "bnxt_en", "mlx4_en", "mlx5_core", "r8169", "8139cp", "8139too",
      // Others of servers: Emulex, QLogic, Marvell, Chelsio, Cisco, Solarflare, Huawei.
      "be2net", "qede", "qlcnic", "netxen_nic", "cxgb4", "enic", "sfc", "hinic", "ena",
      // Others of PCs and edge boards: Atheros, Aquantia, Marvell, Intel and AMD SoCs, Microchip.
      "alx", "atl1c", "atlantic", "sky2", "skge", "jme", "forcedeth", "amd_xgbe", "dwmac_intel",
      "lan743x", "pcnet32", "via_velocity", "via_rhine",
      // Adapters on USB, and PHYs that are not bound by name.
      "r8152", "ax88179_178a", "asix", "aqc111", "cdc_ether", "cdc_ncm", "smsc75xx", "smsc95xx",
      "lan78xx", "realtek", "broadcom", "marvell", "marvell10g", "aquantia", "at803x", "micrel",
      "microchip", "smsc", "dp83867", "bcm87xx", "icplus", "vitesse", "mscc",
      // Disks: controllers of boards. vmd: without it, NVMe disks behind Intel's volume management
      // are not seen.
      "ahci", "ata_piix", "ata_generic", "nvme", "vmd", "sd_mod", "usb_storage", "uas", "mmc_block",
      "sdhci_pci", "sdhci_acpi", "rtsx_pci_sdmmc", "rtsx_usb_sdmmc", "ufshcd_pci", "isci",
      "sata_mv", "sata_nv", "sata_sil24", "sata_via",
      // RAID and SAS adapters.
      "megaraid_sas", "megaraid_mbox", "mpt3sas", "mpi3mr", "mptspi", "mptsas", "smartpqi", "hpsa",
      "aacraid", "arcmsr", "3w_9xxx", "3w_sas", "mvsas", "mvumi", "pm80xx", "esas2r", "hptiop",
      "ipr", "stex", "mtip32xx",
      // Virtual machines.
      "vmxnet3", "vmw_pvscsi", "hv_netvsc", "hv_storvsc", "pci_hyperv", "xen_netfront",
      "xen_blkfront", "sym53c8xx",
      // What they hang on, and a keyboard.
      "xhci_pci", "ehci_pci", "ohci_pci", "uhci_hcd", "usbhid", "hid_generic"};
  return kModules;
}

constexpr std::array<std::string_view, 15> kDriverFolders = {
    "kernel/drivers/net/",      "kernel/drivers/block/",  "kernel/drivers/scsi/",
    "kernel/drivers/message/",  "kernel/drivers/ata/",    "kernel/drivers/nvme/host/",
    "kernel/drivers/mmc/",      "kernel/drivers/ufs/",    "kernel/drivers/usb/storage/",
    "kernel/drivers/usb/host/", "kernel/drivers/nvdimm/", "kernel/drivers/virtio/",
    "kernel/drivers/hv/",       "kernel/drivers/pci/",    "kernel/drivers/dax/"};

// No host netboots by them, or they drive no hardware: radio (whose firmware alone would be larger
// than the rest), links without Ethernet, tunnels, and block devices that are software.
constexpr std::array<std::string_view, 35> kNoDrivers = {
    "net/wireless/", "net/wwan/",      "net/can/",        "net/hamradio/",      "net/ieee802154/",
    "net/ppp/",      "net/slip/",      "net/plip/",       "net/arcnet/",        "net/appletalk/",
    "net/fddi/",     "net/hippi/",     "net/wan/",        "net/ipvlan/",        "net/bonding/",
    "net/team/",     "net/wireguard/", "net/netdevsim/",  "net/vxlan/",         "net/xen-netback/",
    "block/aoe/",    "block/drbd/",    "block/null_blk/", "block/zram/",        "block/rnbd/",
    "block/rbd.",    "block/nbd.",     "block/brd.",      "block/xen-blkback/", "scsi/scsi_debug.",
    "scsi/fcoe/",    "scsi/pcmcia/",   "net/gtp.",        "net/wwan.",          "net/netconsole."};

bool is_driver(std::string_view file) {
  const auto in = std::ranges::any_of(
      kDriverFolders, [&](std::string_view folder) { return file.starts_with(folder); });
  constexpr std::string_view kDrivers = "kernel/drivers/";
  return in && std::ranges::none_of(kNoDrivers, [&](std::string_view each) {
           return file.substr(kDrivers.size()).starts_with(each);
         });
}

void append(Names& names, const Names& more) {
  names.insert(names.end(), more.begin(), more.end());
}

}  // namespace

Names expand_drivers(const Names& words, const ModuleTables& tables) {
  if (words.empty()) return expand_drivers({"server"}, tables);
  Names names = always();
  for (const auto& word : words) {
    const bool all = word == "all", server = word == "server", virtio = word == "virtio";
    if (all) append(names, tables.names(is_driver));
    if (all || server) append(names, server_set());
    if (all || server || virtio) append(names, virtio_set());
    if (!all && !server && !virtio) names.push_back(word);
  }
  return names;
}

}  // namespace slipway::service
