// What firmware and loaders need of the boot plane, whatever host they boot: HEAD, lengths, types,
// no redirects, addresses instead of names.
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

constexpr auto kMac = "52:54:00:aa:00:01";

std::string header_of(const http::Response& response, std::string_view name) {
  for (const auto& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

std::uint64_t body_octets(const http::Response& response) {
  if (const auto* file = std::get_if<http::FileBody>(&response.body)) {
    return file->file->size_octets();
  }
  return std::get<std::string>(response.body).size();
}

// Every path that can be asked for with GET, for a host that has just got its script.
std::vector<std::string> all_paths(const std::string& token) {
  std::vector<std::string> paths{"/boot.ipxe",
                                 "/boot.ipxe?mac=" + std::string(kMac),
                                 "/boot.ipxe?mac=52:54:00:bb:00:09",
                                 "/boot.ipxe?mac=nonsense",
                                 "/boot.token?mac=" + std::string(kMac),
                                 "/artifacts/" + Sha256::of("vmlinuz").text() + "/vmlinuz",
                                 "/artifacts/" + Sha256::of("absent").text() + "/vmlinuz",
                                 "/loader/ipxe.efi",
                                 "/loader/absent.efi",
                                 "/h/00000000000000000000000000000000/user-data",
                                 "/grub/grub.cfg-52:54:00:aa:00:01",
                                 "/agent/v1/plan?wait=0"};
  for (const auto* file : {"initrd", "user-data", "meta-data", "vendor-data", "network-config"}) {
    paths.push_back("/h/" + token + "/" + file);
  }
  return paths;
}

}  // namespace

TEST_CASE("1d.34 HEAD is GET without the body, on every route", "[provisioning][boot-plane]") {
  Depot depot;
  depot.arm("h1");
  for (const auto& path : all_paths(depot.token_for(kMac))) {
    INFO(path);
    const auto head = depot.ask(path, {.method = http::Method::head});
    const auto get = depot.ask(path);
    CHECK(head.status == get.status);
    CHECK(body_octets(head) == body_octets(get));
    CHECK(header_of(head, "Content-Type") == header_of(get, "Content-Type"));
    CHECK(header_of(head, "ETag") == header_of(get, "ETag"));
  }
}

TEST_CASE("1d.35 nobody is redirected, asked for a password, or given an encoding",
          "[provisioning][boot-plane]") {
  Depot depot;
  depot.arm("h1");
  for (const auto& path : all_paths(depot.token_for(kMac))) {
    INFO(path);
    const auto answer = depot.ask(path);
    CHECK((answer.status == 200 || answer.status >= 400));
    CHECK(header_of(answer, "Location").empty());
    // The agent's protocol is no URL of a firmware: its 401 says what is missing.
    CHECK((path.starts_with("/agent/") || header_of(answer, "WWW-Authenticate").empty()));
    CHECK(header_of(answer, "Content-Encoding").empty());
    CHECK(header_of(answer, "Transfer-Encoding").empty());
  }
}

TEST_CASE("1d.36 boot programs have the type that UEFI knows them by",
          "[provisioning][boot-plane]") {
  Depot depot;
  CHECK(header_of(depot.ask("/loader/ipxe.efi"), "Content-Type") == "application/efi");
  CHECK(header_of(depot.ask("/loader/undionly.kpxe"), "Content-Type") ==
        "application/octet-stream");
  const auto artifact = "/artifacts/" + Sha256::of("vmlinuz").text() + "/";
  CHECK(header_of(depot.ask(artifact + "bench.iso"), "Content-Type") == "application/vnd.efi-iso");
  CHECK(header_of(depot.ask(artifact + "bench.IMG"), "Content-Type") == "application/vnd.efi-img");
  CHECK(header_of(depot.ask(artifact + "vmlinuz"), "Content-Type") == "application/octet-stream");
}

TEST_CASE("1d.39 a loader has an ETag and a date, by which a download is resumed",
          "[provisioning][boot-plane]") {
  Depot depot;
  const auto answer = depot.ask("/loader/ipxe.efi");
  const auto* body = std::get_if<http::FileBody>(&answer.body);
  REQUIRE(body != nullptr);
  REQUIRE(body->modified);
  CHECK(body->etag == "\"19-" + std::to_string(*body->modified) + "\"");
  CHECK(*body->modified == body->file->modified());
}

TEST_CASE("hosts that may be installed are let through a crowd, and nobody else",
          "[provisioning][boot-plane]") {
  Depot depot;
  const auto here = *Ipv4::parse("10.0.0.21");
  const bool on_the_lan = GENERATE(true, false);  // else it is known by who asked for its script
  if (on_the_lan) depot.neighbours[here] = *Mac::parse(kMac);
  const auto expects = [&](Ipv4 peer) {
    depot.advance(std::chrono::seconds(1));
    return depot.provisioning->expects(peer);
  };
  CHECK_FALSE(expects(here));
  (void)depot.script_for(kMac);  // it waits
  CHECK_FALSE(expects(here));
  depot.arm("h1");
  CHECK(expects(here));
  (void)depot.script_for(kMac);
  CHECK(depot.state("h1") == "booting");
  CHECK(expects(here));
  CHECK_FALSE(expects(*Ipv4::parse("10.0.0.22")));
  CHECK(depot.order("/api/v1/hosts/h1/disarm").status == 200);
  CHECK_FALSE(expects(here));
}

TEST_CASE("1d.41 the URLs that hosts are given hold an address, never a name",
          "[provisioning][boot-plane]") {
  Depot depot;
  depot.arm("h1");
  dhcp::Client who;
  who.mac = *Mac::parse(kMac);
  const auto server = *Ipv4::parse("10.0.0.1");
  who.arch = dhcp::Arch::http_x64;
  CHECK(depot.provisioning->boot_policy()
            .boot_file(who, server)
            .starts_with("http://10.0.0.1:8080/"));
  who.ipxe = who.ipxe_can_boot = true;
  CHECK(depot.provisioning->boot_policy()
            .boot_file(who, server)
            .starts_with("http://10.0.0.1:8080/"));
  const auto scripts = depot.script_for(kMac) + text_of(depot.ask("/boot.ipxe"));
  std::size_t urls = 0;
  for (auto at = scripts.find("http://"); at != std::string::npos;
       at = scripts.find("http://", at + 1)) {
    CHECK(scripts.substr(at, 20) == "http://10.0.0.1:8080");
    ++urls;
  }
  CHECK(urls >= 4);
}

}  // namespace slipway::provisioning
