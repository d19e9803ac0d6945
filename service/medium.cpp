#include "service/medium.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/crypto.hpp"

namespace slipway::service {
namespace {

using images::Guid;

Guid guid_of(const Sha256& seed, std::string_view what) {
  const auto digest = Sha256::of(seed.text() + std::string(what));
  Guid guid;
  std::copy_n(digest.octets.begin(), guid.octets.size(), guid.octets.begin());
  // RFC 9562 s.5.8, version 8: made of something else than time or chance. The third group lies
  // little-endian.
  guid.octets[7] = static_cast<std::uint8_t>((guid.octets[7] & 0x0FU) | 0x80U);
  guid.octets[8] = static_cast<std::uint8_t>((guid.octets[8] & 0x3FU) | 0x80U);
  return guid;
}

}  // namespace

MediumIdentity identity_of(const Medium& medium) {
  const auto mac = medium.only_mac ? medium.only_mac->text() : std::string();
  const auto seed = Sha256::of(Sha256::of(medium.kernel).text() +
                               Sha256::of(medium.initramfs).text() + medium.server + " " + mac);
  Reader id(ByteView(seed.octets).first(4));
  return {guid_of(seed, "disk"), guid_of(seed, "bios"), guid_of(seed, "volume"), id.le32()};
}

std::string volume_text(std::uint32_t id) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) {
    text += kDigits[(id >> static_cast<unsigned>(shift)) & 15U];
    if (shift == 16) text += '-';
  }
  return text;
}

std::string command_line(const Medium& medium, const MediumIdentity& identity) {
  std::string words =
      "slipway.server=" + medium.server + " slipway.medium=" + identity.volume.text();
  if (medium.only_mac) {
    words += " slipway.mac=" + medium.only_mac->text() + " BOOTIF=01-" + medium.only_mac->hyphens();
  }
  return words + " console=tty0 console=ttyS0,115200";
}

std::string grub_config(std::string_view words, std::string_view what, std::string_view remedy) {
  return "if serial --unit=0 --speed=115200; then\n"
         "  terminal_input console serial\n"
         "  terminal_output console serial\n"
         "fi\n"
         "echo \"Slipway: loading the installer from this " +
         std::string(what) +
         "\"\n"
         "if linux /SLIPWAY/VMLINUZ " +
         std::string(words) +
         "; then\n"
         "  if initrd /SLIPWAY/INITRD.IMG; then\n"
         "    boot\n"
         "  fi\n"
         "fi\n"
         "echo \"Slipway: the " +
         std::string(what) + " is damaged; " + std::string(remedy) +
         ". Restart in 60 seconds.\"\n"
         "sleep 60\n"
         "reboot\n";
}

Fallible<Bytes> read_octets(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes octets(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof()) return fail(path.native() + " cannot be read");
  if (octets.empty()) return fail(path.native() + " cannot be read, or is empty");
  return octets;
}

Fallible<void> check_server(const std::string& server) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-";
  if (!server.starts_with("http://") || server.find_first_not_of(kAllowed) != server.npos) {
    return fail("\"" + server + "\" is not the URL of a server such as http://10.0.0.1:8080");
  }
  return {};
}

}  // namespace slipway::service
