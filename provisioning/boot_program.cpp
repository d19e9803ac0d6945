#include "provisioning/boot_program.hpp"

#include <algorithm>
#include <array>

namespace slipway::provisioning {
namespace {

using dhcp::Arch;

struct Word {
  std::string_view word, file;
  bool is_bios;
};

constexpr auto kWords = std::to_array<Word>({{"undionly", "undionly.kpxe", true},
                                             {"ipxe", "ipxe.pxe", true},
                                             {"snponly", "snponly.efi", false},
                                             {"ipxe", "ipxe.efi", false},
                                             {"shim", kShimFile, false}});
constexpr std::size_t kLongestOwnFile = 64;

const Word* find_word(std::string_view program, Arch arch) {
  const auto* found = std::ranges::find_if(kWords, [&](const Word& row) {
    return row.word == program && row.is_bios == (arch == Arch::bios);
  });
  return found == kWords.end() ? nullptr : found;
}

}  // namespace

std::vector<std::string_view> program_words(Arch arch) {
  std::vector<std::string_view> words;
  for (const auto& row : kWords) {
    if (row.is_bios == (arch == Arch::bios)) words.push_back(row.word);
  }
  return words;
}

bool fits(std::string_view program, Arch arch) {
  if (find_word(program, arch) != nullptr) return true;
  if (!is_own_file(program)) return false;
  const bool is_efi = program.ends_with(".efi");
  const bool is_volume = program.ends_with(".img") || program.ends_with(".iso");
  switch (arch) {
    case Arch::bios: return !is_efi && !is_volume;
    case Arch::uefi_x64: return is_efi;
    case Arch::http_x64: return is_efi || is_volume;
  }
  return false;
}

bool fits_any(std::string_view program) {
  return std::ranges::any_of(std::array{Arch::bios, Arch::uefi_x64, Arch::http_x64},
                             [program](Arch arch) { return fits(program, arch); });
}

std::string_view file_of(std::string_view program, Arch arch) {
  const auto* word = find_word(program, arch);
  return word == nullptr ? program : word->file;
}

bool is_own_file(std::string_view file) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return file.size() <= kLongestOwnFile && file.find_first_not_of(kAllowed) == file.npos &&
         !file.starts_with('.') && !file.ends_with('.') && file.contains('.');
}

bool is_ipxe(std::string_view file) {
  return std::ranges::any_of(
      kWords, [file](const Word& row) { return row.file == file && row.word != "shim"; });
}

}  // namespace slipway::provisioning
