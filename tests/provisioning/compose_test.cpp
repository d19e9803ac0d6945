// Full profiles that are composed of an infrastructure profile and add-ons.
#include "provisioning/recipe.hpp"
#include "provisioning/userdata.hpp"
#include "provisioning/yaml.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

constexpr auto kInfra = R"(type: infrastructure
installer: {kind: flash, image: debian-edge@12.5}
format: kairos
requirements: {memory: 4GiB, cpus: 2, firmware: uefi}
disk: {select: [{type: nvme}]}
layers:
  - {name: os, kind: os, user_data: {a: infra-layer, b: infra-layer, c: infra-layer}}
user_data: {b: infra, d: infra}
finish: reboot
)";
constexpr auto kAddOn = R"(type: add-on
layers:
  - {name: monitoring, kind: add-on, user_data: {c: add-on, d: add-on, e: add-on}}
)";
constexpr auto kShop = R"(compose: [infra, watch]
requirements: {memory: 2GiB, cpus: 8, disk: 50GiB}
layers:
  - {name: own, user_data: {e: own}}
user_data: {f: own}
tags: {owner: retail, tier: "1"}
description: for shops
)";

void write_parts(Folder& folder) {
  folder.write("profiles/infra.yaml", kInfra);
  folder.write("profiles/watch.yaml", kAddOn);
  folder.write("profiles/shop.yaml", kShop);
}

Lines mistakes_of(const Folder& folder) {
  return folder.lines(load_inventory(folder.path()).mistakes, false);
}

Profile composed(const Folder& folder) {
  auto loaded = load_inventory(folder.path());
  for (const auto& line : folder.lines(loaded.mistakes, false)) FAIL_CHECK(line);
  const auto* profile = loaded.inventory.profile("shop");
  REQUIRE(profile != nullptr);
  return *profile;
}

}  // namespace

TEST_CASE("a composed profile is its parts, and its own keys over them",
          "[provisioning][compose]") {
  Folder folder;
  write_parts(folder);
  const auto shop = composed(folder);
  CHECK(shop.id() == "shop@1.0.0");
  CHECK(shop.type == "full");
  CHECK(shop.description == "for shops");
  CHECK(shop.tags == std::map<std::string, std::string>{{"owner", "retail"}, {"tier", "1"}});
  CHECK(shop.parts == Lines{"infra@1.0.0", "watch@1.0.0"});
  CHECK(shop.image == "debian-edge@12.5");
  CHECK(shop.format == UserDataFormat::kairos);
  CHECK(shop.finish == Finish::reboot);
  REQUIRE(shop.disk.size() == 1);
  CHECK(shop.disk[0].type == "nvme");
  CHECK(shop.requirements.memory_octets == 4294967296);  // the stricter of each
  CHECK(shop.requirements.cpus == 8);
  CHECK(shop.requirements.disk_octets == 53687091200);
  CHECK(shop.requirements.firmware == Firmware::uefi);
  const auto merged = merge_user_data({{}, {}, shop, nullptr});
  REQUIRE(merged);
  CHECK(emit_yaml(*merged) == "a: infra-layer\nb: infra\nc: add-on\nd: add-on\ne: own\nf: own\n");
}

TEST_CASE("what a composed profile says itself goes before its infrastructure",
          "[provisioning][compose]") {
  Folder folder;
  write_parts(folder);
  folder.write("profiles/shop.yaml",
               "compose: [watch, infra@1.0.0]\ninstaller: {kind: flash, image: other@2}\n"
               "format: cloud-init\nfinish: poweroff\ndisk: {select: [{min_size: 1GiB}]}\n");
  const auto shop = composed(folder);
  CHECK(shop.image == "other@2");
  CHECK(shop.format == UserDataFormat::cloud_init);
  CHECK(shop.finish == Finish::poweroff);
  REQUIRE(shop.disk.size() == 1);
  CHECK(shop.disk[0].min_octets == 1073741824);
  CHECK(shop.parts == Lines{"infra@1.0.0", "watch@1.0.0"});  // whatever the order of writing
}

TEST_CASE("what is asked of a host is joined key by key", "[provisioning][compose]") {
  Folder folder;
  write_parts(folder);
  folder.write("profiles/infra.yaml",
               "type: infrastructure\ninstaller: {kind: flash, image: i@1}\n"
               "requirements: {secure_boot: on, nic_speed: 1000, disk_health: any}\n"
               "disk: {select: [{type: nvme}], pick: largest, erase: secure}\n"
               "burn_in: {memory: 60s}\n");
  folder.write("profiles/shop.yaml",
               "compose: [infra]\nrequirements: {tpm: present, nic_speed: 100}\n"
               "disk: {grow: true}\nburn_in: {cpu: 30s}\n");
  const auto shop = composed(folder);
  CHECK(shop.requirements.secure_boot == SecureBoot::on);
  CHECK(shop.requirements.tpm);
  CHECK(shop.requirements.nic_speed_mbit == 1000);
  CHECK_FALSE(shop.requirements.healthy_disk);
  CHECK(shop.disk.size() == 1);  // nothing else was said of which disk
  CHECK(shop.pick == DiskPick::largest);
  CHECK(shop.erase == Erase::secure);
  CHECK(shop.grow);
  CHECK(shop.burn_in.memory.count() == 60);
  CHECK(shop.burn_in.cpu.count() == 30);

  folder.write("profiles/shop.yaml",
               "compose: [infra]\nrequirements: {disk_health: good}\n"
               "disk: {select: [{type: ssd}]}\n");
  const auto other = composed(folder);
  CHECK(other.requirements.healthy_disk);
  REQUIRE(other.disk.size() == 1);
  CHECK(other.disk[0].type == "ssd");
  CHECK(other.pick == DiskPick::one);  // a part of the rule that was replaced
  CHECK(other.erase == Erase::secure);
}

TEST_CASE("the digest of a composed profile covers its parts", "[provisioning][compose]") {
  Folder folder;
  write_parts(folder);
  const auto before = digest_of(composed(folder));
  CHECK(digest_of(composed(folder)) == before);
  struct Row {
    const char* file;
    const char* text;
    const char* from;
    const char* to;
  };
  for (const auto& row : std::vector<Row>{{"profiles/infra.yaml", kInfra, "d: infra", "d: other"},
                                          {"profiles/infra.yaml", kInfra, "12.5", "12.6"},
                                          {"profiles/watch.yaml", kAddOn, "e: add-on}", "e: x}"},
                                          {"profiles/shop.yaml", kShop, "f: own", "f: x"},
                                          {"profiles/shop.yaml", kShop, "retail", "food"}}) {
    INFO(row.file << " " << row.to);
    std::string text = row.text;
    text.replace(text.find(row.from), std::string_view(row.from).size(), row.to);
    folder.write(row.file, text);
    CHECK(digest_of(composed(folder)) != before);
    folder.write(row.file, row.text);
  }
}

TEST_CASE("a mistake in a composition names both places", "[provisioning][compose][check]") {
  struct Row {
    const char* why;
    const char* file;
    const char* text;
    Lines mistakes;
  };
  const std::vector<Row> rows{
      {"a reference that leads nowhere",
       "profiles/shop.yaml",
       "compose: [infra, wach]\n",
       {"profiles/shop.yaml:1:18: no profile is named `wach`; did you mean `watch`?"}},
      {"a version that is not there",
       "profiles/shop.yaml",
       "compose: [infra@2.0.0]\n",
       {"profiles/shop.yaml:1:11: no profile is named `infra@2.0.0`"}},
      {"itself",
       "profiles/shop.yaml",
       "compose: [infra, shop]\n",
       {"profiles/shop.yaml:1:18: a profile cannot be composed of itself"}},
      {"a full profile, which might lead back here",
       "profiles/other.yaml",
       "compose: [infra, shop]\n",
       {"profiles/other.yaml:1:18: `shop@1.0.0`, at profiles/shop.yaml:1:1, is a full profile; "
        "compose takes one infrastructure profile and add-ons"}},
      {"no infrastructure profile",
       "profiles/shop.yaml",
       "compose: [watch]\n",
       {"profiles/shop.yaml:1:1: compose needs one infrastructure profile"}},
      {"an add-on twice",
       "profiles/shop.yaml",
       "compose: [infra, watch, watch@1.0.0]\n",
       {"profiles/shop.yaml:1:25: `watch@1.0.0` stands twice in compose"}},
      {"a composed add-on",
       "profiles/watch.yaml",
       "type: add-on\ncompose: [infra]\n",
       {"profiles/watch.yaml:2:1: only a full profile is composed of others"}},
      {"an add-on with an installer",
       "profiles/watch.yaml",
       "type: add-on\ninstaller: {kind: flash, image: i@1}\ndisk: {select: [{type: ssd}]}\n",
       {"profiles/watch.yaml:2:1: an add-on carries layers and user_data only; `installer` belongs "
        "in an infrastructure or full profile",
        "profiles/watch.yaml:3:1: an add-on carries layers and user_data only; `disk` belongs in "
        "an infrastructure or full profile"}},
      {"an os layer in an add-on",
       "profiles/watch.yaml",
       "type: add-on\nlayers: [{name: x, kind: os}]\n",
       {"profiles/watch.yaml:2:17: layer `x` is of kind os; an add-on has layers of kind add-on"}},
      {"a layer's name in two parts",
       "profiles/watch.yaml",
       "type: add-on\nlayers: [{name: os, kind: add-on}]\n",
       {"profiles/shop.yaml:1:18: layer `os` stands in two parts: at profiles/infra.yaml:7:12 and "
        "at profiles/watch.yaml:2:17"}},
      {"a layer's name in a part and in the whole",
       "profiles/shop.yaml",
       "compose: [infra]\nlayers: [{name: os}]\n",
       {"profiles/shop.yaml:2:17: layer `os` stands in two parts: at profiles/infra.yaml:7:12 and "
        "at profiles/shop.yaml:2:17"}},
      {"another firmware",
       "profiles/shop.yaml",
       "compose: [infra]\nrequirements: {firmware: bios}\n",
       {"profiles/shop.yaml:2:26: the infrastructure profile asks for another firmware at "
        "profiles/infra.yaml:4:49; no host has both"}},
      {"a burn-in of an add-on",
       "profiles/watch.yaml",
       "type: add-on\nburn_in: {cpu: 60s}\n",
       {"profiles/watch.yaml:2:1: an add-on carries layers and user_data only; `burn_in` belongs "
        "in an infrastructure or full profile"}},
      {"a host with an add-on",
       "hosts/h.yaml",
       "serial: A\nprofile: watch\n",
       {"hosts/h.yaml:2:10: `watch@1.0.0`, at profiles/watch.yaml:1:1, is an add-on; a host needs "
        "a full or an infrastructure profile"}},
      {"a tag that is no text",
       "profiles/shop.yaml",
       "compose: [infra]\ntags: {floor: 3}\n",
       {"profiles/shop.yaml:2:15: must be text, not a number; write it in quotes"}},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Folder folder;
    write_parts(folder);
    folder.write(row.file, row.text);
    CHECK(mistakes_of(folder) == row.mistakes);
  }
}

TEST_CASE("compose takes one infrastructure profile", "[provisioning][compose][check]") {
  Folder folder;
  write_parts(folder);
  folder.write("profiles/infra2.yaml",
               "type: infrastructure\ninstaller: {kind: flash, image: i@1}\n");
  folder.write("profiles/shop.yaml", "compose: [infra, infra2]\n");
  CHECK(mistakes_of(folder) ==
        Lines{"profiles/shop.yaml:1:18: compose takes one infrastructure profile, and "
              "`infra@1.0.0` at profiles/shop.yaml:1:11 is one already"});
}

TEST_CASE("an infrastructure profile is installed as it stands, an add-on never",
          "[provisioning][compose]") {
  Folder folder;
  write_parts(folder);
  auto loaded = load_inventory(folder.path());
  const auto inventory = std::make_shared<const Inventory>(std::move(loaded.inventory));
  Host host;
  host.id = "seen";
  host.profile = "infra";
  CHECK(recipe_of(host, inventory).has_value());
  host.profile = "watch";
  const auto refused = recipe_of(host, inventory);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() ==
        "host seen has the profile watch@1.0.0, which is an add-on; only full and infrastructure "
        "profiles are installed");
}

}  // namespace slipway::provisioning
