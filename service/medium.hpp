// service/medium.hpp -- what media that boot into our installer have in common: the files that they
// carry, the settings of GRUB, and their identity.
//
// A medium holds no secret: what the host may do is asked of the server (agent/stick.hpp).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "images/gpt.hpp"

namespace slipway::service {

struct Medium {
  std::string server;                // "http://10.0.0.1:8080": goes onto the kernel's command line
  std::optional<Mac> only_mac = {};  // it works in the host with this network card alone
  Bytes kernel, initramfs;
};

// All that tells one medium from another comes from what is on it.
struct MediumIdentity {
  images::Guid disk, bios_boot, volume;
  std::uint32_t volume_id = 0;
};
// Digests the whole medium: ask once.
[[nodiscard]] MediumIdentity identity_of(const Medium& medium);

// "1234-ABCD", as GRUB and blkid write a FAT volume's number.
[[nodiscard]] std::string volume_text(std::uint32_t id);

// What the kernel is told: the server, the medium, the network card, and both consoles.
[[nodiscard]] std::string command_line(const Medium& medium, const MediumIdentity& identity);

// Run by GRUB on screen and, where there is one, serial port; starts /SLIPWAY/VMLINUZ with
// /SLIPWAY/INITRD.IMG of the volume by the command line `words`. `what` names the medium on the
// console ("stick"), `remedy` is what to do when its files cannot be read.
[[nodiscard]] std::string grub_config(std::string_view words, std::string_view what,
                                      std::string_view remedy);

// The server is one word of a kernel's command line, inside GRUB's script. Fails for anything else.
[[nodiscard]] Fallible<void> check_server(const std::string& server);

// A file of the distribution, or what cannot be read. Fails for an empty one, too.
[[nodiscard]] Fallible<Bytes> read_octets(const std::filesystem::path& path);

}  // namespace slipway::service
