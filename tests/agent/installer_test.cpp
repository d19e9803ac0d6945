#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "base/crypto.hpp"
#include "base/json.hpp"
#include "base/tool.hpp"
#include "service/installer_build.hpp"
#include "service/installer_firmware.hpp"
#include "service/installer_kernel.hpp"
#include "service/installer_modules.hpp"
#include "tests/agent/fake_root.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::service;
using slipway::test::FakeRoot;

namespace {

using Files = std::vector<std::string>;

const ModuleTables::Texts kTexts = {
    "kernel/net/e1000e.ko: kernel/ptp/ptp.ko\nkernel/ptp/ptp.ko: kernel/ptp/pps-core.ko\n"
    "kernel/ptp/pps-core.ko:\nkernel/net/r8169.ko.xz:\nkernel/net/phy/realtek.ko.xz:\n"
    "kernel/crypto/crct10dif-pclmul.ko:\nkernel/crypto/crct10dif_common.ko:\n"
    "kernel/lib/crc-t10dif.ko:\n",
    "softdep r8169 pre: realtek\nsoftdep crc_t10dif pre: crct10dif post: not_here\n",
    "alias pci:v00008086d* e1000e\nalias crct10dif crct10dif_pclmul\n"
    "alias crct10dif crct10dif_common\n",
    "kernel/drivers/char/tpm/tpm-tis.ko\n"};

Bytes file_octets(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void section(Writer& out, std::uint32_t name, std::uint32_t type, std::size_t offset,
             std::size_t octets) {
  out.le32(name);
  out.le32(type);
  out.le64(0);
  out.le64(0);
  out.le64(offset);
  out.le64(octets);
  out.le32(0);
  out.le32(0);
  out.le64(1);
  out.le64(0);
}

// The least ELF object (gABI ch. 4) that kmod takes for a module: header, .modinfo, names, table.
Bytes make_module() {
  constexpr std::string_view kInfo("license=GPL\0name=a\0", 19);
  constexpr std::string_view kNames("\0.modinfo\0.shstrtab\0", 21);
  constexpr std::size_t kHeader = 64, kTable = kHeader + 40;
  Bytes object(kTable + std::size_t{3} * 64);
  Writer out(object);
  out.text(
      "\x7f"
      "ELF\x02\x01\x01");
  out.fill(9);
  out.le16(1);   // relocatable
  out.le16(62);  // x86-64
  out.le32(1);
  out.le64(0);
  out.le64(0);
  out.le64(kTable);
  out.le32(0);
  out.le16(kHeader);
  out.le16(0);
  out.le16(0);
  out.le16(64);  // one section header
  out.le16(3);   // of them
  out.le16(2);   // the names' section
  out.text(kInfo);
  out.text(kNames);
  section(out, 0, 0, 0, 0);
  section(out, 1, 1, kHeader, kInfo.size());
  section(out, 10, 3, kHeader + kInfo.size(), kNames.size());
  return object;
}

// A kernel's folder with one module, enough for depmod and modinfo to accept.
InstallerOptions small_installer(const FakeRoot& root, const std::string& output) {
  root.file("vmlinuz", "the kernel");
  root.file("agent", "the agent");
  root.file("busybox", "busybox");
  for (const auto* table : {"modules.dep", "modules.softdep", "modules.alias", "modules.order",
                            "modules.builtin", "modules.builtin.modinfo"}) {
    root.file(std::string("lib/modules/6.1.0-1-amd64/") + table, "");
  }
  root.file("lib/modules/6.1.0-1-amd64/modules.dep", "kernel/a.ko:\n");
  root.file("lib/modules/6.1.0-1-amd64/kernel/a.ko", as_text(make_module()));
  InstallerOptions options;
  options.kernel.kernel = root.path() / "vmlinuz";
  options.kernel.modules = root.path() / "lib/modules/6.1.0-1-amd64";
  options.drivers = {"a"};
  options.agent = root.path() / "agent";
  options.busybox = root.path() / "busybox";
  options.firmware = root.path() / "firmware";
  options.output = root.path() / output;
  options.tools = {};
  return options;
}

// Whether the unpacked archive holds `text` anywhere.
bool archive_holds(const std::filesystem::path& archive, const std::string& text) {
  return call_tool({.arguments = {"/bin/sh", "-c", "zstd -dc \"$0\" | grep -aqF -e \"$1\"", archive,
                                  text}})
             ->code == 0;
}

}  // namespace

TEST_CASE("a driver brings what it needs, hard, soft and by alias", "[service][installer]") {
  const ModuleTables tables(kTexts);
  struct Row {
    const char* why;
    Files names, files, unknown;
  };
  const auto row = GENERATE(values<Row>({
      {"two levels of dependencies",
       {"e1000e"},
       {"kernel/net/e1000e.ko", "kernel/ptp/pps-core.ko", "kernel/ptp/ptp.ko"},
       {}},
      {"soft dependency",
       {"r8169"},
       {"kernel/net/phy/realtek.ko.xz", "kernel/net/r8169.ko.xz"},
       {}},
      {"'-' and '_' are the same, an alias may mean two, a missing soft one is no matter",
       {"crc-t10dif"},
       {"kernel/crypto/crct10dif-pclmul.ko", "kernel/crypto/crct10dif_common.ko",
        "kernel/lib/crc-t10dif.ko"},
       {}},
      {"built in", {"tpm_tis"}, {}, {}},
      {"unknown", {"nonesuch"}, {}, {"nonesuch"}},
      {"twice is once",
       {"r8169", "r8169"},
       {"kernel/net/phy/realtek.ko.xz", "kernel/net/r8169.ko.xz"},
       {}},
  }));
  INFO(row.why);
  Files unknown;
  CHECK(tables.files(row.names, unknown) == row.files);
  CHECK(unknown == row.unknown);
}

TEST_CASE("a module's name has no folder, no suffix and no hyphen", "[service][installer]") {
  CHECK(module_name("kernel/ptp/pps-core.ko.xz") == "pps_core");
  CHECK(module_name("a.ko") == "a");
}

TEST_CASE("cloud, real-time and unsigned kernels are not taken", "[service][installer]") {
  CHECK(is_plain_kernel("6.1.0-56-amd64"));
  CHECK_FALSE(is_plain_kernel("6.1.0-56-cloud-amd64"));
  CHECK_FALSE(is_plain_kernel("6.1.0-56-rt-amd64"));
  CHECK_FALSE(is_plain_kernel("6.1.0-56-amd64-unsigned"));
  CHECK_FALSE(is_plain_kernel("6.1.0-56-686"));
  CHECK_FALSE(is_plain_kernel("amd64"));
  CHECK(is_older("6.1.0-9-amd64", "6.1.0-10-amd64"));
  CHECK_FALSE(is_older("6.12.1-amd64", "6.1.0-99-amd64"));
}

TEST_CASE("half an override of the kernel is refused", "[service][installer]") {
  KernelChoice choice;
  choice.kernel = "/bin/true";
  const auto kernel = find_kernel(choice, [](const std::string&) {});
  REQUIRE_FALSE(kernel);
  CHECK_THAT(kernel.error().text(), ContainsSubstring("--modules"));
}

TEST_CASE("firmware is taken as far as it exists and fits, and the rest is said",
          "[service][installer]") {
  const FakeRoot root;
  root.file("intel/ice/ddp/ice-1.3.pkg", std::string(100, 'x'));
  root.file("rtl_nic/a.fw", std::string(10, 'x'));
  root.file("rtl_nic/b.fw", std::string(1000, 'x'));
  const FirmwareNeeds needs = {{"ice", {"intel/ice/ddp/*.pkg"}},
                               {"r8169", {"rtl_nic/a.fw", "rtl_nic/b.fw", "rtl_nic/c.fw"}},
                               {"tg3", {"tigon/tg3.bin"}}};
  const auto chosen = choose_firmware(needs, root.path(), 200);
  CHECK(chosen.files == Files{"intel/ice/ddp/ice-1.3.pkg", "rtl_nic/a.fw"});
  REQUIRE(chosen.remarks.size() == 2);
  CHECK_THAT(chosen.remarks[0], ContainsSubstring("for tg3."));
  CHECK_THAT(chosen.remarks[1], ContainsSubstring("rtl_nic/b.fw"));
}

TEST_CASE("the same inputs give the same installer, octet for octet", "[service][installer]") {
  const FakeRoot root;
  const auto say = [](const std::string&) {};
  const auto first = build_installer(small_installer(root, "out1"), say);
  if (!first) FAIL(first.error().text());
  const auto second = build_installer(small_installer(root, "out2"), say);
  REQUIRE(second);
  for (const auto* name : {"vmlinuz", "initramfs.img", "installer.json"}) {
    INFO(name);
    CHECK(root.text(std::string("out1/") + name) == root.text(std::string("out2/") + name));
  }
  CHECK(file_octets(root.path() / "out1/initramfs.img").size() % 512 == 0);
  CHECK(root.text("out1/vmlinuz") == "the kernel");
}

TEST_CASE("neither folders nor times of a build are in its result", "[service][installer]") {
  const FakeRoot one, other;
  const auto say = [](const std::string&) {};
  auto options = small_installer(one, "out");
  options.tools = {{"e2fsck", "e2fsprogs", ""}};
  REQUIRE(build_installer(options, say));
  options = small_installer(other, "elsewhere/out");
  options.tools = {{"e2fsck", "e2fsprogs", ""}};
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::days(1000);
  for (const auto* file : {"agent", "busybox", "lib/modules/6.1.0-1-amd64/kernel/a.ko"}) {
    std::filesystem::last_write_time(other.path() / file, long_ago);
    std::filesystem::permissions(other.path() / file, std::filesystem::perms::owner_all);
  }
  const auto mask = ::umask(077);
  const auto built = build_installer(options, say);
  ::umask(mask);
  REQUIRE(built);
  const auto archive = other.path() / "elsewhere/out/initramfs.img";
  CHECK(file_octets(one.path() / "out/initramfs.img") == file_octets(archive));
  CHECK(archive_holds(archive, "bin/e2fsck"));  // the search finds what is there
  CHECK_FALSE(archive_holds(archive, one.path()));
  CHECK_FALSE(archive_holds(archive, other.path()));
}

TEST_CASE("a missing tool is said while the installer is built", "[service][installer]") {
  const FakeRoot root;
  auto options = small_installer(root, "out");
  options.tools = {{"no-such-tool", "its-package", "grow"}};
  Files said;
  REQUIRE(build_installer(options, [&](const std::string& line) { said.push_back(line); }));
  CHECK(std::ranges::any_of(said, [](const std::string& line) {
    return line.find("install its-package") != std::string::npos;
  }));
}

TEST_CASE("installer.json names version, digests and parts", "[service][installer]") {
  const FakeRoot root;
  const auto built = build_installer(small_installer(root, "out"), [](const std::string&) {});
  REQUIRE(built);
  const auto document = parse_json(root.text("out/installer.json"));
  REQUIRE(document);
  const JsonView view(*document);
  CHECK(view.text_or("kernel_version", "") == "6.1.0-1-amd64");
  CHECK(view.text_or("vmlinuz_sha256", "") == Sha256::of("the kernel").text());
  CHECK(view.text_or("initramfs_sha256", "") ==
        Sha256::of(file_octets(root.path() / "out/initramfs.img")).text());
  CHECK_THAT(size_table(*built), ContainsSubstring("download"));
}

TEST_CASE("a failed build leaves the earlier installer as it was", "[service][installer]") {
  const FakeRoot root;
  const auto say = [](const std::string&) {};
  auto options = small_installer(root, "out");
  REQUIRE(build_installer(options, say));
  const auto before = root.text("out/installer.json");
  options.add_firmware = {"missing.fw"};
  CHECK_FALSE(build_installer(options, say));
  options.add_firmware = {};
  options.drivers = {"nonesuch"};
  CHECK_FALSE(build_installer(options, say));
  CHECK(root.text("out/installer.json") == before);
}
