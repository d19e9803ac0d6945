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

TEST_CASE("an installer of others is described by its image, words, console and time",
          "[provisioning][template]") {
  Folder folder;
  const auto at = [&](const std::string& settings) {
    return mistakes_of(folder,
                       "installer: {kind: preseed, " + settings + "}\ntemplate: templates/t\n",
                       "{{ report_url }}\n");
  };
  CHECK(
      at("image: d@12, cmdline: \"quiet x={{ config_url }}\", console: [tty0, \"ttyS0,115200n8\"], "
         "timeout: 2h") == Lines{});
  const auto loaded = load_inventory(folder.path());
  const auto* profile = loaded.inventory.profile("p");
  REQUIRE(profile != nullptr);
  CHECK(profile->image == "d@12");
  CHECK(profile->cmdline == "quiet x={{ config_url }}");
  CHECK(profile->consoles == Lines{"tty0", "ttyS0,115200n8"});
  CHECK(profile->report_within == std::chrono::hours(2));
  CHECK(at("cmdline: \"a=${b}\"") ==
        Lines{"profiles/p.yaml:1:37: `a=${b}` would be replaced by iPXE; a command line has no "
              "`${`, write {{ name }}"});
  CHECK(at("cmdline: \"initrd=b\"") ==
        Lines{"profiles/p.yaml:1:37: `initrd=b`: the server writes `initrd=` itself"});
  CHECK(at("console: \"ttyS0 x\"") ==
        Lines{"profiles/p.yaml:1:37: `ttyS0 x` is no console; write tty0 or \"ttyS0,115200\""});
  CHECK(mistakes_of(folder, "installer: {kind: flash, image: i@1, cmdline: quiet}\n") ==
        Lines{"profiles/p.yaml:1:38: the installer flash takes no `cmdline`; only installers of "
              "others do"});
}

TEST_CASE("a template whose installer never reports is a mistake where it is to be booted",
          "[provisioning][template]") {
  Folder folder;
  const auto of = [&](const std::string& kind, const std::string& text) {
    return mistakes_of(
        folder, "installer: {kind: " + kind + ", image: d@12}\ntemplate: templates/t\n", text);
  };
  CHECK(of("preseed", "d-i a/b string {{ report_url }}\n").empty());
  CHECK(
      of("preseed", "{% if false %}{{ report_url }}{% end %}\n") ==
      Lines{"profiles/p.yaml:2:11: the template does not use `report_url`, so no installation "
            "would ever end; let the installer post {\"state\":\"installed\"} to {{ report_url }} "
            "when it is through"});
  CHECK(of("talos", "a: b\n").empty());  // it has nothing that could
}

TEST_CASE("Kairos is told to report, once and behind the stages of the user-data",
          "[provisioning][userdata]") {
  Folder folder;
  const auto mistakes = mistakes_of(folder,
                                    "installer: {kind: kairos, image: k@1}\n"
                                    "disk: {select: [{path: /dev/vda}]}\n"
                                    "user_data:\n  install: {auto: true}\n  stages:\n"
                                    "    kairos-install.after: [{name: own}]\n");
  CHECK(mistakes == Lines{});
  const auto loaded = load_inventory(folder.path());
  const auto& inventory = loaded.inventory;
  const Subject subject{inventory, *inventory.host("h1"), *inventory.profile("p"), nullptr};
  const auto config = render_config(subject, kReport);
  REQUIRE(config);
  CHECK(
      *config ==
      "#cloud-config\n"
      "install:\n  auto: true\n  poweroff: true\n  device: /dev/vda\n"
      "stages:\n  kairos-install.after:\n    - name: own\n"
      "    - name: \"Report to the boot server\"\n      commands:\n"
      "        - \"curl -fsS --retry 10 --retry-connrefused -d '{\\\"state\\\":\\\"installed\\\"}' "
      "http://10.0.0.1:8080/h/TOKEN/report || wget -q -O - "
      "--post-data='{\\\"state\\\":\\\"installed\\\"}' http://10.0.0.1:8080/h/TOKEN/report\"\n"
      "hostname: h1\nconfig_url: \"\"\n");
}

TEST_CASE("cloud-init is told to report where an installer of others reads it",
          "[provisioning][userdata]") {
  Folder folder;
  const auto config_of = [&](const std::string& user_data) {
    CHECK(mistakes_of(folder,
                      "installer: {kind: autoinstall, image: u@1}\nformat: cloud-init\n"
                      "user_data: " +
                          user_data + "\n") == Lines{});
    const auto loaded = load_inventory(folder.path());
    const auto& inventory = loaded.inventory;
    const Subject subject{inventory, *inventory.host("h1"), *inventory.profile("p"), nullptr};
    const auto seed = render_seed(subject, "h1-1", Secrets::revealed, kReport);
    REQUIRE(seed);
    CHECK(render_config(subject, kReport).value() == seed->user_data);
    return seed->user_data;
  };
  CHECK_THAT(config_of("{autoinstall: {version: 1, late-commands: [a]}}"),
             ContainsSubstring("late-commands:\n    - a\n    - - curl\n      - \"-fsS\"\n"));
  CHECK_THAT(config_of("{runcmd: [a]}"), ContainsSubstring("runcmd:\n  - a\n  - - curl\n"));
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
