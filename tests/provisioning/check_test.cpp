// What `slipway check` says of each kind of mistake: the file, the line, the column, and what is
// allowed. The lines are literals; a changed sentence is meant to show here.
#include "provisioning/config.hpp"
#include "provisioning/inventory.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

// A good inventory, to which each row adds its mistake.
void write_good(Folder& folder) {
  folder.write("profiles/edge.yaml", R"(name: edge
installer: {kind: flash, image: debian-edge@12.5}
layers:
  - name: os
    kind: os
    stages:
      initramfs:
        - commands: [echo hello]
)");
  folder.write("sites/store-1.yaml", R"(stylus:
  site:
    tags: {region: north}
)");
  folder.write("hosts/h1.yaml", R"(macs: ["52:54:00:aa:00:01"]
serial: ABC123
site: store-1
profile: edge
)");
}

struct Row {
  const char* why;
  const char* file;
  const char* text;
  Lines mistakes;
};

void check_rows(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    INFO(row.why);
    Folder folder;
    write_good(folder);
    folder.write(row.file, row.text);
    const auto loaded = load_inventory(folder.path());
    CHECK(folder.lines(loaded.mistakes, false) == row.mistakes);
    CHECK_FALSE(loaded.good());
  }
}

}  // namespace

TEST_CASE("a good inventory has no mistakes", "[provisioning][check]") {
  Folder folder;
  write_good(folder);
  const auto loaded = load_inventory(folder.path());
  CHECK(folder.lines(loaded.mistakes, false) == Lines{});
  CHECK(folder.lines(loaded.mistakes, true) == Lines{});
  CHECK(loaded.good());
}

TEST_CASE("a mistake of YAML is named with its line and column", "[provisioning][check]") {
  check_rows({
      {"a bracket that is not closed",
       "hosts/h2.yaml",
       "macs: [\"52:54:00:aa:00:02\"\nserial: X\n",
       {"hosts/h2.yaml:2:1: not YAML: end of sequence flow not found"}},
      {"a key twice",
       "hosts/h2.yaml",
       "macs: \"52:54:00:aa:00:02\"\nserial: A\nserial: B\n",
       {"hosts/h2.yaml:3:1: `serial` stands twice; first in line 2"}},
      {"an octet that is not UTF-8",
       "hosts/h2.yaml",
       "serial: A\n# caf\xE9\n",
       {"hosts/h2.yaml:2:1: this line is not UTF-8 text, or has control characters"}},
      {"two documents in a file",
       "hosts/h2.yaml",
       "serial: A\n---\nserial: B\n",
       {"hosts/h2.yaml:2:1: not YAML: only one document may stand in a file"}},
      {"a tag that nobody knows",
       "hosts/h2.yaml",
       "serial: !env SERIAL\n",
       {"hosts/h2.yaml:1:9: unknown tag `!env`; known here: !secret FILE"}},
      {"a merge key",
       "hosts/h2.yaml",
       "serial: A\nnetwork:\n  <<: {type: dhcp}\n",
       {"hosts/h2.yaml:3:3: not YAML: merge keys (<<) are not understood; write the keys out"}},
      {"an empty file",
       "hosts/h2.yaml",
       "# nothing yet\n",
       {"hosts/h2.yaml:1:1: the file is empty"}},
      {"a list where a site should be",
       "sites/s2.yaml",
       "- name: s\n",
       {"sites/s2.yaml:1:1: a site must be a map of keys, not a list"}},
  });
}

TEST_CASE("a mistake in a host is named with its line and column", "[provisioning][check]") {
  check_rows({
      {"an unknown key",
       "hosts/h2.yaml",
       "serial: A\nsit: store-1\n",
       {"hosts/h2.yaml:2:1: unknown key `sit` in a host; did you mean `site`?"}},
      {"a MAC that is none",
       "hosts/h2.yaml",
       "macs:\n  - \"52:54:xx:00:00:02\"\n",
       {"hosts/h2.yaml:2:5: `52:54:xx:00:00:02` is no MAC; write \"52:54:00:aa:00:01\""}},
      {"a multicast MAC",
       "hosts/h2.yaml",
       "macs: [\"01:00:5e:00:00:01\"]\n",
       {"hosts/h2.yaml:1:8: 01:00:5e:00:00:01 is a multicast address, no NIC's"}},
      {"a UUID that is none",
       "hosts/h2.yaml",
       "uuid: 1234\n",
       {"hosts/h2.yaml:1:7: `1234` is no UUID; write it as 8-4-4-4-12 hexadecimal digits"}},
      {"a UUID of zeros",
       "hosts/h2.yaml",
       "uuid: 00000000-0000-0000-0000-000000000000\n",
       {"hosts/h2.yaml:1:7: a UUID of zeros is what boards without one report; leave it out"}},
      {"a serial number that YAML reads as a number",
       "hosts/h2.yaml",
       "serial: 12345\n",
       {"hosts/h2.yaml:1:9: must be text, not a number; write it in quotes"}},
      {"nothing to know the host by",
       "hosts/h2.yaml",
       "site: store-1\n",
       {"hosts/h2.yaml:1:1: a host needs `macs`, `uuid` or `serial`, by which it is known"}},
      {"a name that is no host name",
       "hosts/h2.yaml",
       "serial: A\nname: my_host\n",
       {"hosts/h2.yaml:2:7: `my_host` is no host name: letters, digits and hyphens, at most 64 "
        "characters"}},
      {"a site that is not there",
       "hosts/h2.yaml",
       "serial: A\nsite: stor-1\n",
       {"hosts/h2.yaml:2:7: no site is named `stor-1`; did you mean `store-1`?"}},
      {"a profile that is not there",
       "hosts/h2.yaml",
       "serial: A\nprofile: edge@2.0.0\n",
       {"hosts/h2.yaml:2:10: no profile is named `edge@2.0.0`; did you mean `edge@1.0.0`?"}},
      {"the MAC of another host",
       "hosts/h2.yaml",
       "macs: [\"52-54-00-AA-00-01\"]\n",
       {"hosts/h2.yaml:1:8: MAC 52:54:00:aa:00:01 stands twice, also at hosts/h1.yaml:1:8"}},
      {"a bench address that is none",
       "hosts/h2.yaml",
       "serial: B\nbench_address: 10.77.0\n",
       {"hosts/h2.yaml:2:16: `10.77.0` is no IPv4 address; write 10.77.0.100"}},
      {"the serial number of another host",
       "hosts/h2.yaml",
       "serial: ABC123\n",
       {"hosts/h2.yaml:1:9: serial number `ABC123` stands twice, also at hosts/h1.yaml:2:9"}},
      {"the name of another host",
       "hosts/h2.yaml",
       "serial: A\nname: h1\n",
       {"hosts/h2.yaml:2:7: host `h1` stands twice, also at hosts/h1.yaml:1:1"}},
      {"a key beside and below user_data",
       "hosts/h2.yaml",
       "serial: A\nreboot: true\nuser_data:\n  reboot: false\n",
       {"hosts/h2.yaml:4:3: `reboot` stands beside and below user_data, also at hosts/h2.yaml:2:1; "
        "keep one"}},
  });
}

TEST_CASE("a mistake in a profile is named with its line and column", "[provisioning][check]") {
  const std::string installer = "installer: {kind: flash, image: i@1}\n";
  const auto with = [&installer](const char* rest) { return installer + rest; };
  const auto size = with("requirements:\n  memory: 4 gigs\n");
  const auto bare = with("requirements: {disk: 50}\n");
  const auto cpus = with("requirements: {cpus: 0}\n");
  const auto firmware = with("requirements: {firmware: efi}\n");
  const auto disk = with("disk:\n  select:\n    - min_size: 50GiB\n      max_size: 40GiB\n");
  const auto type = with("disk: {select: [{type: floppy}]}\n");
  const auto turning = with("disk: {select: [{type: nvme, rotational: true}]}\n");
  const auto still = with("disk: {select: [{rotational: false, type: hdd}]}\n");
  const auto pick = with("disk: {pick: biggest}\n");
  const auto erase = with("disk: {erase: true}\n");
  const auto grows = with("disk: {grow: yes}\n");
  const auto guids = with("disk: {new_guid: true}\n");
  const auto wwn = with("disk: {select: [{wwm: eui.01}]}\n");
  const auto no_time = with("burn_in: {memory: 0s}\n");
  const auto no_unit = with("burn_in: {cpu: 60}\n");
  const auto too_long = with("burn_in: {disk_read: 25h}\n");
  const auto no_part = with("burn_in: {disk_reed: 60s}\n");
  const auto secure = with("requirements: {secure_boot: true}\n");
  const auto no_uefi = with("requirements: {secure_boot: on, firmware: bios}\n");
  const auto tpm = with("requirements: {tpm: 2.0}\n");
  const auto speed = with("requirements: {nic_speed: 1G}\n");
  const auto health = with("requirements: {disk_health: great}\n");
  const auto version = with("version: 1.2\n");
  const auto content = with("content: [{image: bundle@1, path: /opt/../x}]\n");
  const auto nowhere = with("content: [{image: bundle@1}]\n");
  const auto bundle = with("content: [{image: bundle, path: /opt}]\n");
  const auto label = with("content: [{image: b@1, path: /opt, partition: /dev/sda1}]\n");
  const auto layer = with("layers:\n  - name: a\n  - name: a\n");
  const auto twin = with("name: edge\n");
  check_rows({
      {"a size without a unit that we know",
       "profiles/p2.yaml",
       size.c_str(),
       {"profiles/p2.yaml:3:11: `4 gigs` is no size; write a whole number and a unit, as in 4GiB, "
        "512MiB or 500GB"}},
      {"a size without a unit",
       "profiles/p2.yaml",
       bare.c_str(),
       {"profiles/p2.yaml:2:22: `50` is no size; write a whole number and a unit, as in 4GiB, "
        "512MiB or 500GB"}},
      {"no CPU",
       "profiles/p2.yaml",
       cpus.c_str(),
       {"profiles/p2.yaml:2:22: must be a whole number of at least 1, not `0`"}},
      {"a firmware that we do not know",
       "profiles/p2.yaml",
       firmware.c_str(),
       {"profiles/p2.yaml:2:26: `efi` is not allowed here; allowed: any, bios or uefi"}},
      {"a rule that no disk can match",
       "profiles/p2.yaml",
       disk.c_str(),
       {"profiles/p2.yaml:5:17: max_size is below min_size: no disk can match"}},
      {"a kind of disk that we do not know",
       "profiles/p2.yaml",
       type.c_str(),
       {"profiles/p2.yaml:2:24: `floppy` is not allowed here; allowed: nvme, ssd, hdd, mmc or "
        "virtio"}},
      {"a disk that cannot turn",
       "profiles/p2.yaml",
       turning.c_str(),
       {"profiles/p2.yaml:2:42: of type nvme no disk is rotational: no disk can match"}},
      {"a disk that must turn",
       "profiles/p2.yaml",
       still.c_str(),
       {"profiles/p2.yaml:2:30: of type hdd no disk is without rotation: no disk can match"}},
      {"an end of the sizes that we do not know",
       "profiles/p2.yaml",
       pick.c_str(),
       {"profiles/p2.yaml:2:14: `biggest` is not allowed here; allowed: largest or smallest"}},
      {"an erase without its kind",
       "profiles/p2.yaml",
       erase.c_str(),
       {"profiles/p2.yaml:2:15: `true` is not allowed here; allowed: none, discard or secure"}},
      {"a flag that is text",
       "profiles/p2.yaml",
       grows.c_str(),
       {"profiles/p2.yaml:2:14: must be true or false, not `yes`"}},
      {"a misspelt key below disk",
       "profiles/p2.yaml",
       guids.c_str(),
       {"profiles/p2.yaml:2:8: unknown key `new_guid` in disk; did you mean `new_guids`?"}},
      {"a misspelt condition",
       "profiles/p2.yaml",
       wwn.c_str(),
       {"profiles/p2.yaml:2:18: unknown key `wwm` in a disk condition; did you mean `wwn`?"}},
      {"a burn-in of no time",
       "profiles/p2.yaml",
       no_time.c_str(),
       {"profiles/p2.yaml:2:19: `0s` is no time; write a whole number and a unit, as in 60s, 10m "
        "or 2h, at most 24h"}},
      {"a time without a unit",
       "profiles/p2.yaml",
       no_unit.c_str(),
       {"profiles/p2.yaml:2:16: `60` is no time; write a whole number and a unit, as in 60s, 10m "
        "or 2h, at most 24h"}},
      {"a burn-in of more than a day",
       "profiles/p2.yaml",
       too_long.c_str(),
       {"profiles/p2.yaml:2:22: `25h` is no time; write a whole number and a unit, as in 60s, 10m "
        "or 2h, at most 24h"}},
      {"a part that cannot be tried",
       "profiles/p2.yaml",
       no_part.c_str(),
       {"profiles/p2.yaml:2:11: unknown key `disk_reed` in burn_in; did you mean `disk_read`?"}},
      {"a state of Secure Boot that we do not know",
       "profiles/p2.yaml",
       secure.c_str(),
       {"profiles/p2.yaml:2:29: `true` is not allowed here; allowed: any, on or off"}},
      {"Secure Boot without UEFI",
       "profiles/p2.yaml",
       no_uefi.c_str(),
       {"profiles/p2.yaml:2:29: Secure Boot is a part of UEFI, and the firmware asked for is bios; "
        "no host has both"}},
      {"a TPM by its version",
       "profiles/p2.yaml",
       tpm.c_str(),
       {"profiles/p2.yaml:2:21: `2.0` is not allowed here; allowed: any or present"}},
      {"a speed with a unit",
       "profiles/p2.yaml",
       speed.c_str(),
       {"profiles/p2.yaml:2:27: must be a whole number of at least 1, not `1G`"}},
      {"a health that we do not know",
       "profiles/p2.yaml",
       health.c_str(),
       {"profiles/p2.yaml:2:29: `great` is not allowed here; allowed: any or good"}},
      {"a version that YAML reads as a number",
       "profiles/p2.yaml",
       version.c_str(),
       {"profiles/p2.yaml:2:10: must be text, not a number; write it in quotes"}},
      {"an installer that nobody makes",
       "profiles/p2.yaml",
       "installer: {kind: jumpstart, image: a@1}\n",
       {"profiles/p2.yaml:1:19: `jumpstart` is not allowed here; allowed: flash, kairos, preseed, "
        "autoinstall, kickstart, ignition, talos or generic"}},
      {"an image without a version",
       "profiles/p2.yaml",
       "installer: {kind: flash, image: debian}\n",
       {"profiles/p2.yaml:1:33: `debian` is no image; write NAME@VERSION"}},
      {"no installer",
       "profiles/p2.yaml",
       "finish: reboot\n",
       {"profiles/p2.yaml:1:1: a profile needs `installer: {kind: flash, image: NAME@VERSION}`"}},
      {"content beside its place",
       "profiles/p2.yaml",
       content.c_str(),
       {"profiles/p2.yaml:2:35: `/opt/../x` is no folder for content; write an absolute path "
        "without . and .., such as /opt/spectrocloud/content"}},
      {"content without a place",
       "profiles/p2.yaml",
       nowhere.c_str(),
       {"profiles/p2.yaml:2:11: content needs `path`"}},
      {"content that no name of the store is",
       "profiles/p2.yaml",
       bundle.c_str(),
       {"profiles/p2.yaml:2:19: `bundle` is no image; write NAME@VERSION"}},
      {"content on a device",
       "profiles/p2.yaml",
       label.c_str(),
       {"profiles/p2.yaml:2:47: `/dev/sda1` is no label of a file system; 1 to 16 of A-Z a-z 0-9 "
        ". _ -"}},
      {"content for an installer of others",
       "profiles/p2.yaml",
       "installer: {kind: kairos, image: k@1}\nformat: kairos\n"
       "content: [{image: bundle@1, path: /opt}]\n",
       {"profiles/p2.yaml:3:11: content is delivered by the installer flash only; the installer "
        "kairos brings its own"}},
      {"two layers of one name",
       "profiles/p2.yaml",
       layer.c_str(),
       {"profiles/p2.yaml:4:11: layer `a` stands twice in this profile"}},
      {"the same version of the same profile",
       "profiles/p2.yaml",
       twin.c_str(),
       {"profiles/p2.yaml:2:7: profile `edge@1.0.0` stands twice, also at profiles/edge.yaml:1:7"}},
  });
}

TEST_CASE("a wrong value in user-data is named with its line and column", "[provisioning][check]") {
  check_rows({
      {"a scheme before the endpoint",
       "sites/s2.yaml",
       "stylus:\n  site:\n    paletteEndpoint: https://api.example.com\n",
       {"sites/s2.yaml:3:22: stylus.site.paletteEndpoint must be HOST or HOST:PORT, without "
        "https://, not `https://api.example.com`"}},
      {"an edge-host ID with a blank",
       "sites/s2.yaml",
       "stylus: {site: {name: store 1}}\n",
       {"sites/s2.yaml:1:23: stylus.site.name must be 1 to 128 characters of A-Z a-z 0-9 - _ ., "
        "not "
        "`store 1`"}},
      {"a tag that YAML reads as a number",
       "sites/s2.yaml",
       "stylus: {site: {tags: {floor: 3}}}\n",
       {"sites/s2.yaml:1:23: stylus.site.tags must be a map of texts; numbers and true/false need "
        "quotes, not a map"}},
      {"a registration URL that is none",
       "sites/s2.yaml",
       "stylus: {site: {registrationURL: edge.example.com}}\n",
       {"sites/s2.yaml:1:34: stylus.site.registrationURL must be a URL, http://HOST or "
        "https://HOST, "
        "not `edge.example.com`"}},
      {"a mode that we do not know",
       "sites/s2.yaml",
       "stylus: {managementMode: remote}\n",
       {"sites/s2.yaml:1:26: stylus.managementMode must be central or local, not `remote`"}},
      {"the largest disk, whichever it is",
       "sites/s2.yaml",
       "install: {device: auto}\n",
       {"sites/s2.yaml:1:19: install.device must be a device as in /dev/sda or "
        "/dev/disk/by-id/...; `auto` takes the largest disk, so it is refused, not `auto`"}},
      {"a port that is none",
       "sites/s2.yaml",
       "stylus: {localUI: {port: 65536}}\n",
       {"sites/s2.yaml:1:26: stylus.localUI.port must be a port, 1 to 65535, not `65536`"}},
      {"vip.skip that is no flag",
       "sites/s2.yaml",
       "stylus: {vip: {skip: 1}}\n",
       {"sites/s2.yaml:1:22: stylus.vip.skip must be true or false, not `1`"}},
      {"a device's UID from a file that is not named whole",
       "sites/s2.yaml",
       "stylus: {site: {deviceUIDPaths: [{name: serial, regex: \"[A-Z]+\"}]}}\n",
       {"sites/s2.yaml:1:41: stylus.site.deviceUIDPaths[].name must be an absolute path, not "
        "`serial`"}},
      {"tags from a file that is not named whole",
       "sites/s2.yaml",
       "stylus: {site: {tagsFromFile: {fileName: tags.txt}}}\n",
       {"sites/s2.yaml:1:42: stylus.site.tagsFromFile.fileName must be an absolute path, not "
        "`tags.txt`"}},
      {"a time-out that is no number",
       "sites/s2.yaml",
       "stylus: {site: {tagsFromScript: {scriptName: /etc/t.sh, timeout: soon}}}\n",
       {"sites/s2.yaml:1:66: stylus.site.tagsFromScript.timeout must be a whole number, not "
        "`soon`"}},
      {"users that are no list",
       "sites/s2.yaml",
       "stylus: {site: {users: admin}}\n",
       {"sites/s2.yaml:1:24: stylus.site.users must be a list, not `admin`"}},
      {"a registry's domain that is no text",
       "sites/s2.yaml",
       "stylus: {externalRegistries: {registries: [{domain: 7}]}}\n",
       {"sites/s2.yaml:1:53: stylus.externalRegistries.registries[].domain must be text of one "
        "line, not empty, not `7`"}},
      {"a partition's size with a unit",
       "sites/s2.yaml",
       "install: {partitions: {persistent: {size: 10G, fs: ext4}}}\n",
       {"sites/s2.yaml:1:43: install.partitions.persistent.size must be a whole number, not "
        "`10G`"}},
      {"one more partition's size with a unit",
       "sites/s2.yaml",
       "install: {extra-partitions: [{name: data, size: 10G}]}\n",
       {"sites/s2.yaml:1:49: install.extra-partitions[].size must be a whole number, not `10G`"}},
      {"poweroff that is no flag",
       "sites/s2.yaml",
       "install: {poweroff: yes}\n",
       {"sites/s2.yaml:1:21: install.poweroff must be true or false, not `yes`"}},
      {"stages that are no list",
       "sites/s2.yaml",
       "stages:\n  initramfs: {commands: [ls]}\n",
       {"sites/s2.yaml:2:14: stages.* must be a list, not a map"}},
      {"a kind of network that we do not know",
       "sites/s2.yaml",
       "network: {type: manual}\n",
       {"sites/s2.yaml:1:17: network.type must be dhcp or static, not `manual`"}},
      {"a mask with a hole",
       "sites/s2.yaml",
       "network: {type: static, ipAddress: 10.0.0.5, mask: 255.0.255.0, gateway: 10.0.0.1}\n",
       {"sites/s2.yaml:1:52: network.mask must be a prefix length 0 to 32, or a mask as in "
        "255.255.255.0, not `255.0.255.0`"}},
      {"an address that is none",
       "sites/s2.yaml",
       "network: {type: static, ipAddress: 10.0.0.256, mask: 24, gateway: 10.0.0.1}\n",
       {"sites/s2.yaml:1:36: network.ipAddress must be an IPv4 address, as in 10.4.2.10 or "
        "10.4.2.10/24, not `10.0.0.256`"}},
      {"permissions that are not octal",
       "sites/s2.yaml",
       "stages:\n  initramfs:\n    - files:\n        - {path: /etc/x, permissions: rw}\n",
       {"sites/s2.yaml:4:39: stages.*[].files[].permissions must be octal permissions, as in 0644, "
        "not `rw`"}},
      {"a password that YAML reads as a number",
       "sites/s2.yaml",
       "stages: {initramfs: [{users: {palette: {passwd: 1234}}}]}\n",
       {"sites/s2.yaml:1:49: stages.*[].users.*.passwd must be text of one line, not empty, not a "
        "number"}},
  });
}

TEST_CASE("a mistake that shows only in the merge is named at its last place",
          "[provisioning][check]") {
  const std::string base = "macs: \"52:54:00:aa:00:02\"\nsite: store-1\nprofile: edge\n";
  const auto with = [&base](const char* rest) { return base + rest; };
  const auto no_type = with("network:\n  gateway: 10.0.0.1\n");
  const auto no_address = with("network:\n  type: static\n  gateway: 10.0.0.1\n");
  const auto no_mask = with("network: {type: static, ipAddress: 10.0.0.5, gateway: 10.0.0.1}\n");
  const auto no_gateway = with("network: {type: static, ipAddress: 10.0.0.5/24}\n");
  const auto outside =
      with("network:\n  type: static\n  ipAddress: 10.0.0.5/24\n  gateway: 10.0.1.1\n");
  const auto broadcast =
      with("network: {type: static, ipAddress: 10.0.0.255, mask: 24, gateway: 10.0.0.1}\n");
  const auto both = with("stylus: {site: {projectUid: u, projectName: n}}\n");
  const auto clash =
      with("stages:\n  initramfs:\n    - commands: [ls]\nuser_data:\n  runcmd: {}\n");
  const auto no_mac =
      "serial: B\nprofile: edge\nnetwork: {type: static, ipAddress: 10.0.0.5/24, gateway: "
      "10.0.0.1}\n";
  const auto owner =
      with("stages:\n  initramfs:\n    - files:\n        - {path: /x, owner: 1000}\n");
  check_rows({
      {"no MAC to match the address by",
       "hosts/h2.yaml",
       no_mac,
       {"hosts/h2.yaml:1:1: a host with a static address needs `macs`: its network is matched by "
        "MAC"}},
      {"runcmd that is no list, where a stage adds commands",
       "hosts/h2.yaml",
       clash.c_str(),
       {"hosts/h2.yaml:8:11: `runcmd` must be a list here, because more is added to it"}},
      {"no type",
       "hosts/h2.yaml",
       no_type.c_str(),
       {"hosts/h2.yaml:4:1: `type` is missing: write dhcp or static"}},
      {"static without address",
       "hosts/h2.yaml",
       no_address.c_str(),
       {"hosts/h2.yaml:5:9: a static network needs `ipAddress`, `mask` and `gateway`"}},
      {"static without mask",
       "hosts/h2.yaml",
       no_mask.c_str(),
       {"hosts/h2.yaml:4:36: a static address needs `mask`, or its prefix length: 10.0.0.5/24"}},
      {"static without gateway",
       "hosts/h2.yaml",
       no_gateway.c_str(),
       {"hosts/h2.yaml:4:36: a static address needs `gateway`"}},
      {"a gateway in another subnet",
       "hosts/h2.yaml",
       outside.c_str(),
       {"hosts/h2.yaml:7:12: the gateway 10.0.1.1 is not inside 10.0.0.5/24"}},
      {"the broadcast address",
       "hosts/h2.yaml",
       broadcast.c_str(),
       {"hosts/h2.yaml:4:36: 10.0.0.255 is the broadcast address of 10.0.0.255/24"}},
      {"both ways to name the project",
       "hosts/h2.yaml",
       both.c_str(),
       {"hosts/h2.yaml:4:32: stylus.site.projectName excludes stylus.site.projectUid, which stands "
        "at hosts/h2.yaml:4:17"}},
      {"an owner by number",
       "hosts/h2.yaml",
       owner.c_str(),
       {"hosts/h2.yaml:7:29: cloud-init knows owners by name only; write owner_string: "
        "USER:GROUP"}},
  });
}

}  // namespace slipway::provisioning
