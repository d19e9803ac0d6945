#include "images/import/file_check.hpp"

#include "tests/images/import/media.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

Fallible<std::string> check(FileForm form, const std::string& content) {
  return check_form(form, as_bytes(content).first(std::min(content.size(), kFormOctets)),
                    content.size());
}

}  // namespace

TEST_CASE("a kernel says which Linux it is", "[import][file_check]") {
  CHECK(check(FileForm::kernel, fake_kernel("6.1.0-28-amd64 (x@y) #1")) ==
        "Linux 6.1.0-28-amd64 (x@y) #1");
}

TEST_CASE("what is no x86 kernel is refused with what it is", "[import][file_check]") {
  struct Row {
    std::string content, said;
  };
  auto zimage = fake_kernel();
  zimage[0x211] = 0;
  for (const auto& row :
       {Row{"", "empty"}, Row{"MZ" + std::string(3000, 'x'), "an EFI program"},
        Row{"\x7f"
            "ELF" +
                std::string(3000, 'x'),
            "ELF"},
        Row{fake_squashfs(), "a squashfs"}, Row{fake_initrd(), "gzip"},
        Row{"<!DOCTYPE html>", "HTML"}, Row{"\x01\x02", "begins with 0102"}, Row{zimage, "ancient"},
        Row{fake_kernel().substr(0, 0x237), "not a Linux kernel"},
        Row{fake_kernel().substr(0, 2500),
            "cut: its header says 3072 octets, the file has 2500"}}) {
    INFO(row.said);
    const auto form = check(FileForm::kernel, row.content);
    REQUIRE_FALSE(form);
    CHECK_THAT(form.error().text(), ContainsSubstring(row.said));
  }
}

TEST_CASE("a kernel whose version lies outside is still a kernel",
          "[import][file_check][hostile]") {
  auto far = fake_kernel();
  far[0x20f] = '\xff';
  CHECK(check(FileForm::kernel, far) == "Linux");
  auto endless = fake_kernel();
  std::fill(endless.begin() + 0x300, endless.end(), 'v');  // no NUL behind it
  CHECK(check(FileForm::kernel, endless) == "Linux");
  CHECK(check(FileForm::kernel, fake_kernel("a\x1b[2Jb")) == "Linux a?[2Jb");
}

TEST_CASE("initrds are told by their packing", "[import][file_check]") {
  struct Row {
    std::string content, said;
  };
  for (const auto& row :
       {Row{"070701" + std::string(104, '0'), "cpio"}, Row{"\x1f\x8b\x08", "gzip"},
        Row{std::string("\xfd"
                        "7zXZ\0",
                        6),
            "xz"},
        Row{"\x28\xb5\x2f\xfd", "zstd"}, Row{"\x02\x21\x4c\x18", "lz4"}, Row{"BZh9", "bzip2"},
        Row{std::string("\x5d\0\0\x80", 4), "lzma"},
        Row{"070701" + std::string(104, '0') + "kernel/x86/microcode/GenuineIntel.bin",
            "cpio, CPU microcode first"}}) {
    CHECK(check(FileForm::initrd, row.content) == row.said);
  }
  CHECK_FALSE(check(FileForm::initrd, fake_squashfs()));
  CHECK_FALSE(check(FileForm::initrd, ""));
}

TEST_CASE("root file systems are held to their super block", "[import][file_check]") {
  CHECK(check(FileForm::root_file_system, fake_squashfs(8192)) == "squashfs 4.0");
  CHECK(check(FileForm::root_file_system, fake_erofs()) == "EROFS");
  CHECK(check(FileForm::live_root, fake_squashfs()) == "squashfs 4.0");
  CHECK(check(FileForm::live_root, "070701") == "cpio");
  CHECK(check(FileForm::any, "whatever") == "");
  const auto cut = check(FileForm::root_file_system, fake_squashfs(8192).substr(0, 8191));
  REQUIRE_FALSE(cut);
  CHECK(cut.error().text() ==
        "the squashfs 4.0 is cut: its super block says 8192 octets, the file has 8191");
  CHECK_FALSE(check(FileForm::root_file_system, fake_erofs(3).substr(0, 8192)));
  CHECK_FALSE(check(FileForm::root_file_system, "hsqs"));
  CHECK_FALSE(check(FileForm::root_file_system, "070701"));
}

TEST_CASE("the distribution's own kernel and initrd", "[import][file_check][tools]") {
  const std::string folder =
      "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/";
  const auto kernel = read_whole_file(folder + "linux");
  REQUIRE_FALSE(kernel.empty());  // of package debian-installer-12-netboot-amd64
  const auto form =
      check_form(FileForm::kernel, ByteView(kernel).first(kFormOctets), kernel.size());
  REQUIRE(form);
  CHECK_THAT(*form, ContainsSubstring("Linux 6.1.0-"));
  CHECK_FALSE(
      check_form(FileForm::kernel, ByteView(kernel).first(kFormOctets), kernel.size() - 4096));
  const auto initrd = read_whole_file(folder + "initrd.gz");
  CHECK(check_form(FileForm::initrd, ByteView(initrd).first(kFormOctets), initrd.size()) == "gzip");
}
