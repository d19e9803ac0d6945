#include "provisioning/inventory_writer.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "provisioning/yaml.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

Value parsed(std::string_view text) {
  auto out = parse_yaml(text, "answers.yaml");
  for (const auto& mistake : out.mistakes) FAIL_CHECK(mistake.line());
  return std::move(out.value);
}

Additions sites(std::initializer_list<std::string_view> texts) {
  Additions additions;
  for (const auto text : texts) additions.sites.push_back(parsed(text));
  return additions;
}

// Every file below the folder with its mode, hidden ones and folders too.
Lines files_of(const Folder& folder) {
  Lines lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    struct stat status{};
    REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
    std::string mode;
    for (int i = 2; i >= 0; --i) mode += static_cast<char>('0' + (status.st_mode >> (3 * i) & 7U));
    lines.push_back(entry.path().lexically_relative(folder.path()).string() + " " + mode);
  }
  std::ranges::sort(lines);
  return lines;
}

std::string text_of(const Folder& folder, std::string_view file) {
  return read_text_file(folder.path() / file, 1 << 20U).value();
}

// The additions written; the test has failed when they are refused.
void write(const Folder& folder, Additions additions, Existing existing = Existing::refuse) {
  auto checked = check_additions(folder.path(), std::move(additions), existing);
  for (const auto& line : folder.lines(checked.mistakes, false)) FAIL_CHECK(line);
  REQUIRE(checked.draft);
  const auto written = write_additions(*checked.draft);
  REQUIRE(written);
}

Lines refused(const Folder& folder, Additions additions, Existing existing = Existing::refuse) {
  const auto before = files_of(folder);
  const auto checked = check_additions(folder.path(), std::move(additions), existing);
  CHECK_FALSE(checked.draft);
  CHECK(files_of(folder) == before);
  return folder.lines(checked.mistakes, false);
}

constexpr std::string_view kStore = R"(name: store
stylus:
  site:
    paletteEndpoint: api.example.com
    edgeHostToken: t0ken
    tags: {region: north}
  registryCredentials: {domain: r.example.com, username: u, password: "p: #1"}
network: {type: dhcp, httpProxy: "http://u:pw@proxy:3128", noProxy: .example.com}
)";

}  // namespace

TEST_CASE("a site is written with its secrets in files of their own",
          "[provisioning][inventory_writer]") {
  Folder folder;
  write(folder, sites({kStore}));
  CHECK(files_of(folder) == Lines{"secrets 700", "secrets/store.edgeHostToken 600",
                                  "secrets/store.httpProxy 600", "secrets/store.password 600",
                                  "sites 755", "sites/store.yaml 644"});
  CHECK(text_of(folder, "sites/store.yaml") == R"(name: store
stylus:
  site:
    paletteEndpoint: api.example.com
    edgeHostToken: !secret secrets/store.edgeHostToken
    tags:
      region: north
  registryCredentials:
    domain: r.example.com
    username: u
    password: !secret secrets/store.password
network:
  type: dhcp
  httpProxy: !secret secrets/store.httpProxy
  noProxy: ".example.com"
)");
  CHECK(text_of(folder, "secrets/store.password") == "p: #1\n");
  const auto loaded = load_inventory(folder.path());
  CHECK(loaded.mistakes.empty());  // no warning of a secret in the clear either
  const auto* site = loaded.inventory.site("store");
  REQUIRE(site != nullptr);
  CHECK(*site->user_data.at("stylus.site.edgeHostToken")->revealed() == "t0ken");
  CHECK(*site->user_data.at("network.httpProxy")->revealed() == "http://u:pw@proxy:3128");
}

TEST_CASE("what a person is shown before has no secret in it", "[provisioning][inventory_writer]") {
  Folder folder;
  const auto checked = check_additions(folder.path(), sites({kStore}), Existing::refuse);
  REQUIRE(checked.draft);
  const auto text = preview(checked.draft->files().at(0));
  CHECK(text.find("edgeHostToken: \"********\"") != std::string::npos);
  for (const auto* secret : {"t0ken", "p: #1", "pw"}) CHECK(text.find(secret) == std::string::npos);
}

TEST_CASE("a name that is taken is refused with both places", "[provisioning][inventory_writer]") {
  Folder folder;
  folder.write("sites/store.yaml", "name: store\n");
  folder.write("sites/other.yaml", "name: b\n");
  CHECK(refused(folder, sites({"name: store\n"})) ==
        Lines{"answers.yaml:1:7: site `store` stands twice, also at sites/store.yaml:1:7"});
  CHECK(refused(folder, sites({"name: other\n"})) ==
        Lines{"answers.yaml:1:7: sites/other.yaml exists and holds something else"});
  CHECK(refused(folder, sites({"name: x\n", "name: x\n"})) ==
        Lines{"answers.yaml:1:7: site `x` stands twice, also at answers.yaml:1:7"});
}

TEST_CASE("no name leads out of the folder", "[provisioning][inventory_writer]") {
  Folder folder;
  const Lines good_names = refused(folder, sites({"reboot: true\n"}));
  CHECK(good_names == Lines{"answers.yaml:1:1: `name` is missing"});
  for (const auto* name : {"../x", "a/b", ".hidden", "", "-c", "a b"}) {
    INFO(name);
    CHECK(refused(folder, sites({"name: \"" + std::string(name) + "\"\n"})).size() == 1);
  }
}

TEST_CASE("a mistake anywhere lets nothing land", "[provisioning][inventory_writer]") {
  Folder folder;
  CHECK(refused(folder, sites({"name: a\n", "name: b\nnetwork: {type: statik}\n"})) ==
        Lines{"answers.yaml:2:17: network.type must be dhcp or static, not `statik`"});
  Additions hosts;
  hosts.hosts.push_back(parsed("name: h1\nmacs: [\"52:54:00:aa:00:01\"]\nsite: nowhere\n"));
  CHECK(refused(folder, hosts) == Lines{"answers.yaml:3:7: no site is named `nowhere`"});
  folder.write("sites/bad.yaml", "nmae: bad\n");
  CHECK(refused(folder, sites({"name: a\n"})).size() == 1);
}

TEST_CASE("a host and the site that it goes to are written together",
          "[provisioning][inventory_writer]") {
  Folder folder;
  auto both = sites({"name: s\n"});
  both.hosts.push_back(parsed("name: h1\nmacs: [\"52:54:00:aa:00:01\"]\nsite: s\n"));
  write(folder, std::move(both));
  const auto loaded = load_inventory(folder.path());
  CHECK(loaded.good());
  CHECK(loaded.inventory.host("h1")->site == "s");
}

TEST_CASE("a replaced entry stays in its file, and no secret file is written over",
          "[provisioning][inventory_writer]") {
  Folder folder;
  write(folder, sites({"name: s\nstylus: {site: {edgeHostToken: old, prefix: p}}\n"}));
  std::filesystem::rename(folder.path() / "sites/s.yaml", folder.path() / "sites/of-old.yaml");
  write(folder, sites({"name: s\nstylus: {site: {edgeHostToken: new}}\n"}), Existing::replace);
  CHECK(files_of(folder) == Lines{"secrets 700", "secrets/s.edgeHostToken 600",
                                  "secrets/s.edgeHostToken.2 600", "sites 755",
                                  "sites/of-old.yaml 644"});
  CHECK(text_of(folder, "secrets/s.edgeHostToken") == "old\n");
  const auto inventory = load_inventory(folder.path()).inventory;
  CHECK(*inventory.site("s")->user_data.at("stylus.site.edgeHostToken")->revealed() == "new");
  CHECK(inventory.site("s")->user_data.at("stylus.site.prefix") == nullptr);

  write(folder, sites({"name: s\nstylus: {site: {edgeHostToken: new}}\n"}), Existing::replace);
  CHECK(files_of(folder).size() == 5);  // the same secret is not written again
}

TEST_CASE("a host of hosts.csv is not replaced", "[provisioning][inventory_writer]") {
  Folder folder;
  folder.write("hosts.csv", "name,serial\nh1,S1\n");
  Additions additions;
  additions.hosts.push_back(parsed("name: h1\nserial: S2\n"));
  const auto lines = refused(folder, additions, Existing::replace);
  CHECK(std::ranges::find(lines,
                          "answers.yaml:1:7: `h1` stands at hosts.csv:2:1, which is not replaced; "
                          "change it there") != lines.end());
}

TEST_CASE("what fails half-way is taken back whole", "[provisioning][inventory_writer]") {
  Folder folder;
  write(folder, sites({"name: a\nreboot: true\n"}));
  auto additions = sites({"name: a\nstylus: {site: {edgeHostToken: x}}\n", "name: b\n"});
  const auto checked = check_additions(folder.path(), additions, Existing::replace);
  REQUIRE(checked.draft);
  folder.write("sites/b.yaml", "name: b\n");  // somebody else was faster
  const auto before = files_of(folder);
  const auto written = write_additions(*checked.draft);
  REQUIRE_FALSE(written);
  CHECK(written.error().text().find("sites/b.yaml: File exists") != std::string::npos);
  CHECK(text_of(folder, "sites/a.yaml") == "name: a\nreboot: true\n");
  const auto after = files_of(folder);
  Lines added;
  std::ranges::set_difference(after, before, std::back_inserter(added));
  CHECK(added == Lines{"secrets 700"});  // empty
}

TEST_CASE("a secret that would not come back the same is refused before it is seen",
          "[provisioning][inventory_writer]") {
  Folder folder;
  const auto checked = check_additions(
      folder.path(), sites({"name: a\nchpasswd: {list: \"x:y\\r\"}\n"}), Existing::refuse);
  CHECK_FALSE(checked.draft);  // a site has no such key at its top
  const auto below = check_additions(
      folder.path(), sites({"name: a\nuser_data: {chpasswd: {list: \"x:y\\r\"}}\n"}),
      Existing::refuse);
  REQUIRE(below.draft);
  const auto written = write_additions(*below.draft);
  REQUIRE_FALSE(written);
  CHECK(written.error().text().ends_with("sites/a.yaml: it differs"));
  CHECK(load_inventory(folder.path()).inventory.sites.empty());
  CHECK(files_of(folder) == Lines{"secrets 700", "sites 755"});
}

TEST_CASE("a folder of secrets that a group may enter gets files that it may read",
          "[provisioning][inventory_writer]") {
  Folder folder;
  folder.write("secrets/x", "x", 0600);
  std::filesystem::permissions(folder.path() / "secrets",
                               static_cast<std::filesystem::perms>(0750));
  write(folder, sites({"name: s\nstylus: {site: {edgeHostToken: t}}\n"}));
  CHECK(files_of(folder) == Lines{"secrets 750", "secrets/s.edgeHostToken 640", "secrets/x 600",
                                  "sites 755", "sites/s.yaml 644"});
  CHECK(load_inventory(folder.path()).good());
}

}  // namespace slipway::provisioning
