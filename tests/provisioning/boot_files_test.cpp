#include "provisioning/boot_files.hpp"

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

constexpr Ipv4 kClient{{10, 0, 0, 100}};
constexpr Ipv4 kOurs{{10, 0, 0, 1}};

std::string content(Depot& depot, std::string_view name) {
  const auto source = depot.provisioning->tftp_files().open(name, kClient, kOurs);
  if (source == nullptr) return "none";
  std::string text(source->size_octets(), '?');
  const std::span out(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  REQUIRE(source->read(0, out) == text.size());
  return text;
}

}  // namespace

TEST_CASE("1c.33 TFTP gives what HTTP gives, under the same paths", "[provisioning][boot_files]") {
  Depot depot;
  const auto digest = Sha256::of("vmlinuz").text();
  CHECK(content(depot, "ipxe.efi") == "content of ipxe.efi");
  CHECK(content(depot, "loader/ipxe.efi") == "content of ipxe.efi");
  CHECK(content(depot, "artifacts/" + digest + "/vmlinuz") == "kernel");
  CHECK(content(depot, "boot.ipxe").starts_with("#!ipxe\n"));
  CHECK(content(depot, "boot.ipxe").contains("http://10.0.0.1:8080/boot.ipxe?mac="));
}

TEST_CASE("1c.33 other paths that firmware asks for are not there", "[provisioning][boot_files]") {
  Depot depot;
  const auto digest = Sha256::of("vmlinuz").text();
  const std::string name = GENERATE_COPY(
      as<std::string>{}, "revocations.efi", "revocations_sku.efi", "shim_certificate_0.efi",
      "grub/x86_64-efi/command.lst", "autoexec.ipxe", "loader", "loader/secret.txt",
      "loader/../slipway.db", "artifacts", "artifacts/" + digest, "artifacts/zz/vmlinuz",
      "artifacts/" + digest + "/a/b", "artifacts/" + Sha256::of("else").text() + "/vmlinuz", "i",
      "i/debian", "i/debian/1", "i/debian/1/linux", "h/0123456789abcdef/user-data", "boot.token");
  CAPTURE(name);
  CHECK(content(depot, name) == "none");
}

TEST_CASE("an artifact of a disk is read from any offset", "[provisioning][boot_files]") {
  Depot depot;
  const auto name = "artifacts/" + Sha256::of("vmlinuz").text() + "/vmlinuz";
  const auto source = depot.provisioning->tftp_files().open(name, kClient, kOurs);
  REQUIRE(source != nullptr);
  std::array<std::uint8_t, 4> out{};
  CHECK(source->read(4, out) == 2U);
  CHECK(as_text(ByteView(out).first(2)) == "el");
  CHECK(source->read(6, out) == 0U);
}

}  // namespace slipway::provisioning
