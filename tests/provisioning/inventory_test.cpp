#include "provisioning/inventory.hpp"

#include <set>

#include "provisioning/recipe.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

Inventory loaded(const Folder& folder) {
  auto result = load_inventory(folder.path());
  for (const auto& line : folder.lines(result.mistakes, false)) FAIL_CHECK(line);
  return std::move(result.inventory);
}

}  // namespace

TEST_CASE("a profile is read whole", "[provisioning][inventory]") {
  Folder folder;
  folder.write("profiles/edge.yaml", R"(
name: edge-retail
version: 1.2.0
type: infrastructure
description: for shops
installer: {kind: flash, image: debian-edge@12.5}
format: kairos
requirements: {memory: 4GiB, cpus: 2, disk: 50GB, firmware: uefi,
  secure_boot: off, tpm: present, nic_speed: 1000, disk_health: any}
disk:
  select:
    - {type: nvme, rotational: false}
    - {min_size: 50GiB, max_size: 2TiB, model: X1, serial: "0042", path: /dev/nvme0n1}
    - {wwn: eui.0025385b71b0a1c2}
  pick: largest
  erase: secure
  new_guids: true
  grow: true
burn_in: {memory: 60s, disk_read: 2m, cpu: 24h}
layers:
  - {name: os, kind: os, user_data: {packages: [vim]}}
  - {name: k3s, kind: kubernetes, version: 1.29.1, stages: {initramfs: [{commands: [ls]}]}}
user_data: {timezone: Europe/Berlin}
finish: reboot
)");
  const auto inventory = loaded(folder);
  REQUIRE(inventory.profiles.size() == 1);
  const auto& profile = inventory.profiles[0];
  CHECK(profile.id() == "edge-retail@1.2.0");
  CHECK(profile.type == "infrastructure");
  CHECK(profile.description == "for shops");
  CHECK(profile.image == "debian-edge@12.5");
  CHECK(profile.format == UserDataFormat::kairos);
  CHECK(profile.requirements.memory_octets == 4294967296);
  CHECK(profile.requirements.cpus == 2);
  CHECK(profile.requirements.disk_octets == 50000000000);
  CHECK(profile.requirements.firmware == Firmware::uefi);
  CHECK(profile.requirements.secure_boot == SecureBoot::off);
  CHECK(profile.requirements.tpm);
  CHECK(profile.requirements.nic_speed_mbit == 1000);
  CHECK_FALSE(profile.requirements.healthy_disk);
  CHECK(profile.pick == DiskPick::largest);
  CHECK(profile.erase == Erase::secure);
  CHECK(profile.new_guids);
  CHECK(profile.grow);
  CHECK(profile.burn_in.memory.count() == 60);
  CHECK(profile.burn_in.disk_read.count() == 120);
  CHECK(profile.burn_in.cpu.count() == 86400);
  REQUIRE(profile.disk.size() == 3);
  CHECK(profile.disk[0].rotational == false);
  CHECK(profile.disk[1].rotational == std::nullopt);
  CHECK(profile.disk[2].wwn == "eui.0025385b71b0a1c2");
  CHECK(profile.disk[0].type == "nvme");
  CHECK(profile.disk[1].min_octets == 53687091200);
  CHECK(profile.disk[1].max_octets == 2199023255552);
  CHECK(profile.disk[1].model == "X1");
  CHECK(profile.disk[1].serial == "0042");
  CHECK(profile.disk[1].path == "/dev/nvme0n1");
  REQUIRE(profile.layers.size() == 2);
  CHECK(profile.layers[0].user_data.at("packages") != nullptr);
  CHECK(profile.layers[1].version == "1.29.1");
  CHECK(profile.layers[1].user_data.at("stages.initramfs") != nullptr);
  CHECK(*profile.user_data.find("timezone")->string() == "Europe/Berlin");
  CHECK(profile.finish == Finish::reboot);
}

TEST_CASE("what a profile does not say has a default", "[provisioning][inventory]") {
  Folder folder;
  folder.write("profiles/edge.yaml", "installer: {kind: flash, image: i@1}\n");
  const auto inventory = loaded(folder);
  const auto& profile = inventory.profiles.at(0);
  CHECK(profile.id() == "edge@1.0.0");
  CHECK(profile.type == "full");
  CHECK(profile.format == UserDataFormat::cloud_init);
  CHECK(profile.finish == Finish::poweroff);
  CHECK(profile.disk.empty());
  CHECK(profile.user_data.is_null());
  CHECK(profile.requirements.healthy_disk);
  CHECK(profile.requirements.secure_boot == SecureBoot::any);
  CHECK(profile.pick == DiskPick::one);
  CHECK(profile.erase == Erase::none);
  CHECK_FALSE(profile.new_guids);
  CHECK_FALSE(profile.grow);
  CHECK(profile.burn_in == BurnIn{});
}

// The literals are what the version before these settings computed: hosts that were armed with a
// profile then are served by a server of today.
TEST_CASE("a profile without the later settings keeps its digest", "[provisioning][inventory]") {
  const std::string edge =
      "name: edge\nversion: 1.2.0\ninstaller: {kind: flash, image: debian-edge@12.5}\n"
      "requirements: {memory: 4GiB, cpus: 2, disk: 50GB, firmware: uefi}\n"
      "disk: {select: [{type: nvme}, {min_size: 50GiB, model: X1, serial: \"0042\", path: "
      "/dev/nvme0n1}]}\n"
      "layers: [{name: os, kind: os, user_data: {packages: [vim]}}]\nfinish: reboot\n"
      "tags: {owner: retail}\n";
  const std::string bare = "name: bare\ninstaller: {kind: flash, image: i@1}\n";
  const auto digest = [](const std::string& profile) {
    Folder folder;
    folder.write("profiles/p.yaml", profile);
    return digest_of(loaded(folder).profiles.at(0)).text();
  };
  const std::string kEdge = "0328f4662fddfad3c61a3f8dcfd33cd8cd4b35d8cabe205a3fbb676e8bdc62fb";
  const std::string kBare = "a9f5981c9d01bfff8eb5ede4f976f2248e3fa6a99c3666799582b66253e5fdc4";
  CHECK(digest(edge) == kEdge);
  CHECK(digest(bare) == kBare);
  CHECK(digest(bare + "disk: {erase: none, grow: false}\nrequirements: {disk_health: good}\n") ==
        kBare);

  std::set<std::string> seen{kBare};
  for (const auto* later :
       {"requirements: {secure_boot: on}", "requirements: {secure_boot: off}",
        "requirements: {tpm: present}", "requirements: {nic_speed: 1000}",
        "requirements: {disk_health: any}", "disk: {pick: largest}", "disk: {pick: smallest}",
        "disk: {erase: discard}", "disk: {erase: secure}", "disk: {new_guids: true}",
        "disk: {grow: true}", "burn_in: {memory: 60s}", "burn_in: {disk_read: 60s}",
        "burn_in: {cpu: 60s}", "disk: {select: [{wwn: a}]}", "disk: {select: [{rotational: true}]}",
        "disk: {select: [{rotational: false}]}", "disk: {select: [{type: ssd}]}"}) {
    INFO(later);
    CHECK(seen.insert(digest(bare + later + "\n")).second);
  }
}

TEST_CASE("a host is read whole", "[provisioning][inventory]") {
  Folder folder;
  folder.write("sites/s.yaml", "name: store-1\n");
  folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\n");
  folder.write("hosts/h1.yaml", R"(
macs: ["52:54:00:AA:00:01", 52-54-00-aa-00-02]
uuid: 4C4C4544-0042-4A10-8054-C3C04F563032
serial: "0042"
site: store-1
profile: p@1.0.0
offer: direct
boot_program: secure.img
bench_address: 10.77.0.21
network: {type: dhcp}
)");
  const auto inventory = loaded(folder);
  const auto* host = inventory.host("h1");
  REQUIRE(host != nullptr);
  REQUIRE(host->macs.size() == 2);
  CHECK(host->macs[0].text() == "52:54:00:aa:00:01");
  CHECK(host->macs[1].text() == "52:54:00:aa:00:02");
  CHECK(host->uuid->text() == "4c4c4544-0042-4a10-8054-c3c04f563032");
  CHECK(host->serial == "0042");
  CHECK(host->offer == dhcp::OfferStyle::direct);
  CHECK(host->boot_program == "secure.img");
  CHECK(host->bench_address == Ipv4::parse("10.77.0.21"));
  CHECK(inventory.host_by_bench_address(*Ipv4::parse("10.77.0.21")) == host);
  CHECK(inventory.host_by_bench_address(*Ipv4::parse("10.77.0.22")) == nullptr);
  CHECK(inventory.site(host->site) == &inventory.sites[0]);
  CHECK(inventory.profile(host->profile) == &inventory.profiles[0]);
  CHECK(host->user_data.at("network.type") != nullptr);
  CHECK(host->mark.line == 2);
}

TEST_CASE("a profile's name means its highest version", "[provisioning][inventory]") {
  Folder folder;
  for (const auto* version : {"1.9.2", "1.10.0", "1.2", "1.10.0-rc1"}) {
    folder.write(std::string("profiles/") + version + ".yaml",
                 std::string("name: p\nversion: \"") + version +
                     "\"\ninstaller: {kind: flash, image: i@1}\n");
  }
  const auto inventory = loaded(folder);
  CHECK(inventory.profile("p")->version == "1.10.0");
  CHECK(inventory.profile("p@1.2")->version == "1.2");
  CHECK(inventory.profile("p@3") == nullptr);
  CHECK(inventory.profile("q") == nullptr);
}

TEST_CASE("rows of hosts.csv are hosts like those of files", "[provisioning][inventory][csv]") {
  Folder folder;
  folder.write("sites/s.yaml", "network: {type: static, gateway: 10.0.0.1}\n");
  folder.write("hosts.csv",
               "\xEF\xBB\xBFname,macs,serial,offer,bench_address,site,network.ipAddress,network."
               "mask,install.poweroff,"
               "stylus.site.tags.a.b\r\n"
               "h1, 52:54:00:aa:00:01; 52:54:00:aa:00:02 "
               ",0042,leased,10.77.0.5,s,10.0.0.5,24,true,\"x, \"\"y\"\"\"\r\n"
               "\r\n"
               "h2,,0043,,,s,10.0.0.6,255.255.255.0,,\r\n");
  const auto inventory = loaded(folder);
  REQUIRE(inventory.hosts.size() == 2);
  const auto& host = inventory.hosts[0];
  CHECK(host.macs.size() == 2);
  CHECK(host.serial == "0042");
  CHECK(host.offer == dhcp::OfferStyle::leased);
  CHECK(host.bench_address == Ipv4::parse("10.77.0.5"));
  CHECK_FALSE(inventory.hosts[1].offer);
  CHECK(*host.user_data.at("network.ipAddress")->string() == "10.0.0.5");
  CHECK(std::get<std::int64_t>(host.user_data.at("network.mask")->data) == 24);
  CHECK(std::get<bool>(host.user_data.at("install.poweroff")->data));
  CHECK(*host.user_data.at("stylus.site.tags")->find("a.b")->string() == "x, \"y\"");
  CHECK(host.mark.line == 2);
  CHECK(inventory.hosts[1].user_data.find("install") == nullptr);
}

TEST_CASE("the vendor's sample is a site as it stands", "[provisioning][inventory]") {
  std::ifstream file(std::string(SLIPWAY_SOURCE_DIR) + "/tests/fixtures/palette-sample.yaml");
  const std::string sample{std::istreambuf_iterator<char>(file), {}};
  Folder folder;
  folder.write("sites/s.yaml", sample);
  std::string indented = "user_data:\n";
  for (std::size_t at = 0; at < sample.size();) {
    const auto end = sample.find('\n', at);
    indented += "  " + sample.substr(at, end - at + 1);
    at = end + 1;
  }
  folder.write("sites/t.yaml", indented);
  const auto inventory = loaded(folder);
  REQUIRE(inventory.sites.size() == 2);
  CHECK(inventory.sites[0].user_data.same_as(inventory.sites[1].user_data));
  CHECK(*inventory.sites[0].user_data.at("stylus.site.paletteEndpoint")->string() ==
        "api.example.com");
}

TEST_CASE("other spellings of the vendor are understood", "[provisioning][inventory]") {
  Folder folder;
  folder.write("sites/s.yaml", R"(
stylus:
  reboot: true
  site:
    paletteEndPoint: api.example.com
    network: {type: dhcp}
)");
  const auto inventory = loaded(folder);
  const auto& user_data = inventory.sites.at(0).user_data;
  CHECK(user_data.at("stylus.site.paletteEndpoint") != nullptr);
  CHECK(user_data.at("stylus.reboot") == nullptr);
  CHECK(std::get<bool>(user_data.find("reboot")->data));
  CHECK(user_data.at("network.type") != nullptr);
  CHECK(user_data.at("stylus.site.network") == nullptr);
}

TEST_CASE("the example inventory is good once its secrets are private",
          "[provisioning][inventory]") {
  Folder folder;
  const auto source = std::filesystem::path(SLIPWAY_SOURCE_DIR) / "deploy/examples/inventory";
  std::filesystem::copy(source, folder.path(), std::filesystem::copy_options::recursive);
  for (const auto* name : {"retail-token", "palette-password", "palette-password-hash"}) {
    std::filesystem::permissions(folder.path() / "secrets" / name,
                                 static_cast<std::filesystem::perms>(0600));
  }
  const auto result = load_inventory(folder.path());
  CHECK(folder.lines(result.mistakes, false).empty());
  CHECK(folder.lines(result.mistakes, true).empty());
  CHECK(result.inventory.hosts.size() == 3);
}

TEST_CASE("a thousand hosts are read and checked in a moment", "[provisioning][inventory]") {
  Folder folder;
  std::string csv = "name,macs,site,network.ipAddress\n";
  for (int i = 0; i < 1000; ++i) {
    const auto number = std::to_string(1000 + i);
    const auto mac = "52:54:00:00:" + number.substr(0, 2) + ":" + number.substr(2);
    csv += "h" + number + "," + mac + ",s,10.0." + std::to_string(i / 200) + "." +
           std::to_string(i % 200 + 2) + "\n";
  }
  folder.write("hosts.csv", csv);
  folder.write("sites/s.yaml", "network: {type: static, mask: 16, gateway: 10.0.0.1}\n");
  CHECK(loaded(folder).hosts.size() == 1000);
}

}  // namespace slipway::provisioning
