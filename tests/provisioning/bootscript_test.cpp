#include "provisioning/bootscript.hpp"

#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {
const ServerAddress kServer{.address = *Ipv4::parse("10.0.0.1"), .port = 8080};
}

TEST_CASE("without parameters the script asks again with them", "[provisioning][bootscript]") {
  CHECK(chain_script(kServer) == R"(#!ipxe
chain --replace http://10.0.0.1:8080/boot.ipxe?mac=${netX/mac}&uuid=${uuid}&serial=${serial:uristring}&platform=${platform}&buildarch=${buildarch}&manufacturer=${manufacturer:uristring}&product=${product:uristring} ||
sleep 2
chain --replace http://10.0.0.1:8080/boot.ipxe?mac=${netX/mac}&uuid=${uuid}&serial=${serial:uristring}&platform=${platform}&buildarch=${buildarch}&manufacturer=${manufacturer:uristring}&product=${product:uristring} ||
sleep 5
chain --replace http://10.0.0.1:8080/boot.ipxe?mac=${netX/mac}&uuid=${uuid}&serial=${serial:uristring}&platform=${platform}&buildarch=${buildarch}&manufacturer=${manufacturer:uristring}&product=${product:uristring} ||
sleep 10
chain --replace http://10.0.0.1:8080/boot.ipxe?mac=${netX/mac}&uuid=${uuid}&serial=${serial:uristring}&platform=${platform}&buildarch=${buildarch}&manufacturer=${manufacturer:uristring}&product=${product:uristring} ||
exit 1
)");
}

TEST_CASE("the local disk is started by number on BIOS, by leaving on UEFI",
          "[provisioning][bootscript]") {
  CHECK(local_disk_script() == R"(#!ipxe
iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||
exit 1
)");
}

TEST_CASE("the agent's token is in an initrd of its own, not on the command line (SG9)",
          "[provisioning][bootscript][sg9]") {
  const AgentBoot boot{.server = kServer,
                       .installer = {.vmlinuz = Sha256::of("a"), .initramfs = Sha256::of("b")},
                       .mac = *Mac::parse("52:54:00:AA:00:01"),
                       .token = "0123456789abcdef0123456789abcdef"};
  CHECK(
      agent_grub_config(boot) ==
      R"(linux (http,10.0.0.1:8080)/artifacts/ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb/vmlinuz slipway.server=http://10.0.0.1:8080 BOOTIF=01-52-54-00-aa-00-01 console=tty0 console=ttyS0,115200
initrd (http,10.0.0.1:8080)/artifacts/3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d/initramfs.img (http,10.0.0.1:8080)/h/0123456789abcdef0123456789abcdef/initrd
boot
)");
  CHECK(agent_script(boot) == R"(#!ipxe
kernel http://10.0.0.1:8080/artifacts/ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb/vmlinuz initrd=initramfs.img initrd=token.img slipway.server=http://10.0.0.1:8080 BOOTIF=01-52-54-00-aa-00-01 console=tty0 console=ttyS0,115200 || goto failed
initrd --name initramfs.img http://10.0.0.1:8080/artifacts/3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d/initramfs.img || goto failed
initrd --name token.img http://10.0.0.1:8080/h/0123456789abcdef0123456789abcdef/initrd || goto failed
boot ||
:failed
imgfree
sleep 5
chain --replace http://10.0.0.1:8080/boot.ipxe ||
sleep 15
chain --replace http://10.0.0.1:8080/boot.ipxe ||
exit 1
)");
}

}  // namespace slipway::provisioning
