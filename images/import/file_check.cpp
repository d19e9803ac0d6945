#include "images/import/file_check.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/progress.hpp"
#include "images/import/member_path.hpp"

namespace slipway::images {
namespace {

struct Magic {
  std::string_view octets;
  std::string_view name;
};

using namespace std::string_view_literals;

// What the kernel's decompress_method() and the cpio reader before it know.
constexpr std::array kInitrds{
    Magic{"070701"sv, "cpio"},
    Magic{"070702"sv, "cpio"},
    Magic{"\x1f\x8b"sv, "gzip"},
    Magic{"\xfd"
          "7zXZ\0"sv,
          "xz"},
    Magic{"\x28\xb5\x2f\xfd"sv, "zstd"},
    Magic{"\x02\x21\x4c\x18"sv, "lz4"},
    Magic{"BZh"sv, "bzip2"},
    Magic{"\x5d\0\0"sv, "lzma"},
};

// What people give by mistake.
constexpr std::array kOthers{Magic{"hsqs"sv, "a squashfs"},
                             Magic{"\x7f"
                                   "ELF"sv,
                                   "an ELF program (vmlinux?)"},
                             Magic{"MZ"sv, "an EFI program"}, Magic{"!<arch>"sv, "a package"},
                             Magic{"<"sv, "an HTML or XML page"}};

std::string_view name_of(std::string_view head, const auto& magics) {
  for (const auto& magic : magics) {
    if (head.starts_with(magic.octets)) return magic.name;
  }
  return {};
}

std::string what_it_is(ByteView head) {
  if (head.empty()) return "empty";
  const auto text = as_text(head);
  if (const auto name = name_of(text, kOthers); !name.empty()) return std::string(name);
  if (const auto name = name_of(text, kInitrds); !name.empty()) return std::string(name);
  return "something that begins with " + to_hex(head.first(std::min<std::size_t>(8, head.size())));
}

// The text at `offset`: what the kernel says of itself.
std::string kernel_version(ByteView head, std::size_t offset) {
  if (offset >= head.size()) return "Linux";
  Reader reader(head.subspan(offset));
  const auto text = reader.c_string();
  return reader.failed() || text.empty() ? "Linux" : "Linux " + shown(text.substr(0, 100));
}

// The boot protocol's header begins at 0x1f1; its magic "HdrS" stands at 0x202.
Fallible<std::string> check_kernel(ByteView head, std::uint64_t octets) {
  constexpr std::size_t kSetup = 0x1f1, kMagicAt = 0x202, kLoadedHigh = 1;
  if (head.size() < 0x238 || as_text(head.subspan(kMagicAt, 4)) != "HdrS") {
    return fail("not a Linux kernel for x86 (bzImage) but " + what_it_is(head));
  }
  Reader start(head.subspan(kSetup));
  const std::uint64_t setup_sectors = start.u8();
  start.skip(2);
  const std::uint64_t paragraphs = start.le32();
  Reader header(head.subspan(kMagicAt + 4));
  const auto protocol = header.le16();
  header.skip(6);
  const auto version_at = header.le16();
  header.skip(1);
  const auto flags = header.u8();
  if (protocol < 0x0204 || (flags & kLoadedHigh) == 0) {
    return fail("a Linux kernel of an ancient form (boot protocol " +
                std::to_string(protocol >> 8) + "." + std::to_string(protocol & 255) +
                ", not a bzImage)");
  }
  // 0 sectors mean 4; the size of the rest counts paragraphs of 16 octets, rounded up.
  const auto whole = ((setup_sectors == 0 ? 4 : setup_sectors) + 1) * 512 + paragraphs * 16;
  if (whole > octets + 15) {
    return fail("the kernel is cut: its header says " + std::to_string(whole) +
                " octets, the file has " + std::to_string(octets));
  }
  return kernel_version(head, version_at == 0 ? head.size() : version_at + 0x200U);
}

Fallible<std::string> check_initrd(ByteView head) {
  const auto text = as_text(head);
  const auto name = name_of(text, kInitrds);
  if (name.empty()) return fail("not an initrd (cpio, plain or packed) but " + what_it_is(head));
  // The early cpio of CPU microcode, before the real one (Documentation/arch/x86/microcode.rst).
  if (name == "cpio" && text.find("kernel/x86/microcode") != std::string_view::npos) {
    return "cpio, CPU microcode first";
  }
  return std::string(name);
}

Fallible<std::string> whole_file_system(std::string name, std::uint64_t says, std::uint64_t has) {
  if (says <= has) return name;
  return fail("the " + name + " is cut: its super block says " + std::to_string(says) +
              " octets, the file has " + std::to_string(has));
}

// Documentation/filesystems/squashfs.rst; struct squashfs_super_block.
Fallible<std::string> check_squashfs(ByteView head, std::uint64_t octets) {
  Reader reader(head);
  reader.skip(28);
  const auto major = reader.le16();
  const auto minor = reader.le16();
  reader.skip(8);
  const auto used = reader.le64();
  if (reader.failed() || major != 4) return fail("a squashfs of another version than 4");
  return whole_file_system("squashfs 4." + std::to_string(minor), used, octets);
}

// Documentation/filesystems/erofs.rst; struct erofs_super_block, at 1024.
Fallible<std::string> check_erofs(ByteView super, std::uint64_t octets) {
  Reader reader(super);
  reader.skip(12);
  const auto block_bits = reader.u8();
  reader.skip(23);
  const std::uint64_t blocks = reader.le32();
  if (reader.failed() || block_bits < 9 || block_bits > 16) return fail("a damaged EROFS");
  return whole_file_system("EROFS", blocks << block_bits, octets);
}

Fallible<std::string> check_root(ByteView head, std::uint64_t octets) {
  if (as_text(head).starts_with("hsqs")) return check_squashfs(head, octets);
  constexpr std::size_t kErofsAt = 1024;
  if (head.size() > kErofsAt + 4 && as_text(head.subspan(kErofsAt, 4)) == "\xe2\xe1\xf5\xe0"sv) {
    return check_erofs(head.subspan(kErofsAt), octets);
  }
  return fail("not a root file system (squashfs or EROFS) but " + what_it_is(head));
}

}  // namespace

Fallible<std::string> check_form(FileForm form, ByteView head, std::uint64_t octets) {
  switch (form) {
    case FileForm::any: return std::string();
    case FileForm::kernel: return check_kernel(head, octets);
    case FileForm::initrd: return check_initrd(head);
    case FileForm::root_file_system: return check_root(head, octets);
    case FileForm::live_root:
      if (as_text(head).starts_with("07070")) return "cpio";
      return check_root(head, octets);
  }
  std::unreachable();
}

}  // namespace slipway::images
