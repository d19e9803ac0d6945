#include "provisioning/bootscript.hpp"

namespace slipway::provisioning {

std::string ServerAddress::url() const {
  return "http://" + address.text() + ":" + std::to_string(port);
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
std::string agent_command_line(const AgentBoot& boot) {
  return "slipway.server=" + boot.server.url() + " BOOTIF=01-" + boot.mac.hyphens() +
         " console=tty0 console=ttyS0,115200";
}

}  // namespace

std::string agent_grub_config(const AgentBoot& boot) {
  const auto server =
      "(http," + boot.server.address.text() + ":" + std::to_string(boot.server.port) + ")";
  return "linux " + server + "/artifacts/" + boot.installer.vmlinuz.text() + "/vmlinuz " +
         agent_command_line(boot) + "\ninitrd " + server + "/artifacts/" +
         boot.installer.initramfs.text() + "/initramfs.img " + server + "/h/" +
         std::string(boot.token) + "/initrd\nboot\n";
}

std::string agent_script(const AgentBoot& boot) {
  const auto base = boot.server.url();
  const auto again = "chain --replace " + base + "/boot.ipxe ||\n";
  std::string script = "#!ipxe\n";
  script += "kernel " + base + "/artifacts/" + boot.installer.vmlinuz.text() +
            "/vmlinuz initrd=initramfs.img initrd=token.img " + agent_command_line(boot) +
            " || goto failed\n";
  script += "initrd --name initramfs.img " + base + "/artifacts/" +
            boot.installer.initramfs.text() + "/initramfs.img || goto failed\n";
  script += "initrd --name token.img " + base + "/h/" + std::string(boot.token) +
            "/initrd || goto failed\n";
  script += "boot ||\n";
  script += ":failed\n";
  script += "imgfree\n";
  script += "sleep 5\n" + again + "sleep 15\n" + again + "exit 1\n";
  return script;
}

}  // namespace slipway::provisioning
