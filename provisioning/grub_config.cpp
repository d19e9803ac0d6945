#include "provisioning/grub_config.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kConfig = "grub.cfg";
constexpr std::string_view kEthernet = "01-";  // the hardware type before a MAC, as PXELINUX has it

std::string config_path(const ServerAddress& server, std::string_view mac) {
  return grub_device(server) + "/grub/grub.cfg-" + std::string(mac);
}

}  // namespace

std::optional<GrubConfigName> parse_grub_config_name(std::string_view name) {
  if (!name.starts_with(kConfig)) return std::nullopt;
  name.remove_prefix(kConfig.size());
  if (name.empty()) return GrubConfigName{};
  if (!name.starts_with('-')) return std::nullopt;
  name.remove_prefix(1);
  const bool has_type = name.starts_with(kEthernet) && name.size() > kEthernet.size() + 14;
  if (has_type) name.remove_prefix(kEthernet.size());
  const auto mac = Mac::parse(name);
  if (!mac) return std::nullopt;
  return GrubConfigName{mac};
}

// A server that is being restarted is back within seconds.
std::string grub_chain_config(const ServerAddress& server) {
  const auto again = "configfile " + config_path(server, "$net_default_mac") + "\n";
  return again + "sleep 5\n" + again + "sleep 15\n" + again + "exit\n";
}

// Whether GRUB has HTTP shows when it is used: with Secure Boot `insmod` of Debian's 2.06 says that
// all is well and loads nothing.
std::string grub_tftp_config(const AgentBoot& boot) {
  return "configfile " + config_path(boot.server, boot.mac.text()) + "\n" +
         agent_grub_tftp_config(boot) + "sleep 15\n" + grub_chain_config(boot.server);
}

// `exit` alone leads some firmware into its menu: it takes it for a system that ended well.
std::string grub_local_disk_config() {
  constexpr std::string_view kFile = "/EFI/BOOT/BOOTX64.EFI";
  std::string config = "if search --no-floppy --file --set=root ";
  config += kFile;
  config += "; then\n  chainloader ";
  config += kFile;
  return config + "\n  boot\nfi\nexit\n";
}

std::string grub_again(const ServerAddress& server, const Mac& mac) {
  return "sleep 10\nconfigfile " + config_path(server, mac.text()) + "\n";
}

}  // namespace slipway::provisioning
