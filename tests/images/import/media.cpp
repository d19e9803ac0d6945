#include "tests/images/import/media.hpp"

#include <filesystem>

#include "tests/support/catch.hpp"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;

std::string zeros(std::size_t octets) { return std::string(octets, '\0'); }

void put(std::string& text, std::size_t at, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) text[at + i] = static_cast<char>(value >> (8 * i));
}

// Both-endian numbers of ECMA-119 s.7.2.3, s.7.3.3.
std::string both(std::uint32_t value, std::size_t octets) {
  std::string text = zeros(2 * octets);
  put(text, 0, value, octets);
  for (std::size_t i = 0; i < octets; ++i) text[octets + i] = text[octets - 1 - i];
  return text;
}

std::string record(const RawRecord& one) {
  std::string text = zeros(2) + both(one.sector, 4) + both(one.octets, 4) + zeros(7);
  text += static_cast<char>(one.flags);
  text += zeros(2) + both(1, 2);
  text += static_cast<char>(one.name.size());
  text += one.name;
  if (one.name.size() % 2 == 0) text += '\0';
  text += one.system_use;
  if (text.size() % 2 == 1) text += '\0';
  text[0] = static_cast<char>(one.length < 0 ? static_cast<int>(text.size()) : one.length);
  return text;
}

std::string field(const std::string& name, const std::string& content) {
  return name + static_cast<char>(content.size() + 4) + '\1' + content;
}

void place(Bytes& out, std::uint32_t sector, std::string_view content) {
  const auto at = std::size_t{sector} * 2048;
  REQUIRE(at + content.size() <= out.size());
  std::ranges::copy(content, out.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

std::string fake_kernel(const std::string& version) {
  std::string text = zeros(2048 + 1024);  // setup of 1 + 3 sectors, then 64 paragraphs
  text[0x1f1] = 3;
  put(text, 0x1f4, 64, 4);
  put(text, 0x1fe, 0xaa55, 2);
  text.replace(0x202, 4, "HdrS");
  put(text, 0x206, 0x020f, 2);
  put(text, 0x20e, 0x300 - 0x200, 2);
  text[0x211] = 1;
  text.replace(0x300, version.size(), version);
  return text;
}

std::string fake_squashfs(std::size_t octets) {
  std::string text = zeros(std::max<std::size_t>(octets, 96));
  text.replace(0, 4, "hsqs");
  put(text, 28, 4, 2);
  put(text, 40, text.size(), 8);
  return text;
}

std::string fake_erofs(std::uint32_t blocks) {
  std::string text = zeros(std::size_t{4096} * blocks);
  put(text, 1024, 0xe0f5e1e2, 4);
  text[1024 + 12] = 12;
  put(text, 1024 + 36, blocks, 4);
  return text;
}

std::string fake_initrd() { return "\x1f\x8b\x08" + std::string(600, 'i'); }

void write_layout(const std::string& folder, const Layout& layout) {
  for (const auto& [path, content] : layout) {
    fs::create_directories(fs::path(folder + "/" + path).parent_path());
    write_file(folder + "/" + path, as_bytes(content));
  }
}

void must_run(const std::string& command) {
  const auto result = run_command(command + " 2>&1");
  INFO(command << ": " << result.output);
  REQUIRE(result.exit_code == 0);
}

std::string make_medium(const ScratchFolder& scratch, const std::string& name, const Layout& layout,
                        const std::string& options) {
  write_layout(scratch.path(name + ".d"), layout);
  const auto medium = scratch.path(name);
  must_run("xorrisofs -quiet " + options + " -o " + medium + " " + scratch.path(name + ".d"));
  return medium;
}

const std::map<std::string, Layout>& known_layouts() {
  static const std::map<std::string, Layout> layouts = {
      {"kairos",
       {{"boot/kernel", fake_kernel()},
        {"boot/initrd", fake_initrd()},
        {"rootfs.squashfs", fake_squashfs()},
        {"boot/grub2/grub.cfg", "set timeout=5\n"},
        {"config.yaml", "#cloud-config\n"},
        {"opt/spectrocloud/content/core.zst", "bundle"},
        {"opt/spectrocloud/content/core.zst.aa", "part"},
        {"opt/spectrocloud/content/Readme.txt", "read me"}}},
      {"debian",
       {{"install.amd/vmlinuz", fake_kernel()},
        {"install.amd/initrd.gz", fake_initrd()},
        {"install.amd/gtk/vmlinuz", fake_kernel()},
        {"install.amd/gtk/initrd.gz", fake_initrd() + "gtk"},
        {"pool/main/a/a.deb", "!<arch>"}}},
      {"debian-live",
       {{"live/vmlinuz-6.1.0-9-amd64", fake_kernel("6.1.0-9-amd64")},
        {"live/vmlinuz-6.1.0-28-amd64", fake_kernel("6.1.0-28-amd64")},
        {"live/initrd.img-6.1.0-9-amd64", fake_initrd()},
        {"live/initrd.img-6.1.0-28-amd64", fake_initrd() + "new"},
        {"live/filesystem.squashfs", fake_squashfs()}}},
      {"ubuntu",
       {{"casper/vmlinuz", fake_kernel()},
        {"casper/initrd",
         "070701" + std::string(100, '0') + "kernel/x86/microcode/AuthenticAMD.bin"},
        {"casper/ubuntu-server-minimal.squashfs", fake_squashfs()},
        {".disk/info", "Ubuntu-Server 24.04"}}},
      {"fedora",
       {{"images/pxeboot/vmlinuz", fake_kernel()},
        {"images/pxeboot/initrd.img", fake_initrd()},
        {"images/install.img", fake_erofs()},
        {".treeinfo", "[general]\n"},
        {".discinfo", "1\n"}}},
      {"fcos",
       {{"images/pxeboot/vmlinuz", fake_kernel()},
        {"images/pxeboot/initrd.img", fake_initrd()},
        {"images/pxeboot/rootfs.img", "070701" + std::string(4000, '0')},
        {"coreos/kargs.json", "{}"}}},
      {"talos",
       {{"boot/vmlinuz", fake_kernel("6.12.6-talos")},
        {"boot/initramfs.xz", "\x28\xb5\x2f\xfd" + std::string(500, 'z')}}},
  };
  return layouts;
}

std::string RawMedium::folder(const std::vector<RawRecord>& records) {
  std::string text;
  for (const auto& one : records) text += record(one);
  return text;
}

Bytes RawMedium::bytes() const {
  Bytes out(std::size_t{sectors} * 2048);
  std::string primary = zeros(2048);
  primary.replace(0, 7, std::string("\1CD001\1", 7));
  primary.replace(40, 4, "TEST");
  primary.replace(80, 8, both(volume_sectors, 4));
  primary.replace(120, 4, both(1, 2));
  primary.replace(124, 4, both(1, 2));
  primary.replace(128, 4, both(block_octets, 2));
  // Path tables, little-endian and big-endian, which libarchive wants to lie within the volume.
  put(primary, 132, 10, 4);
  put(primary, 140, 19, 4);
  primary[151] = 19;
  primary.replace(156, 34, record({std::string(1, '\0'), root_sector, root_octets, 2}));
  primary[881] = 1;
  place(out, 16, primary);
  place(out, 17,
        std::string("\xff"
                    "CD001\1",
                    7));
  // SUSP's "SP", then "RRIP", make libarchive look for Rock Ridge fields.
  const auto marks =
      rock_ridge ? field("SP", std::string("\xbe\xef\0", 3)) + field("RR", std::string(1, '\x81'))
                 : std::string();
  std::vector<RawRecord> all = {{std::string(1, '\0'), root_sector, root_octets, 2, marks},
                                {std::string(1, '\1'), root_sector, root_octets, 2}};
  all.insert(all.end(), root.begin(), root.end());
  place(out, 18, folder(all));
  for (const auto& [sector, content] : more) place(out, sector, content);
  return out;
}

std::string rr_name(const std::string& name) { return field("NM", std::string(1, '\0') + name); }
std::string rr_mode(std::uint32_t mode) {
  return field("PX", both(mode, 4) + both(1, 4) + both(0, 4) + both(0, 4));
}
std::string rr_link(const std::vector<std::string>& parts) {
  std::string content(1, '\0');
  for (const auto& part : parts) {
    const char flags = part == ".." ? 4 : part == "/" ? 8 : 0;
    content += flags;
    content += static_cast<char>(flags == 0 ? part.size() : 0);
    if (flags == 0) content += part;
  }
  return field("SL", content);
}
std::string rr_device(std::uint32_t major, std::uint32_t minor) {
  return field("PN", both(major, 4) + both(minor, 4));
}

}  // namespace slipway::test
