#include "service/uki.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include "base/temporary_folder.hpp"
#include "base/tool.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPage = 4096;

std::uint64_t page_after(std::uint64_t address) { return (address + kPage - 1) / kPage * kPage; }

// Where the first section of ours may lie in memory: behind the stub's own.
// PE Format (Microsoft), "COFF File Header", "Optional Header", "Section Table".
std::optional<std::uint64_t> free_address(ByteView stub) {
  constexpr std::size_t kHeaderAt = 0x3C, kSections = 6, kOptionalOctets = 20, kOptional = 24;
  constexpr std::size_t kImageBase = 24, kSectionOctets = 40, kVirtualSize = 8;
  const auto at = [stub](std::size_t offset) {
    Reader reader(stub);
    reader.skip(offset);
    return reader;
  };
  const std::size_t pe = at(kHeaderAt).le32();
  if (as_text(at(pe).take(4)) != std::string_view("PE\0\0", 4)) return std::nullopt;
  const std::size_t sections = at(pe + kSections).le16();
  const std::size_t first = pe + kOptional + at(pe + kOptionalOctets).le16();
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < sections; ++i) {
    auto section = at(first + i * kSectionOctets + kVirtualSize);
    const std::uint64_t size = section.le32(), address = section.le32();
    end = std::max(end, address + size);
  }
  return at(pe + kOptional + kImageBase).le64() + page_after(end);
}

Fallible<void> write_octets(const fs::path& path, ByteView octets) {
  std::ofstream file(path, std::ios::binary);
  file << as_text(octets);
  file.close();
  if (!file) return fail(path.native() + " cannot be written");
  return {};
}

Fallible<void> sign(const UkiOptions& options, const fs::path& from, const fs::path& to) {
  const auto done = run_tool(
      {"sbsign", "--key", options.key, "--cert", options.certificate, "--output", to, from});
  if (!done) return fail(done.error(), "signing (package sbsigntool)");
  return {};
}

}  // namespace

Fallible<Bytes> make_uki(const UkiOptions& options) {
  const auto& medium = options.medium;
  if (const auto good = check_server(medium.server); !good) return std::unexpected(good.error());
  const auto stub = read_octets(options.stub);
  if (!stub) return fail(stub.error().text() + "; install systemd-boot-efi");
  auto address = free_address(*stub);
  if (!address) return fail(options.stub.native() + " is no EFI program");
  const auto scratch = TemporaryFolder::make();
  if (!scratch) return std::unexpected(scratch.error());
  const auto words_of_kernel = command_line(medium, identity_of(medium));
  struct Section {
    const char* name;
    ByteView content;
  };
  const std::array<Section, 3> sections{{{".cmdline", as_bytes(words_of_kernel)},
                                         {".linux", medium.kernel},
                                         {".initrd", medium.initramfs}}};
  std::vector<std::string> words{"objcopy"};
  for (const auto& [name, content] : sections) {
    const auto file = scratch->path() / name;
    if (const auto done = write_octets(file, content); !done) return std::unexpected(done.error());
    words.insert(words.end(),
                 {"--add-section", std::string(name) + "=" + file.native(), "--change-section-vma",
                  std::string(name) + "=" + std::to_string(*address)});
    *address = page_after(*address + content.size());
  }
  const auto made = scratch->path() / "made.efi", signed_one = scratch->path() / "signed.efi";
  words.insert(words.end(), {options.stub, made});
  if (const auto done = run_tool(words); !done) {
    return fail(done.error(), "putting the image together (package binutils)");
  }
  if (options.key.empty()) return read_octets(made);
  if (const auto done = sign(options, made, signed_one); !done) {
    return std::unexpected(done.error());
  }
  return read_octets(signed_one);
}

}  // namespace slipway::service
