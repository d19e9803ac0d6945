#include "agent/bootentry.hpp"

#include "tests/agent/fake_root.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using slipway::test::FakeRoot;

namespace {

constexpr const char* kGlobal = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";

images::Partition esp() {
  images::Partition partition;
  partition.number = 1;
  partition.type = *images::Guid::parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
  partition.unique = *images::Guid::parse("00112233-4455-6677-8899-AABBCCDDEEFF");
  partition.offset = 1 << 20;
  partition.length = 16 << 20;
  return partition;
}

// As efivarfs shows OVMF's "UiApp": attributes, then active and hidden, an empty path, a label.
std::string entry(std::string_view label) {
  std::string text("\x07\0\0\0\x01\0\0\0\x04\0", 10);
  for (const char c : label) text += std::string{c, '\0'};
  return text + std::string("\0\0\x7f\xff\x04\0", 6);
}

}  // namespace

TEST_CASE("a load option is what UEFI 2.10 s.3.1.3 and s.10.3.5 say", "[agent][bootentry]") {
  CHECK(to_hex(encode_load_option("Slip", esp(), 512, "\\B")) ==
        "01000000"              // active
        "3800"                  // 56 octets of path
        "53006c00690070000000"  // "Slip"
        "04012a00"
        "01000000"  // hard drive, partition 1
        "0008000000000000"
        "0080000000000000"                  // LBA 2048, 32768 LBAs
        "33221100554477668899aabbccddeeff"  // the partition's GUID
        "0202"                              // GPT, by GUID
        "04040a00"
        "5c0042000000"  // "\B": 4 + 6 octets
        "7fff0400");
}

TEST_CASE("LBAs of a boot entry count in the disk's sectors", "[agent][bootentry]") {
  const auto option = to_hex(encode_load_option("S", esp(), 4096, "\\B"));
  CHECK_THAT(option, ContainsSubstring("00010000000000000010000000000000"));  // 256, 4096
}

TEST_CASE("the EFI system partition is found by its type", "[agent][bootentry]") {
  images::Partition other = esp();
  other.number = 7;
  other.type = *images::Guid::parse("0FC63DAF-8483-4772-8E79-3D69D8477DE4");
  CHECK_FALSE(find_esp({other}));
  const auto found = find_esp({other, esp()});
  REQUIRE(found);
  CHECK(found->number == 1);
}

TEST_CASE("our entry comes first and the others keep their order", "[agent][bootentry]") {
  using Order = std::vector<std::uint16_t>;
  CHECK(put_first(3, {}) == Order{3});
  CHECK(put_first(3, {1, 2}) == Order{3, 1, 2});
  CHECK(put_first(3, {1, 3, 2}) == Order{3, 1, 2});
  CHECK(put_first(3, {3, 1, 1}) == Order{3, 1});
}

TEST_CASE("an entry of ours is used again, else the lowest free number", "[agent][bootentry]") {
  const FakeRoot root;
  root.file("Boot0000" + std::string(kGlobal), entry("UiApp"));
  root.file("Boot0002" + std::string(kGlobal), entry("UEFI PXEv4"));
  root.file("BootOrder" + std::string(kGlobal), std::string("\x07\0\0\0\0\0\x02\0", 8));
  root.file("BootCurrent" + std::string(kGlobal), std::string("\x07\0\0\0\0\0", 6));
  CHECK(pick_number(root.path(), "Slipway") == std::uint16_t{1});
  root.file("Boot000A" + std::string(kGlobal), entry("Slipway"));
  CHECK(pick_number(root.path(), "Slipway") == std::uint16_t{10});
}

TEST_CASE("entry and order are written with their attributes", "[agent][bootentry]") {
  const FakeRoot root;
  root.file("Boot0000" + std::string(kGlobal), entry("UiApp"));
  root.file("BootOrder" + std::string(kGlobal), std::string("\x07\0\0\0\0\0", 6));
  REQUIRE(write_boot_entry(root.path(), esp(), 512));
  CHECK(root.text("BootOrder" + std::string(kGlobal)) == std::string("\x07\0\0\0\x01\0\0\0", 8));
  const auto option = root.text("Boot0001" + std::string(kGlobal));
  CHECK(to_hex(as_bytes(option)).starts_with("0700000001000000"));
  REQUIRE(write_boot_entry(root.path(), esp(), 512));  // a second write makes no second entry
  CHECK_FALSE(std::filesystem::exists(root.path() / ("Boot0002" + std::string(kGlobal))));
}

TEST_CASE("an entry of ours for another disk is changed, and the rest stays",
          "[agent][bootentry]") {
  const FakeRoot root;
  const auto name = [](const std::string& text) { return text + kGlobal; };
  root.file(name("Boot0000"), entry("UEFI PXEv4"));
  root.file(name("Boot0003"), entry("debian"));
  root.file(name("BootOrder"), std::string("\x07\0\0\0\0\0\x03\0", 8));
  REQUIRE(write_boot_entry(root.path(), esp(), 512));
  auto other = esp();
  other.unique = *images::Guid::parse("FFFFFFFF-2233-4455-6677-8899AABBCCDD");
  REQUIRE(write_boot_entry(root.path(), other, 512));
  CHECK_FALSE(std::filesystem::exists(root.path() / name("Boot0002")));
  CHECK_THAT(to_hex(as_bytes(root.text(name("Boot0001")))),
             ContainsSubstring("ffffffff3322554466778899aabbccdd"));
  // The firmware's own entries, and what it starts when none of them works, are not touched.
  CHECK(root.text(name("Boot0000")) == entry("UEFI PXEv4"));
  CHECK(root.text(name("Boot0003")) == entry("debian"));
  CHECK(root.text(name("BootOrder")) == std::string("\x07\0\0\0\x01\0\0\0\x03\0", 10));
}

TEST_CASE("without efivarfs the boot entry fails and says where", "[agent][bootentry]") {
  const FakeRoot root;
  const auto done = write_boot_entry(root.path() / "missing", esp(), 512);
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().text(), ContainsSubstring("missing"));
}
