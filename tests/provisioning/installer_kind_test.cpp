#include "provisioning/installer_kind.hpp"

#include "provisioning/recipe.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

constexpr auto kHost = "macs: [\"52:54:00:aa:00:01\"]\nprofile: p\n";
constexpr auto kReport = "http://10.0.0.1:8080/h/TOKEN/report";

// The mistakes of an inventory with this profile, a template t, and a host that has both.
Lines mistakes_of(Folder& folder, const std::string& profile, const std::string& text = "x\n") {
  folder.write("templates/t", text);
  folder.write("profiles/p.yaml", profile);
  folder.write("hosts/h1.yaml", kHost);
  return folder.lines(load_inventory(folder.path()).mistakes, false);
}

}  // namespace

TEST_CASE("the format follows from the installer, or fits it", "[provisioning][template]") {
  struct Row {
    const char* profile;
    const char* format;  // or the mistake
  };
  const std::vector<Row> rows{
      {"installer: {kind: flash, image: i@1}\n", "cloud-init"},
      {"installer: {kind: kairos}\n", "kairos"},
      {"installer: {kind: preseed}\ntemplate: templates/t\n", "preseed"},
      {"installer: {kind: autoinstall}\nformat: cloud-init\n", "cloud-init"},
      {"installer: {kind: kickstart}\ntemplate: templates/t\n", "kickstart"},
      {"installer: {kind: talos}\ntemplate: templates/t\n", "yaml"},
      {"installer: {kind: generic}\ntemplate: templates/t\n", "generic"},
      {"installer: {kind: flash, image: i@1}\nformat: preseed\ntemplate: templates/t\n",
       "profiles/p.yaml:2:9: the installer flash cannot read format preseed; it reads cloud-init "
       "or "
       "kairos"},
      {"installer: {kind: preseed}\nformat: kickstart\ntemplate: templates/t\n",
       "profiles/p.yaml:2:9: the installer preseed cannot read format kickstart; it reads preseed"},
      {"installer: {kind: preseed}\n",
       "profiles/p.yaml:1:1: format preseed needs a template: `template: templates/FILE`"},
      {"installer: {kind: kairos}\ntemplate: templates/t\n",
       "profiles/p.yaml:2:11: format kairos is made without a template"},
  };
  for (const auto& row : rows) {
    INFO(row.profile);
    Folder folder;
    const auto mistakes = mistakes_of(folder, row.profile);
    const auto loaded = load_inventory(folder.path());
    const auto* profile = loaded.inventory.profile("p");
    REQUIRE(profile != nullptr);
    CHECK((mistakes.empty() ? std::string(name_of(profile->format)) : mistakes.front()) ==
          row.format);
  }
}

TEST_CASE("a template lies in the inventory folder and is a file", "[provisioning][template]") {
  const auto at = [](const std::string& name) {
    return "installer: {kind: preseed}\ntemplate: " + name + "\n";
  };
  Folder outside;
  const auto secret = outside.write("secret", "x");
  Folder folder;
  folder.write("templates/t", "x");
  std::filesystem::create_symlink(secret, folder.path() / "templates/link");
  CHECK(mistakes_of(folder, at("templates/t")).empty());
  CHECK(mistakes_of(folder, at("templates/../../x")) ==
        Lines{"profiles/p.yaml:2:11: `templates/../../x` must be relative to the inventory folder "
              "and inside it"});
  CHECK(mistakes_of(folder, at("/etc/hostname")) ==
        Lines{"profiles/p.yaml:2:11: `/etc/hostname` must be relative to the inventory folder and "
              "inside it"});
  CHECK(mistakes_of(folder, at("templates/link")) ==
        Lines{"profiles/p.yaml:2:11: `templates/link` leads out of the inventory folder"});
  CHECK(mistakes_of(folder, at("templates")) ==
        Lines{"profiles/p.yaml:2:11: there is no file `templates` in the inventory folder"});
}

TEST_CASE("mistakes of a template are mistakes of the inventory", "[provisioning][template]") {
  const std::string profile = "installer: {kind: preseed}\ntemplate: templates/t\n";
  Folder folder;
  CHECK(mistakes_of(folder, profile, "a\n {{ host.nme }}\n{% if true %}\n") ==
        Lines{"templates/t:2:5: `host` has no `nme`; did you mean `name`?",
              "templates/t:3:3: this block has no {% end %}"});
  CHECK(mistakes_of(folder, profile, "d-i a/b string {{ user_data.no_such }}\n") ==
        Lines{"templates/t:1:19: there is no `user_data.no_such`; guard it with {% if %} (host "
              "h1)"});
}

TEST_CASE("a changed template is a changed profile", "[provisioning][template]") {
  const std::string profile = "installer: {kind: preseed}\ntemplate: templates/t\n";
  Folder folder;
  CHECK(mistakes_of(folder, profile, "a\n").empty());
  const auto before = load_inventory(folder.path());
  folder.write("templates/t", "b\n");
  const auto after = load_inventory(folder.path());
  CHECK(digest_of(*before.inventory.profile("p")) != digest_of(*after.inventory.profile("p")));
}

TEST_CASE("a host with the installer of others cannot be armed yet", "[provisioning][template]") {
  Depot depot;
  depot.inventory.profiles.at(0).installer = InstallerKind::kairos;
  depot.inventory.profiles.at(0).format = UserDataFormat::kairos;
  depot.provisioning->use_inventory(std::make_shared<const Inventory>(depot.inventory));
  depot.settle();
  const auto answer = depot.order("/api/v1/hosts/h1/arm");
  CHECK(answer.status == 422);
  CHECK(member(answer, "detail") ==
        "profile edge@1.0.0 has the installer kairos, which this version renders for but does not "
        "boot; only flash can be armed.");
}

TEST_CASE("the server serves the octets that render shows", "[provisioning][userdata]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for("52:54:00:aa:00:01");
  CHECK(depot.session_for(token) != "");
  depot.settle();
  const auto recipe =
      recipe_of(depot.host("h1"), std::make_shared<const Inventory>(depot.inventory));
  REQUIRE(recipe);
  const auto seed = render_seed(recipe->subject(), "h1-1");
  REQUIRE(seed);
  const auto served = [&](const char* file) { return text_of(depot.ask("/h/" + token + file)); };
  CHECK(served("/user-data") == seed->user_data);
  CHECK(served("/meta-data") == seed->meta_data);
  CHECK(served("/vendor-data") == seed->vendor_data);
  CHECK(served("/network-config") == seed->network_config);
  const auto config = render_config(recipe->subject(), kReport);
  REQUIRE(config);
  CHECK(served("/config") == *config);
}

// tests/service/test_stock_parsers.py reads the same files with the programs that they are for.
TEST_CASE("the example templates render as they are kept", "[provisioning][template][golden]") {
  Folder folder;
  const std::filesystem::path root(SLIPWAY_SOURCE_DIR);
  std::filesystem::copy(root / "deploy/examples/inventory", folder.path(),
                        std::filesystem::copy_options::recursive);
  for (const auto& file : std::filesystem::directory_iterator(folder.path() / "secrets")) {
    std::filesystem::permissions(file.path(), static_cast<std::filesystem::perms>(0600));
  }
  const auto loaded = load_inventory(folder.path());
  REQUIRE(folder.lines(loaded.mistakes, false).empty());
  const auto& inventory = loaded.inventory;
  const auto name =
      GENERATE("debian-preseed", "ubuntu-autoinstall", "fedora-kickstart", "fcos-ignition");
  INFO(name);
  const auto* profile = inventory.profile(name);
  REQUIRE(profile != nullptr);
  const Subject subject{inventory, *inventory.host("h1"), *profile, inventory.site("store-0042")};
  const auto text = render_config(subject, kReport);
  if (!text) FAIL(text.error().text());
  std::ifstream kept(root / "tests/golden" / name, std::ios::binary);
  CHECK(*text == std::string{std::istreambuf_iterator<char>(kept), {}});
}

}  // namespace slipway::provisioning
