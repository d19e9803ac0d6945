#include "agent/inventory.hpp"

#include "base/json.hpp"
#include "images/gpt.hpp"
#include "tests/agent/fake_root.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using slipway::test::FakeRoot;

TEST_CASE("CPUs and memory are counted from /proc", "[agent][inventory]") {
  const FakeRoot root;
  root.file("proc/cpuinfo", "processor\t: 0\nmodel name\t: x\n\nprocessor\t: 1\n");
  root.file("proc/meminfo", "MemTotal:        1000 kB\nMemFree:  1 kB\n");
  const auto found = read_inventory(root.path());
  CHECK(found.cpus == 2);
  CHECK(found.memory_octets == 1'024'000);
  CHECK(found.firmware == "bios");
  CHECK_FALSE(found.secure_boot);
  CHECK_FALSE(found.tpm);
}

TEST_CASE("memory that firmware and kernel keep for themselves counts", "[agent][inventory]") {
  const FakeRoot root;
  root.file("proc/meminfo", "MemTotal:        200000 kB\n");
  root.file("sys/devices/system/memory/block_size_bytes", "8000000\n");  // 128 MiB
  root.file("sys/devices/system/memory/memory0/state", "online\n");
  root.file("sys/devices/system/memory/memory1/state", "online\n");
  root.file("sys/devices/system/memory/memory2/state", "offline\n");
  CHECK(read_inventory(root.path()).memory_octets == 268'435'456);
}

TEST_CASE("UEFI, Secure Boot and a TPM are seen", "[agent][inventory]") {
  const FakeRoot root;
  root.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            std::string_view("\x06\0\0\0\x01", 5));
  root.folder("sys/class/tpm/tpm0");
  const auto found = read_inventory(root.path());
  CHECK(found.firmware == "uefi");
  CHECK(found.secure_boot);
  CHECK(found.tpm);
}

TEST_CASE("only Ethernet with hardware behind it is a network interface", "[agent][inventory]") {
  const FakeRoot root;
  root.folder("sys/bus/pci/drivers/e1000e");
  root.file("sys/class/net/eth0/address", "52:54:00:aa:00:01\n");
  root.file("sys/class/net/eth0/type", "1\n");
  root.file("sys/class/net/eth0/carrier", "1\n");
  root.link("sys/class/net/eth0/device/driver", "sys/bus/pci/drivers/e1000e");
  root.file("sys/class/net/lo/type", "772\n");
  root.file("sys/class/net/dummy0/type", "1\n");  // no device
  const auto found = read_inventory(root.path());
  REQUIRE(found.nics.size() == 1);
  CHECK(found.nics[0] == Nic{"eth0", "52:54:00:aa:00:01", "e1000e", true});
}

TEST_CASE("the speed of a NIC and whether it booted are seen", "[agent][inventory]") {
  const FakeRoot root;
  root.file("proc/cmdline", "quiet BOOTIF=01-52-54-00-AA-00-02\n");
  for (const auto* name : {"eth0", "eth1"}) {
    const auto nic = std::string("sys/class/net/") + name;
    root.file(nic + "/address", std::string("52:54:00:aa:00:0") + (name[3] == '0' ? "1\n" : "2\n"));
    root.file(nic + "/type", "1\n");
    root.folder(nic + "/device");
  }
  root.file("sys/class/net/eth0/speed", "-1\n");  // as virtio says
  root.file("sys/class/net/eth1/speed", "2500\n");
  const auto nics = read_inventory(root.path()).nics;
  REQUIRE(nics.size() == 2);
  CHECK(nics[0].speed_mbit == 0);
  CHECK_FALSE(nics[0].booted);
  CHECK(nics[1].speed_mbit == 2500);
  CHECK(nics[1].booted);
}

TEST_CASE("the disk that the installer was started from is known by its partition",
          "[agent][inventory][disks]") {
  const FakeRoot root;
  const auto image = test::make_gpt_image();
  root.disk("sda", image.size());
  root.disk("sdb", image.size());
  root.file("dev/sda", std::string(image.size(), '\0'));
  root.file("dev/sdb", as_text(image));
  const auto boot_media = [&] {
    std::string paths;
    for (const auto& disk : read_disks(root.path())) paths += disk.boot_medium ? disk.path : "";
    return paths;
  };
  CHECK(boot_media().empty());
  const auto table = images::parse_gpt(image, 512, image.size());
  REQUIRE(table);
  const auto guid = table->partitions().front().unique.text();
  SECTION("on the command line") {
    root.file("proc/cmdline", "quiet slipway.medium=" + guid + "\n");
    CHECK(boot_media() == "/dev/sdb");
  }
  SECTION("by the loader") {
    std::string variable("\x06\0\0\0", 4);
    for (const char c : guid + '\0') variable += {c, '\0'};
    root.file("sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
              variable);
    CHECK(boot_media() == "/dev/sdb");
  }
  SECTION("another one") {
    root.file("proc/cmdline", "slipway.medium=11111111-2222-3333-4444-555555555555\n");
    CHECK(boot_media().empty());
  }
}

TEST_CASE("each bus tells a disk's properties in its own place", "[agent][inventory][disks]") {
  const FakeRoot root;
  root.disk("nvme0n1", 1'000'000'000);
  root.file("sys/block/nvme0n1/device/model", "Samsung 970   \n");
  root.file("sys/block/nvme0n1/device/serial", "S4EV  \n");
  root.file("sys/block/nvme0n1/wwid", "eui.0025385\n");
  root.disk("sda", 2'000'000'000);
  root.file("sys/block/sda/queue/rotational", "1\n");
  root.file("sys/block/sda/device/model", "WDC WD10\n");
  root.file("sys/block/sda/device/vpd_pg80", std::string_view("\0\x80\0\x08  WD-1  ", 12));
  root.file("sys/block/sda/device/wwid", "naa.5001\n");
  root.disk("mmcblk0", 4'000'000'256);
  root.file("sys/block/mmcblk0/device/name", "DF4064\n");
  root.file("sys/block/mmcblk0/ro", "1\n");
  root.disk("vda", 512);
  root.file("sys/block/vda/serial", "v1\n");

  const auto disks = read_inventory(root.path()).disks;
  REQUIRE(disks.size() == 4);
  CHECK(disks[0].path == "/dev/mmcblk0");
  CHECK(disks[0].type == "mmc");
  CHECK(disks[0].model == "DF4064");
  CHECK(disks[0].read_only);
  CHECK(disks[1].path == "/dev/nvme0n1");
  CHECK(disks[1].type == "nvme");
  CHECK(disks[1].model == "Samsung 970");
  CHECK(disks[1].serial == "S4EV");
  CHECK(disks[1].wwn == "eui.0025385");
  CHECK(disks[1].size_octets == 1'000'000'000);
  CHECK(disks[1].sector_octets == 512);
  CHECK(disks[2].type == "hdd");
  CHECK(disks[2].serial == "WD-1");
  CHECK(disks[2].wwn == "naa.5001");
  CHECK(disks[3].type == "virtio");
  CHECK(disks[3].serial == "v1");
}

TEST_CASE("what is never a host's disk is not listed", "[agent][inventory][disks]") {
  const FakeRoot root;
  for (const auto* name : {"loop0", "ram0", "zram0", "dm-0", "md127", "sr0", "fd0", "nbd0",
                           "mmcblk0boot0", "mmcblk0rpmb", "nvme0c0n1"}) {
    root.disk(name, 4096);
  }
  root.file("sys/block/nvme0c0n1/hidden", "1\n");
  CHECK(read_disks(root.path()).empty());
}

TEST_CASE("a USB disk is known as such and has its device's serial number", "[agent][disks]") {
  const FakeRoot root;
  root.disk("sdb", 4096);
  const std::string stick = "sys/devices/pci0000:00/usb1/1-2";
  root.file(stick + "/idVendor", "0781\n");
  root.file(stick + "/serial", "4C53\n");
  root.folder(stick + "/1-2:1.0/host0");
  root.link("sys/block/sdb/device", stick + "/1-2:1.0/host0");
  const auto disks = read_disks(root.path());
  REQUIRE(disks.size() == 1);
  CHECK(disks[0].usb);
  CHECK(disks[0].serial == "4C53");
}

TEST_CASE("a disk is in use when it or a partition is mounted, swapped on or mapped",
          "[agent][disks]") {
  const FakeRoot root;
  for (const auto* name : {"sda", "sdaa", "sdb", "sdc", "nvme0n1", "nvme0n11"}) {
    root.disk(name, 4096);
  }
  root.file("proc/mounts", "sysfs /sys sysfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n/dev/nvme0n1p2 /b\n");
  root.file("proc/swaps", "Filename\tType\n/dev/sdb partition\n");
  root.folder("sys/block/sdc/sdc1/holders/dm-0");
  const auto disks = read_disks(root.path());
  REQUIRE(disks.size() == 6);
  for (const auto& disk : disks) {
    INFO(disk.path);
    CHECK(disk.in_use == (disk.path != "/dev/sdaa" && disk.path != "/dev/nvme0n11"));
  }
}

TEST_CASE("the inventory's JSON is what the server expects, whatever vendors write",
          "[agent][inventory]") {
  const FakeRoot root;
  root.file("sys/class/dmi/id/product_serial",
            "A\xFF\x01"
            "B\n");
  const auto found = read_inventory(root.path());
  CHECK(found.serial == "A??B");
  CHECK(inventory_json(found) ==
        R"({"cpus":0,"memory_octets":0,"firmware":"bios","secure_boot":false,"tpm":false,)"
        R"("nics":[],"disks":[]})");
  CHECK(session_json(found, "t") ==
        R"({"token":"t","macs":[],"uuid":"","serial":"A??B","manufacturer":"","product":"",)"
        R"("agent_version":"0.1.0"})");
}
