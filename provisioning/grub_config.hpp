// provisioning/grub_config.hpp -- what GRUB is given that shim loaded from us. Pure text.
//
// GRUB asks for /grub/grub.cfg, and its configuration may name /grub/grub.cfg-52:54:00:aa:00:01;
// its own search goes by /grub/grub.cfg-01-52-54-00-aa-00-01. Over TFTP a host gets a script that
// goes on by HTTP, as iPXE does: who takes a token must have shown that the address is his. For
// GRUB 2.12; the HTTP of 2.06 knows port 80 alone, and Debian's signed 2.06 has none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/net.hpp"
#include "provisioning/bootscript.hpp"

namespace slipway::provisioning {

// A request for a configuration.
struct GrubConfigName {
  std::optional<Mac> mac{};  // of the host it is for, when the name says so
};

// The part after /grub/; nothing for any other file, such as x86_64-efi/command.lst.
[[nodiscard]] std::optional<GrubConfigName> parse_grub_config_name(std::string_view name);

// For whoever asks: again by HTTP, with the MAC of the card that booted.
[[nodiscard]] std::string grub_chain_config(const ServerAddress& server);

// The same over TFTP for a host that boots our installer: a GRUB without HTTP (Debian 12's signed
// one) takes kernel and initramfs by TFTP and lets the agent ask for its token.
[[nodiscard]] std::string grub_tftp_config(const AgentBoot& boot);

// Starts the disk by the boot program that every UEFI system may have, else leaves GRUB.
[[nodiscard]] std::string grub_local_disk_config();

// What follows a configuration whose `boot` has not come about: the server decides anew.
[[nodiscard]] std::string grub_again(const ServerAddress& server, const Mac& mac);

}  // namespace slipway::provisioning
