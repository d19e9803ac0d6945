// provisioning/bootscript.hpp -- the iPXE scripts. Pure text.
//
// Nothing that a client said is put into a script but its MAC, which is six octets by then.
// Written for the iPXE of Debian 12 (2019).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/net.hpp"
#include "provisioning/artifacts.hpp"

namespace slipway::provisioning {

// Where the client reaches us.
struct ServerAddress {
  Ipv4 address{};
  std::uint16_t port = 0;
  [[nodiscard]] std::string url() const;  // http://10.0.0.1:8080
};

// Where an installer of others reports its end.
[[nodiscard]] std::string report_url(const ServerAddress& server, std::string_view token);

// For a request that does not say who asks: asks again with what iPXE knows of the machine. Fits
// every client, so that DHCP can name one short URL.
[[nodiscard]] std::string chain_script(const ServerAddress& server);

// Starts the disk: by the BIOS disk number where there is one, else by leaving iPXE with an error,
// upon which UEFI goes on to its next boot entry.
[[nodiscard]] std::string local_disk_script();

struct AgentBoot {
  ServerAddress server{};
  InstallerFiles installer{};
  Mac mac{};  // of the network card that booted
  std::string_view token{};
};
// Starts the agent. The token is not in the command line but in an initrd of its own (SG9). What
// fails is tried again from the start, where the server decides anew.
[[nodiscard]] std::string agent_script(const AgentBoot& boot);

// Starts an installer of others with `command_line` (command_line.hpp). Its token stands on the
// command line, the one exception of SG9: it is of no use to another taker.
struct ThirdPartyScript {
  std::string kernel_url{};
  std::vector<std::string> initrd_urls{};
  std::string command_line{};
};
[[nodiscard]] std::string third_party_script(const ServerAddress& server,
                                             const ThirdPartyScript& script);
// The same as commands of GRUB 2.12. Each word is quoted: GRUB ends a command at a semicolon.
[[nodiscard]] std::string third_party_grub_config(const ServerAddress& server,
                                                  const ThirdPartyScript& script);

// How GRUB names us by HTTP: (http,10.0.0.1:8080). Before 2.12 it knows port 80 alone, and takes a
// port for a part of the name, so that one is left out.
[[nodiscard]] std::string grub_device(const ServerAddress& server);

// agent_script() as commands of GRUB 2.12, whose HTTP takes a port.
[[nodiscard]] std::string agent_grub_config(const AgentBoot& boot);

// The same for a GRUB that has no HTTP: kernel and initramfs by TFTP, which tells no tokens. The
// agent asks for its own, as from a stick (agent/stick.hpp). `boot.token` is not used.
[[nodiscard]] std::string agent_grub_tftp_config(const AgentBoot& boot);

}  // namespace slipway::provisioning
