// provisioning/command_line.hpp -- what the kernel of an installer of others is told. Pure.
//
// One template for each kind, from its maker's documentation; docs/installers.md shows them all.
// Whatever comes from settings, from an image or from its file names is held to plain words: the
// line goes into an iPXE script and into a grub.cfg, and can neither end a command there nor begin
// one, nor name a variable.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "provisioning/artifacts.hpp"
#include "provisioning/bootscript.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

// x86 keeps 2048 octets with the final zero and cuts the rest off without a word
// (COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h).
inline constexpr std::size_t kMaxCommandLineOctets = 2047;

// An installer of others and what the profile says of it.
struct ThirdPartyInstaller {
  InstallerKind kind = InstallerKind::generic;
  InstallerSet set{};
  std::string cmdline{};                // further words, with {{ … }}
  std::vector<std::string> consoles{};  // empty: as the kind has them
  std::string disk{};                   // the path that the disk rule names; may be empty
};

// One boot of it.
struct ThirdPartyBoot {
  ServerAddress server{};
  Mac mac{};  // of the network card that booted
  std::string_view token{};
  const ThirdPartyInstaller& installer;
};

// The whole line. Fails with a sentence when a file that the kind needs is not in the image, and
// when a word is not one that a script may carry.
[[nodiscard]] Fallible<std::string> kernel_command_line(const ThirdPartyBoot& boot);

// The script that boots it: command line, and where kernel and initrds are. Fails as the above.
[[nodiscard]] Fallible<ThirdPartyScript> script_of(const ThirdPartyBoot& boot);

// What is wrong with words that somebody wrote, one sentence each: placeholders that nobody knows,
// and characters and words that a script would read as its own.
[[nodiscard]] std::vector<std::string> mistakes_of_words(std::string_view text);

// The words of a line.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view line);

// Where the host fetches a file: by its digest, or by its place in the installer's tree.
[[nodiscard]] std::string file_url(const ServerAddress& server,
                                   const ThirdPartyInstaller& installer, const InstallerFile& file);

// The initial ramdisks in the order in which they are loaded: initrd, initrd2, …
[[nodiscard]] std::vector<const InstallerFile*> initrds_of(const InstallerSet& set);

// Whether a file under this last part of a URL is what a live system runs from.
[[nodiscard]] bool is_root_file_system(std::string_view url_name);

// Whether it is one of the files that a boot begins with: kernel, initial ramdisk, or the above.
[[nodiscard]] bool is_boot_file(std::string_view url_name);

}  // namespace slipway::provisioning
