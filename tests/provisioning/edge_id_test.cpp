// The ID under which a host registers: by which rule it comes about, where it is written, and that
// no two hosts have the same.
#include "provisioning/edge_id.hpp"

#include "provisioning/recipe.hpp"
#include "provisioning/userdata.hpp"
#include "provisioning/yaml.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

constexpr auto kKairos = "installer: {kind: flash, image: kairos@3.2}\nformat: kairos\n";
constexpr auto kSite = "stylus: {site: {paletteEndpoint: api.example.com}}\n";
constexpr auto kUuid = "4c4c4544-0042-4a10-8054-c3c04f563032";

Lines mistakes_of(const Folder& folder) {
  return folder.lines(load_inventory(folder.path()).mistakes, false);
}

// stylus.site.name of the document that the first host of the folder is served, or empty.
std::string served_name(const Folder& folder) {
  const auto loaded = load_inventory(folder.path());
  const auto& host = loaded.inventory.hosts.at(0);
  const auto* profile = loaded.inventory.profile(host.profile);
  REQUIRE(profile != nullptr);
  const auto document =
      render_kairos({loaded.inventory, host, *profile, loaded.inventory.site(host.site)});
  REQUIRE(document);
  const auto parsed = parse_yaml(*document, "served");
  const auto* name = parsed.value.at("stylus.site.name");
  return name == nullptr ? std::string() : *name->string();
}

}  // namespace

TEST_CASE("an edge-host ID is the name, else made of UUID or serial number",
          "[provisioning][edge_id]") {
  struct Row {
    const char* why;
    const char* stylus;
    const char* uuid;
    const char* serial;
    const char* id;
  };
  const std::vector<Row> rows{
      {"the name goes before everything", "{site: {name: shop-7, prefix: p}}", kUuid, "S1",
       "shop-7"},
      {"the UUID without hyphens", "{site: {}}", kUuid, "S1",
       "edge-4c4c454400424a108054c3c04f563032"},
      {"with the site's prefix", "{site: {prefix: till}}", kUuid, "",
       "till-4c4c454400424a108054c3c04f563032"},
      {"the serial number where there is no UUID", "{site: {}}", "", "ABC_1.2-x", "edge-ABC_1.2-x"},
      {"what an ID may not hold is replaced", "{site: {}}", "", "A/B 1\xC3\xA9", "edge-A-B-1--"},
      {"nothing is known", "{site: {prefix: till}}", "", "", ""},
      {"no stylus at all", "{}", "", "S1", "edge-S1"},
      {"the host looks for itself", "{site: {deviceUIDPaths: [{name: /etc/id}]}}", kUuid, "S1", ""},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    HostEntry host;
    host.uuid = Uuid::parse(row.uuid);
    host.serial = row.serial;
    const auto merged = parse_yaml(std::string("stylus: ") + row.stylus + "\n", "f.yaml").value;
    CHECK(edge_id_of(host, merged) == row.id);
  }
}

TEST_CASE("a derived edge-host ID is written into Kairos' document", "[provisioning][edge_id]") {
  Folder folder;
  folder.write("profiles/p.yaml", kKairos);
  folder.write("sites/s.yaml", kSite);
  folder.write("hosts/a.yaml", "serial: S-1\nprofile: p\nsite: s\n");
  CHECK(served_name(folder) == "edge-S-1");
  folder.write("hosts/a.yaml",
               "serial: S-1\nprofile: p\nsite: s\nstylus: {site: {name: shop-7}}\n");
  CHECK(served_name(folder) == "shop-7");
  folder.write("hosts/a.yaml", "macs: [\"52:54:00:aa:00:01\"]\nprofile: p\nsite: s\n");
  CHECK(served_name(folder).empty());  // nothing to make one of
  folder.write("hosts/a.yaml", "serial: S-1\nprofile: p\n");
  CHECK(served_name(folder).empty());  // no stylus, nobody to register with
}

TEST_CASE("what the machine reported fills what the inventory does not say",
          "[provisioning][edge_id]") {
  auto inventory = std::make_shared<Inventory>();
  Profile profile;
  profile.name = "p";
  inventory->profiles = {profile};
  HostEntry entry;
  entry.name = "a";
  entry.profile = "p";
  inventory->hosts = {entry};
  Host host;
  host.name = "a";
  host.in_inventory = true;
  host.serial = "SEEN";
  host.uuid = Uuid::parse(kUuid);
  auto recipe = recipe_of(host, inventory);
  REQUIRE(recipe);
  CHECK(recipe->entry.serial == "SEEN");
  CHECK(recipe->entry.uuid->text() == kUuid);
  auto written = std::make_shared<Inventory>(*inventory);
  written->hosts[0].serial = "WRITTEN";
  written->hosts[0].uuid = Uuid::parse("00000000-0000-0000-0000-000000000001");
  recipe = recipe_of(host, written);
  REQUIRE(recipe);
  CHECK(recipe->entry.serial == "WRITTEN");
  CHECK(recipe->entry.uuid->text() == "00000000-0000-0000-0000-000000000001");
}

TEST_CASE("derived edge-host IDs are unique as well", "[provisioning][edge_id][check]") {
  Folder folder;
  folder.write("sites/s.yaml", kSite);
  folder.write("hosts/a.yaml", "serial: A 1\nsite: s\n");
  folder.write("hosts/b.yaml", "serial: A-1\nsite: s\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/b.yaml:1:9: edge-host ID `edge-A-1` stands twice, also at hosts/a.yaml:1:9"});
  folder.write("hosts/b.yaml", "serial: B\nsite: s\nstylus: {site: {name: edge-A-1}}\n");
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/b.yaml:3:23: edge-host ID `edge-A-1` stands twice, also at hosts/a.yaml:1:9"});
  folder.write("hosts/b.yaml", "serial: A-1\n");  // registers with nobody
  CHECK(mistakes_of(folder) == Lines{});
}

TEST_CASE("an edge-host ID has 1 to 128 characters, prefix and all",
          "[provisioning][edge_id][check]") {
  Folder folder;
  const std::string prefix(97, 'p');
  folder.write("profiles/p.yaml", kKairos);
  folder.write("sites/s.yaml", kSite);
  const auto host = [&](const std::string& serial) {
    return "serial: " + serial + "\nprofile: p\nsite: s\nstylus: {site: {prefix: " + prefix +
           "}}\n";
  };
  folder.write("hosts/a.yaml", host(std::string(30, 's')));  // 97 + 1 + 30
  CHECK(mistakes_of(folder) == Lines{});
  folder.write("hosts/a.yaml", host(std::string(31, 's')));
  CHECK(mistakes_of(folder) ==
        Lines{"hosts/a.yaml:4:25: the edge-host ID `" + prefix.substr(0, 60) +
              "...` has 129 characters, 128 are allowed; shorten the prefix, or write "
              "stylus.site.name"});
}

}  // namespace slipway::provisioning
