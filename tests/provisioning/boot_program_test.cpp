#include "provisioning/boot_program.hpp"

#include <array>

#include "provisioning/loaders.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using enum dhcp::Arch;

TEST_CASE("a boot program goes to the firmware that can take it", "[provisioning][boot-program]") {
  struct Row {
    const char* program;
    bool bios, uefi, http;
  };
  const auto row =
      GENERATE(Row{"undionly", true, false, false}, Row{"snponly", false, true, true},
               Row{"ipxe", true, true, true}, Row{"shim", false, true, true},
               Row{"uki.efi", false, true, true}, Row{"secure.img", false, false, true},
               Row{"secure.iso", false, false, true}, Row{"lpxelinux.0", true, false, false},
               Row{"own.kpxe", true, false, false}, Row{"", false, false, false},
               Row{"nonsense", false, false, false}, Row{"../x.efi", false, false, false},
               Row{".hidden.efi", false, false, false}, Row{"a/b.efi", false, false, false},
               Row{"ends.", false, false, false}, Row{"a b.efi", false, false, false});
  INFO(row.program);
  CHECK(fits(row.program, bios) == row.bios);
  CHECK(fits(row.program, uefi_x64) == row.uefi);
  CHECK(fits(row.program, http_x64) == row.http);
  CHECK(fits_any(row.program) == (row.bios || row.uefi || row.http));
}

TEST_CASE("the name of a file of one's own has at most 64 characters",
          "[provisioning][boot-program]") {
  CHECK(is_own_file(std::string(60, 'a') + ".efi"));
  CHECK_FALSE(is_own_file(std::string(61, 'a') + ".efi"));
}

TEST_CASE("a word stands for a file that is published", "[provisioning][boot-program]") {
  CHECK(file_of("undionly", bios) == "undionly.kpxe");
  CHECK(file_of("ipxe", bios) == "ipxe.pxe");
  CHECK(file_of("ipxe", http_x64) == "ipxe.efi");
  CHECK(file_of("shim", uefi_x64) == "shim/shimx64.efi");
  CHECK(file_of("uki.efi", uefi_x64) == "uki.efi");
  CHECK(is_ipxe("snponly.efi"));
  CHECK(is_ipxe("undionly.kpxe"));
  CHECK_FALSE(is_ipxe("shim/shimx64.efi"));
  CHECK_FALSE(is_ipxe("uki.efi"));
}

std::string first_octets(const Loaders& loaders, std::string_view name) {
  const auto source = loaders.source(name);
  if (source == nullptr) return "";
  std::array<std::uint8_t, 8> out{};
  const auto got = source->read(0, out);
  return got ? std::string(as_text(ByteView(out).first(*got))) : "";
}

class Folders {
 public:
  Folders() {
    write("ipxe/snponly.efi", "snponly");
    write("ipxe/other.efi", "other");
    write("shim.signed", "shim");
    write("grub.signed", "grub");
  }
  void write(const char* name, std::string_view text) { (void)folder_.write(name, text); }
  void remove(const char* name) { std::filesystem::remove(folder_.path() / name); }
  [[nodiscard]] Loaders open() const {
    const auto& top = folder_.path();
    return Loaders({.ipxe = top / "ipxe",
                    .own = top / "own",
                    .shim = top / "shim.signed",
                    .grub = top / "grub.signed"});
  }

 private:
  Folder folder_;
};

TEST_CASE("boot programs come from the distribution and from the operator's folder",
          "[provisioning][boot-program]") {
  Folders folders;
  folders.write("own/uki.efi", "uki");
  folders.write("own/.draft.efi", "draft");
  folders.write("own/README", "text");
  const auto loaders = folders.open();
  CHECK(first_octets(loaders, "snponly.efi") == "snponly");
  CHECK(first_octets(loaders, "shim/shimx64.efi") == "shim");
  CHECK(first_octets(loaders, "shim/grubx64.efi") == "grub");
  CHECK(first_octets(loaders, "uki.efi") == "uki");
  for (const auto* name : {"other.efi", ".draft.efi", "README", "shim.signed", "grubx64.efi"}) {
    CHECK_FALSE(loaders.has(name));
  }
}

TEST_CASE("the operator's own file comes before that of the distribution",
          "[provisioning][boot-program]") {
  Folders folders;
  folders.write("own/snponly.efi", "mine");
  folders.write("own/grubx64.efi", "2.12");
  const auto loaders = folders.open();
  CHECK(first_octets(loaders, "snponly.efi") == "mine");
  CHECK(first_octets(loaders, "shim/grubx64.efi") == "2.12");
  CHECK(first_octets(loaders, "shim/shimx64.efi") == "shim");
}

TEST_CASE("a large boot program is read as it is sent", "[provisioning][boot-program]") {
  Folders folders;
  constexpr std::size_t kLarge = 3U << 20U;
  std::string octets(kLarge, 'a');
  octets.replace(kLarge - 3, 3, "end");
  folders.write("own/large.efi", octets);
  const auto loaders = folders.open();
  const auto source = loaders.source("large.efi");
  REQUIRE(source != nullptr);
  CHECK(source->size_octets() == kLarge);
  std::array<std::uint8_t, 8> out{};
  CHECK(*source->read(kLarge - 3, out) == 3);
  CHECK(as_text(ByteView(out).first(3)) == "end");
  REQUIRE(loaders.file("large.efi") != nullptr);
  CHECK(loaders.file("large.efi")->size_octets() == kLarge);
}

TEST_CASE("what is named and not there is said once, with who names it",
          "[provisioning][boot-program]") {
  Folders folders;
  folders.write("ipxe/undionly.kpxe", "undionly");
  folders.write("ipxe/ipxe.pxe", "ipxe");
  const auto loaders = folders.open();
  Inventory inventory;
  inventory.hosts.resize(3);
  for (std::size_t i = 0; i < 3; ++i) {
    inventory.hosts[i].name = "h" + std::to_string(i + 1);
    if (i > 0) inventory.hosts[i].boot_program = "secure.img";
  }
  CHECK(missing_programs(loaders, {}, {}).empty());
  const auto missing = missing_programs(loaders, {.uefi = "ipxe"}, inventory);
  REQUIRE(missing.size() == 2);
  CHECK(missing[0].file == "ipxe.efi");
  CHECK(missing[0].who == "boot_programs.uefi");
  CHECK(missing[1].file == "secure.img");
  CHECK(missing[1].who == "host h2");
}

TEST_CASE("shim is nothing without what it loads", "[provisioning][boot-program]") {
  Folders folders;
  folders.write("ipxe/undionly.kpxe", "undionly");
  folders.write("ipxe/ipxe.pxe", "ipxe");
  const BootPrograms programs{.bios = "undionly", .uefi = "shim", .uefi_http = "snponly"};
  CHECK(missing_programs(folders.open(), programs, {}).empty());
  folders.remove("grub.signed");
  const auto missing = missing_programs(folders.open(), programs, {});
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].file == "shim/grubx64.efi");
}

}  // namespace
}  // namespace slipway::provisioning
