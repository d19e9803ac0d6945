// What GRUB asks for after shim: names, texts, and the same decision as for iPXE.
#include <fstream>
#include <iterator>

#include "provisioning/grub_config.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

constexpr auto kMac = "52:54:00:aa:00:01";
constexpr auto kConfig = "/grub/grub.cfg-52:54:00:aa:00:01";
const auto kHere = *Ipv4::parse("10.0.0.21");
const auto kOurs = *Ipv4::parse("10.0.0.1");
const ServerAddress kServer{.address = kOurs, .port = 8080};
const auto kLocalDisk = grub_local_disk_config();

std::string kept(const std::string& name) {
  std::ifstream file(std::string(SLIPWAY_SOURCE_DIR "/tests/golden/boot/") + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string by_tftp(Depot& depot, std::string_view name) {
  const auto source = depot.provisioning->tftp_files().open(name, kHere, kOurs);
  if (source == nullptr) return "none";
  std::string text(source->size_octets(), '?');
  const std::span out(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  REQUIRE(source->read(0, out) == text.size());
  return text;
}

// The token in a script of GRUB.
std::string token_in(const std::string& script) {
  const auto at = script.find("/h/");
  REQUIRE(at != std::string::npos);
  return script.substr(at + 3, script.find('/', at + 3) - at - 3);
}

}  // namespace

TEST_CASE("1c.33 the names under which GRUB asks for its configuration", "[provisioning][grub]") {
  const auto mac = Mac::parse(kMac);
  CHECK_FALSE(parse_grub_config_name("grub.cfg")->mac);
  CHECK(parse_grub_config_name("grub.cfg-52:54:00:aa:00:01")->mac == mac);
  CHECK(parse_grub_config_name("grub.cfg-01-52-54-00-aa-00-01")->mac == mac);
  CHECK(parse_grub_config_name("grub.cfg-52-54-00-aa-00-01")->mac == mac);
  // A MAC may begin with 01, and then no hardware type stands before it.
  CHECK(parse_grub_config_name("grub.cfg-01-54-00-aa-00-01")->mac ==
        Mac::parse("01:54:00:aa:00:01"));
  for (const auto* other : {"", "grub", "grub.cfg-", "grub.cfg-01-", "grub.cfgx",
                            "grub.cfg-0A000001", "grub.cfg-52:54:00:aa:00",
                            "grub.cfg-12345678-1234-5678-9abc-def012345678", "command.lst"}) {
    INFO(other);
    CHECK_FALSE(parse_grub_config_name(other));
  }
}

TEST_CASE("what GRUB is given reads as it was kept", "[provisioning][grub]") {
  CHECK(grub_chain_config(kServer) == kept("chain.grub.cfg"));
  CHECK(grub_local_disk_config() == kept("local-disk.grub.cfg"));
  const AgentBoot boot{.server = kServer,
                       .installer = {.vmlinuz = Sha256::of("a"), .initramfs = Sha256::of("b")},
                       .mac = *Mac::parse(kMac),
                       .token = "0123456789abcdef0123456789abcdef"};
  CHECK(grub_tftp_config(boot) == kept("tftp.grub.cfg"));
  CHECK(agent_grub_config(boot) + grub_again(kServer, boot.mac) == kept("agent.grub.cfg"));
}

TEST_CASE("GRUB before 2.12 takes no port by HTTP, so that of the Web is not said",
          "[provisioning][grub]") {
  CHECK(grub_device(kServer) == "(http,10.0.0.1:8080)");
  CHECK(grub_device({.address = kOurs, .port = 80}) == "(http,10.0.0.1)");
}

TEST_CASE("an armed host is installed by way of GRUB as by way of iPXE", "[provisioning][grub]") {
  Depot depot;
  depot.neighbours[kHere] = *Mac::parse(kMac);
  depot.arm("h1");
  const auto* path = GENERATE("/grub/grub.cfg", "/grub/grub.cfg-52:54:00:aa:00:01",
                              "/grub/grub.cfg-01-52-54-00-aa-00-01");
  CAPTURE(path);
  const auto answer = depot.ask(path);
  REQUIRE(answer.status == 200);
  const auto script = text_of(answer);
  CHECK(script.starts_with("linux (http,10.0.0.1:8080)/artifacts/"));
  CHECK(
      script.ends_with("boot\nsleep 10\nconfigfile "
                       "(http,10.0.0.1:8080)/grub/grub.cfg-52:54:00:aa:00:01\n"));
  CHECK(depot.state("h1") == "booting");
  const auto token = token_in(script);
  CHECK(text_of(depot.ask(path)) == script);  // the answer may be lost
  // The kernel line does not show it.
  CHECK(script.substr(0, script.find('\n')).find(token) == std::string::npos);
  CHECK(depot.ask("/h/" + token + "/initrd").status == 200);
  CHECK_FALSE(depot.session_for(token).empty());
}

TEST_CASE("1d.34 GRUB asks with HEAD first, which begins nothing", "[provisioning][grub]") {
  Depot depot;
  depot.arm("h1");
  const auto head = depot.ask(kConfig, {.method = http::Method::head});
  CHECK(head.status == 200);
  CHECK_THAT(text_of(head), ContainsSubstring("/h/00000000000000000000000000000000/initrd"));
  CHECK(depot.state("h1") == "armed");
  CHECK(depot.host("h1").sessions.empty());
  CHECK(text_of(depot.ask(kConfig)).size() == text_of(head).size());
}

TEST_CASE("1c.33 over TFTP GRUB is sent on to HTTP, and nothing begins", "[provisioning][grub]") {
  Depot depot;
  depot.neighbours[kHere] = *Mac::parse(kMac);
  depot.arm("h1");
  for (const auto* name : {"grub/grub.cfg", "grub/grub.cfg-52:54:00:aa:00:01"}) {
    INFO(name);
    const auto text = by_tftp(depot, name);
    CHECK(text.starts_with("configfile (http,10.0.0.1:8080)/grub/grub.cfg-52:54:00:aa:00:01\n"));
    CHECK(text.ends_with(grub_chain_config(kServer)));
    CHECK_FALSE(text.contains("/h/"));
  }
  CHECK(depot.state("h1") == "armed");
  CHECK(depot.host("h1").sessions.empty());
  CHECK(by_tftp(depot, "grub/x86_64-efi/command.lst") == "none");
  CHECK(by_tftp(depot, "grub/grub.cfg-0A000015") == "none");
}

TEST_CASE("a host that may not be installed starts its disk, a stranger gets nothing",
          "[provisioning][grub]") {
  Depot depot;
  depot.config.unknown_hosts = UnknownHosts::ignore;
  depot.restart();
  CHECK(text_of(depot.ask(kConfig)) == kLocalDisk);
  CHECK(by_tftp(depot, "grub/grub.cfg-52:54:00:aa:00:01") == kLocalDisk);
  CHECK(depot.ask("/grub/grub.cfg-52:54:00:bb:00:09").status == 404);
  CHECK(by_tftp(depot, "grub/grub.cfg-52:54:00:bb:00:09") == "none");
  depot.neighbours[kHere] = *Mac::parse("52:54:00:bb:00:09");
  CHECK(depot.ask("/grub/grub.cfg").status == 404);
  CHECK(depot.ask("/grub/x86_64-efi/command.lst").status == 404);
  CHECK(depot.ask("/grub/command.lst").status == 404);
}

TEST_CASE("behind a router GRUB must say its MAC", "[provisioning][grub]") {
  Depot depot;
  depot.arm("h1");
  CHECK(text_of(depot.ask("/grub/grub.cfg")) == grub_chain_config(kServer));
  CHECK(by_tftp(depot, "grub/grub.cfg") == grub_chain_config(kServer));
  CHECK(depot.state("h1") == "armed");
}

TEST_CASE("SG3: GRUB's configuration for another machine is refused and costs the host nothing",
          "[provisioning][grub][sg3]") {
  Depot depot;
  depot.arm("h1");
  depot.neighbours[kHere] = *Mac::parse("52:54:00:aa:00:02");
  CHECK(depot.ask(kConfig).status == 403);
  CHECK(by_tftp(depot, "grub/grub.cfg-52:54:00:aa:00:01") == "none");
  CHECK(depot.state("h1") == "armed");
  CHECK(depot.host("h1").arming->attempts_used == 0);
}

}  // namespace slipway::provisioning
