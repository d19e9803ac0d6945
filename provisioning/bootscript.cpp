#include "provisioning/bootscript.hpp"

#include <algorithm>
#include <initializer_list>

namespace slipway::provisioning {
namespace {

// In one piece of memory: every request of a booting rack makes a script.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t octets = 0;
  for (const auto part : parts) octets += part.size();
  std::string text;
  text.reserve(octets);
  for (const auto part : parts) text += part;
  return text;
}

}  // namespace

std::string ServerAddress::url() const {
  return joined({"http://", address.text(), ":", std::to_string(port)});
}

std::string chain_script(const ServerAddress& server) {
  const auto chain = "chain --replace " + server.url() +
                     "/boot.ipxe?mac=${netX/mac}&uuid=${uuid}&serial=${serial:uristring}"
                     "&platform=${platform}&buildarch=${buildarch}"
                     "&manufacturer=${manufacturer:uristring}&product=${product:uristring} ||\n";
  // A server that is being restarted is back within seconds.
  return "#!ipxe\n" + chain + "sleep 2\n" + chain + "sleep 5\n" + chain + "sleep 10\n" + chain +
         "exit 1\n";
}

std::string local_disk_script() {
  return "#!ipxe\n"
         "iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||\n"
         "exit 1\n";
}

std::string report_url(const ServerAddress& server, std::string_view token) {
  return server.url() + "/h/" + std::string(token) + "/report";
}

namespace {

// What the agent's kernel is told, however it was loaded.
std::string agent_command_line(const AgentBoot& boot, std::string_view server_url) {
  return joined({"slipway.server=", server_url, " BOOTIF=01-", boot.mac.hyphens(),
                 " console=tty0 console=ttyS0,115200"});
}

// The rest of a script whose `boot` has returned, or did not come about.
std::string try_again(std::string_view server_url) {
  const auto again = joined({"chain --replace ", server_url, "/boot.ipxe ||\n"});
  return joined({":failed\nimgfree\nsleep 5\n", again, "sleep 15\n", again, "exit 1\n"});
}

// http://SERVER/path as GRUB writes it.
std::string grub_path(const ServerAddress& server, std::string_view url) {
  url.remove_prefix(server.url().size());
  return grub_device(server) + std::string(url);
}

}  // namespace

std::string grub_device(const ServerAddress& server) {
  constexpr std::uint16_t kHttpPort = 80;
  const bool says_port = server.port != kHttpPort;
  return "(http," + server.address.text() + (says_port ? ":" + std::to_string(server.port) : "") +
         ")";
}

std::string agent_grub_config(const AgentBoot& boot) {
  const auto server = grub_device(boot.server);
  return "linux " + server + "/artifacts/" + boot.installer.vmlinuz.text() + "/vmlinuz " +
         agent_command_line(boot, boot.server.url()) + "\ninitrd " + server + "/artifacts/" +
         boot.installer.initramfs.text() + "/initramfs.img " + server + "/h/" +
         std::string(boot.token) + "/initrd\nboot\n";
}

std::string agent_grub_tftp_config(const AgentBoot& boot) {
  const auto artifacts = "(tftp," + boot.server.address.text() + ")/artifacts/";
  const auto only = " slipway.medium=none slipway.mac=" + boot.mac.text();
  return "linux " + artifacts + boot.installer.vmlinuz.text() + "/vmlinuz " +
         agent_command_line(boot, boot.server.url()) + only + "\ninitrd " + artifacts +
         boot.installer.initramfs.text() + "/initramfs.img\nboot\n";
}

std::string agent_script(const AgentBoot& boot) {
  const auto base = boot.server.url();
  return joined({"#!ipxe\nkernel ", base, "/artifacts/", boot.installer.vmlinuz.text(),
                 "/vmlinuz initrd=initramfs.img initrd=token.img ", agent_command_line(boot, base),
                 " || goto failed\ninitrd --name initramfs.img ", base, "/artifacts/",
                 boot.installer.initramfs.text(),
                 "/initramfs.img || goto failed\ninitrd --name token.img ", base, "/h/", boot.token,
                 "/initrd || goto failed\nboot ||\n", try_again(base)});
}

// Every initrd has a name of its own: under UEFI the kernel finds them by `initrd=NAME`.
std::string third_party_script(const ServerAddress& server, const ThirdPartyScript& script) {
  std::string names;
  std::string files;
  for (std::size_t i = 0; i < script.initrd_urls.size(); ++i) {
    const auto name = "initrd" + std::to_string(i + 1) + ".img";
    names += " initrd=" + name;
    files += "initrd --name " + name + " " + script.initrd_urls[i] + " || goto failed\n";
  }
  return "#!ipxe\nkernel " + script.kernel_url + names + " " + script.command_line +
         " || goto failed\n" + files + "boot ||\n" + try_again(server.url());
}

std::string third_party_grub_config(const ServerAddress& server, const ThirdPartyScript& script) {
  std::string config = "linux " + grub_path(server, script.kernel_url);
  std::string_view rest = script.command_line;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(' '), rest.size());
    config += " '" + std::string(rest.substr(0, end)) + "'";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  config += "\ninitrd";
  for (const auto& url : script.initrd_urls) config += " " + grub_path(server, url);
  return config + "\nboot\n";
}

}  // namespace slipway::provisioning
