#include "service/installer_drivers.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace slipway::service;

namespace {

using Names = std::vector<std::string>;

// Names with "-" as in files, and one of each kind that `all` takes or leaves.
ModuleTables small_tables() {
  const Names files = {"drivers/net/ethernet/3com/3c59x",
                       "drivers/net/ethernet/intel/igc/igc",
                       "drivers/net/wireless/ath/ath9k/ath9k",
                       "drivers/net/can/vcan",
                       "drivers/net/usb/r8152",
                       "drivers/scsi/lpfc/lpfc",
                       "drivers/scsi/scsi_debug",
                       "drivers/block/virtio_blk",
                       "drivers/block/nbd",
                       "drivers/nvme/host/nvme",
                       "drivers/nvme/target/nvmet",
                       "drivers/mmc/host/sdhci-pci",
                       "drivers/usb/storage/uas",
                       "drivers/gpu/drm/i915/i915",
                       "net/netfilter/nf_tables",
                       "fs/ext4/ext4"};
  ModuleTables::Texts texts;
  for (const auto& file : files) texts.dependencies += "kernel/" + file + ".ko:\n";
  return ModuleTables(texts);
}

bool has(const Names& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

TEST_CASE("a set of drivers has these and not those", "[service][installer]") {
  struct Row {
    Names words, with, without;
  };
  const auto row = GENERATE(values<Row>({
      {{}, {"igc", "r8152", "nvme", "megaraid_sas", "virtio_blk"}, {"3c59x", "lpfc", "server"}},
      {{"server"}, {"igc", "r8152", "nvme", "megaraid_sas", "virtio_blk"}, {"3c59x", "server"}},
      {{"virtio"}, {"virtio_net", "virtio_blk", "virtio_scsi"}, {"igc", "nvme", "virtio"}},
      {{"all"},
       {"3c59x", "igc", "r8152", "lpfc", "virtio_blk", "nvme", "sdhci_pci", "uas", "usbhid"},
       {"ath9k", "vcan", "scsi_debug", "nbd", "nvmet", "i915", "nf_tables", "all"}},
      {{"e1000e"}, {"e1000e"}, {"igc", "virtio_net"}},
      {{"virtio", "lpfc"}, {"virtio_net", "lpfc"}, {"igc"}},
  }));
  CAPTURE(row.words);
  const auto names = expand_drivers(row.words, small_tables());
  for (const auto& name : row.with) {
    INFO(name);
    CHECK(has(names, name));
  }
  for (const auto& name : row.without) {
    INFO(name);
    CHECK_FALSE(has(names, name));
  }
}

TEST_CASE("every set can grow a file system and write the boot entry", "[service][installer]") {
  const auto word = GENERATE(as<std::string>{}, "server", "all", "virtio", "e1000e");
  const auto names = expand_drivers({word}, small_tables());
  for (const auto* name : {"loop", "ext4", "xfs", "efivarfs"}) CHECK(has(names, name));
}
