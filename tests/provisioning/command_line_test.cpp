// What the kernels of installers of others are told, word for word; and what is refused.
#include "provisioning/command_line.hpp"

#include <fstream>
#include <iterator>

#include "provisioning/command_lint.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

// The digests of these files begin with the digits of these names.
const std::string kRootfs = Sha256::of("rootfs").text();
const std::string kIso = Sha256::of("iso").text();
const std::string kFirmware = Sha256::of("initrd2").text();

ThirdPartyInstaller installer_of(InstallerKind kind, const std::vector<std::string>& files) {
  ThirdPartyInstaller installer{.kind = kind, .set = {.name = "os@12.5", .kind = "generic"}};
  for (const auto& file : files) {
    installer.set.files.push_back({.name = file, .sha256 = Sha256::of(file), .octets = 1});
  }
  installer.disk = "/dev/sda";
  return installer;
}

ThirdPartyBoot boot_of(const ThirdPartyInstaller& installer) {
  return {.server = {.address = *Ipv4::parse("10.0.0.2"), .port = 8080},
          .mac = *Mac::parse("52:54:00:AA:00:01"),
          .token = "TOKEN",
          .installer = installer};
}

// The line, or why there is none.
std::string line_of(const ThirdPartyInstaller& installer) {
  const auto line = kernel_command_line(boot_of(installer));
  return line ? *line : "no line: " + line.error().text();
}

const std::vector<std::string> kLive{"kernel", "initrd", "rootfs"};

}  // namespace

TEST_CASE("each kind has its command line", "[provisioning][command_line]") {
  struct Row {
    InstallerKind kind;
    std::vector<std::string> files;
    std::string line;
  };
  const std::string kHost = "http://10.0.0.2:8080/h/TOKEN/";
  const std::string kArtifacts = "http://10.0.0.2:8080/artifacts/";
  const std::string kBootif = " BOOTIF=01-52-54-00-aa-00-01";
  const std::vector<Row> rows{
      {InstallerKind::kairos, kLive,
       "rd.neednet=1 ip=dhcp rd.cos.disable root=live:" + kArtifacts + kRootfs +
           "/rootfs.squashfs netboot install-mode config_url=" + kHost + "config" + kBootif +
           " console=tty1"},
      {InstallerKind::kairos,
       {"kernel", "initrd", "iso"},
       "rd.neednet=1 ip=dhcp rd.cos.disable root=live:" + kArtifacts + kIso +
           "/installer.iso rd.live.dir=/ rd.live.squashimg=rootfs.squashfs netboot install-mode "
           "config_url=" +
           kHost + "config" + kBootif + " console=tty1"},
      {InstallerKind::preseed,
       {"kernel", "initrd"},
       "auto=true priority=critical url=" + kHost + "config interface=auto" + kBootif},
      {InstallerKind::autoinstall,
       {"kernel", "initrd", "iso"},
       "autoinstall ds=nocloud-net;s=" + kHost + " url=" + kArtifacts + kIso +
           "/installer.iso cloud-config-url=/dev/null ip=dhcp" + kBootif},
      {InstallerKind::kickstart,
       {"kernel", "initrd", "images/install.img"},
       "inst.ks=" + kHost +
           "config inst.stage2=http://10.0.0.2:8080/i/os/12.5 inst.ks.sendmac "
           "inst.ks.sendsn ip=dhcp" +
           kBootif},
      {InstallerKind::kickstart,  // RHEL 7
       {"kernel", "initrd", "LiveOS/squashfs.img", ".treeinfo"},
       "inst.ks=" + kHost +
           "config inst.stage2=http://10.0.0.2:8080/i/os/12.5 inst.ks.sendmac "
           "inst.ks.sendsn ip=dhcp" +
           kBootif},
      {InstallerKind::ignition, kLive,
       "coreos.inst.install_dev=/dev/sda coreos.inst.ignition_url=" + kHost +
           "config coreos.live.rootfs_url=" + kArtifacts + kRootfs +
           "/rootfs.img ignition.firstboot ignition.platform.id=metal rd.neednet=1 ip=dhcp" +
           kBootif},
      {InstallerKind::talos,
       {"kernel", "initrd"},
       "talos.platform=metal talos.config=" + kHost +
           "config talos.halt_if_installed=1 init_on_alloc=1 slab_nomerge pti=on" + kBootif},
      {InstallerKind::generic, {"kernel", "initrd"}, kBootif.substr(1)},
  };
  for (const auto& row : rows) {
    auto installer = installer_of(row.kind, row.files);
    CHECK(line_of(installer) == row.line);
    CHECK(row.line.size() < kMaxCommandLineOctets);
    installer.cmdline = "quiet  loglevel=3";
    installer.consoles = {"tty0", "ttyS0,115200"};
    CHECK_THAT(line_of(installer),
               ContainsSubstring(" loglevel=3" + kBootif + " console=tty0 console=ttyS0,115200"));
  }
}

TEST_CASE("a command line names the values of its boot", "[provisioning][command_line]") {
  auto installer = installer_of(InstallerKind::generic, {"kernel", "initrd", "rootfs", "a b/c"});
  installer.set.cmdline = "boot=live fetch={{ file.rootfs }} x={{file.a b/c}}";
  installer.cmdline =
      "c={{ config_url }} s={{seed_url}} r={{ report_url }} b={{ server }} "
      "t={{ tree_url }}/x d={{ disk }} m={{ mac }}";
  CHECK(line_of(installer) ==
        "boot=live fetch=http://10.0.0.2:8080/artifacts/" + kRootfs +
            "/rootfs.squashfs x=http://10.0.0.2:8080/i/os/12.5/a%20b/c "
            "c=http://10.0.0.2:8080/h/TOKEN/config s=http://10.0.0.2:8080/h/TOKEN/ "
            "r=http://10.0.0.2:8080/h/TOKEN/report b=http://10.0.0.2:8080 "
            "t=http://10.0.0.2:8080/i/os/12.5/x d=/dev/sda m=52:54:00:aa:00:01 "
            "BOOTIF=01-52-54-00-aa-00-01");
}

TEST_CASE("a kind without its files has no command line", "[provisioning][command_line]") {
  struct Row {
    InstallerKind kind;
    std::string missing;
  };
  const std::vector<Row> rows{{InstallerKind::kairos, "rootfs (or iso)"},
                              {InstallerKind::autoinstall, "iso"},
                              {InstallerKind::kickstart, "images/install.img"},
                              {InstallerKind::ignition, "rootfs"}};
  for (const auto& row : rows) {
    auto installer = installer_of(row.kind, {"kernel", "initrd"});
    CHECK_THAT(line_of(installer), ContainsSubstring("has no " + row.missing));
  }
  auto installer = installer_of(InstallerKind::kickstart, {"kernel", "initrd"});
  installer.cmdline = "inst.repo=http://mirror/fedora";
  CHECK_THAT(line_of(installer), ContainsSubstring("inst.repo=http://mirror/fedora"));
  installer = installer_of(InstallerKind::ignition, kLive);
  installer.disk.clear();
  CHECK_THAT(line_of(installer), ContainsSubstring("the disk has no name"));
}

TEST_CASE("no value can leave its command line", "[provisioning][command_line]") {
  const std::vector<std::string> evil{"a\nshell",    "a\rb",          "a\tb c\x01", "x=${net0/mac}",
                                      "a || b",      "a && b",        "a ; b",      "#x",
                                      "'a'",         "\"a\"",         "a\\b",       "`a`",
                                      "caf\xc3\xa9", "{{ config_url", "initrd=x",   "BOOTIF=x"};
  for (const auto& text : evil) {
    INFO(text);
    CHECK_FALSE(mistakes_of_words(text).empty());
    auto by_profile = installer_of(InstallerKind::kairos, kLive);
    by_profile.cmdline = text;
    CHECK_THAT(line_of(by_profile), ContainsSubstring("no line: "));
    auto by_image = installer_of(InstallerKind::generic, kLive);
    by_image.set.cmdline = text;
    CHECK_THAT(line_of(by_image), ContainsSubstring("no line: image os@12.5: "));
  }
  auto by_disk = installer_of(InstallerKind::ignition, kLive);
  for (const auto* path : {"/dev/sda init=/bin/sh", "/dev/${x}", "/dev/sda\n"}) {
    by_disk.disk = path;
    CHECK_THAT(line_of(by_disk), ContainsSubstring("no line: "));
  }
  CHECK(mistakes_of_words("quiet ds=nocloud-net;s={{ seed_url }} --- a:b,c") == Lines{});
  CHECK(mistakes_of_words("a={{ config_ulr }}") ==
        Lines{"`config_ulr` is no value that a command line can name, as config_url, seed_url, "
              "report_url, server, tree_url, disk, mac or file.NAME; did you mean `config_url`?"});
}

TEST_CASE("scripts carry every initial ramdisk by a name of its own",
          "[provisioning][command_line]") {
  const auto installer =
      installer_of(InstallerKind::preseed, {"kernel", "initrd", "initrd2", "initrd4"});
  const auto boot = boot_of(installer);
  const auto script = script_of(boot);
  REQUIRE(script);
  const auto digest = [](const char* name) { return Sha256::of(name).text(); };
  CHECK(third_party_script(boot.server, *script) ==
        "#!ipxe\nkernel http://10.0.0.2:8080/artifacts/" + digest("kernel") +
            "/kernel initrd=initrd1.img initrd=initrd2.img auto=true priority=critical "
            "url=http://10.0.0.2:8080/h/TOKEN/config interface=auto "
            "BOOTIF=01-52-54-00-aa-00-01 || goto failed\n"
            "initrd --name initrd1.img http://10.0.0.2:8080/artifacts/" +
            digest("initrd") +
            "/initrd || goto failed\n"
            "initrd --name initrd2.img http://10.0.0.2:8080/artifacts/" +
            kFirmware +
            "/initrd2 || goto failed\n"
            "boot ||\n:failed\nimgfree\nsleep 5\n"
            "chain --replace http://10.0.0.2:8080/boot.ipxe ||\nsleep 15\n"
            "chain --replace http://10.0.0.2:8080/boot.ipxe ||\nexit 1\n");
  CHECK(third_party_grub_config(boot.server, *script) ==
        "linux (http,10.0.0.2:8080)/artifacts/" + digest("kernel") +
            "/kernel 'auto=true' 'priority=critical' "
            "'url=http://10.0.0.2:8080/h/TOKEN/config' 'interface=auto' "
            "'BOOTIF=01-52-54-00-aa-00-01'\n"
            "initrd (http,10.0.0.2:8080)/artifacts/" +
            digest("initrd") + "/initrd (http,10.0.0.2:8080)/artifacts/" + kFirmware +
            "/initrd2\nboot\n");
}

// Each kind as it boots, with every file that its images have. Kept beside each other, so that a
// change of one shows in the review.
TEST_CASE("the scripts of each kind are as they are kept", "[provisioning][command_line][golden]") {
  struct Row {
    std::string name;
    InstallerKind kind;
    std::vector<std::string> files;
    std::string cmdline;
  };
  const auto row = GENERATE(
      Row{"kairos", InstallerKind::kairos, kLive, "rd.immucore.sysrootwait=600"},
      Row{"preseed", InstallerKind::preseed, {"kernel", "initrd", "initrd2"}, "--- quiet"},
      Row{"autoinstall", InstallerKind::autoinstall, {"kernel", "initrd", "iso"}, ""},
      Row{"kickstart", InstallerKind::kickstart, {"kernel", "initrd", "images/install.img"}, ""},
      Row{"ignition", InstallerKind::ignition, kLive, ""},
      Row{"talos", InstallerKind::talos, {"kernel", "initrd"}, ""},
      Row{"generic", InstallerKind::generic, kLive,
          "boot=live fetch={{ file.rootfs }} ds=nocloud-net;s={{ seed_url }}"});
  INFO(row.name);
  auto installer = installer_of(row.kind, row.files);
  installer.cmdline = row.cmdline;
  const auto boot = boot_of(installer);
  const auto script = script_of(boot);
  REQUIRE(script);
  const auto kept = [&](const std::string& ending) {
    std::ifstream file(std::string(SLIPWAY_SOURCE_DIR) + "/tests/golden/boot/" + row.name + ending,
                       std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  CHECK(third_party_script(boot.server, *script) == kept(".ipxe"));
  CHECK(third_party_grub_config(boot.server, *script) == kept(".grub.cfg"));
}

TEST_CASE("a command line that cannot work is refused with its remedy",
          "[provisioning][command_line][lint]") {
  struct Row {
    InstallerKind kind;
    std::string image_kind, line, said;  // nothing said: it can work
  };
  const std::string kGood = "root=live:http://s/r netboot install-mode config_url=http://s/h/t/c";
  const std::vector<Row> rows{
      {InstallerKind::kairos, "kairos", kGood, ""},
      {InstallerKind::kairos, "kairos",
       "root=live:http://s/r netboot nodepair.enable config_url=http://s/h/t/c", ""},
      {InstallerKind::kairos, "kairos", "root=live:u install-mode config_url=u", "lacks `netboot`"},
      {InstallerKind::kairos, "kairos", "root=live:u netboot config_url=u",
       "lacks `install-mode` and `nodepair.enable`"},
      {InstallerKind::kairos, "kairos", "root=live:u netbooted install-mode config_url=u",
       "lacks `netboot`"},
      {InstallerKind::kairos, "generic", "netboot install-mode config_url=u",
       "lacks `root=live:URL`"},
      {InstallerKind::generic, "kairos", "root=live:u netboot install-mode /h/",
       "lacks `config_url=`"},
      {InstallerKind::generic, "generic", "url=http://s/h/t/config", ""},
      {InstallerKind::generic, "generic", "quiet", "nothing on the command line says where"},
      {InstallerKind::autoinstall, "ubuntu", "ds=nocloud-net;s=http://s/h/t/", ""},
      {InstallerKind::autoinstall, "ubuntu", "ds=nocloud-net;s=http://s/h/t",
       "must end in a slash"},
      {InstallerKind::generic, "generic", "ds=nocloud;s=http://s/h/t", "must end in a slash"},
      {InstallerKind::generic, "generic", "ds=nocloud /h/", "does not say from where"},
      {InstallerKind::preseed, "debian", "url=a auto=true url=b", "`url=` stands 2 times"},
      {InstallerKind::preseed, "debian", "auto=true " + std::string(2037, 'x'), ""},
      {InstallerKind::preseed, "debian", "auto=true " + std::string(2038, 'x'),
       "has 2048 octets, and the kernel cuts it off after 2047"},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    const auto said = lint_command_line(row.kind, row.image_kind, row.line);
    if (row.said.empty()) {
      CHECK(said == Lines{});
    } else {
      REQUIRE(said.size() == 1);
      CHECK_THAT(said.front(), ContainsSubstring(row.said));
    }
  }
}

TEST_CASE("the header of a config stands in its first ten lines",
          "[provisioning][command_line][lint]") {
  CHECK(has_cloud_config_header("#cloud-config\na: 1\n"));
  CHECK(has_cloud_config_header("\n\n\n\n\n\n\n\n\n#cloud-config"));
  CHECK(has_cloud_config_header("# x\r\n#cloud-config \r\n"));
  CHECK_FALSE(has_cloud_config_header("\n\n\n\n\n\n\n\n\n\n#cloud-config\n"));
  CHECK_FALSE(has_cloud_config_header(" #cloud-config\n"));
  CHECK_FALSE(has_cloud_config_header("#cloud-configs\n"));
  CHECK_FALSE(has_cloud_config_header(""));
}

}  // namespace slipway::provisioning
