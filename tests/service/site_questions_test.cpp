#include "service/site_questions.hpp"

#include <algorithm>

#include "provisioning/yaml.hpp"
#include "tests/support/catch.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

const SiteQuestion& question(std::string_view path) {
  const auto found = std::ranges::find(site_questions(), path, &SiteQuestion::path);
  REQUIRE(found != site_questions().end());
  return *found;
}

prov::Value site_of(std::string_view text) { return prov::parse_yaml(text, "f").value; }

std::string mistake(std::string_view site, std::string_view path, const std::string& text) {
  return mistake_of({}, site_of(site), question(path), text);
}

// The paths that are asked for the site.
std::vector<std::string_view> asked(std::string_view site) {
  std::vector<std::string_view> paths;
  const auto value = site_of(site);
  for (const auto& one : site_questions()) {
    if (one.is_asked(value)) paths.push_back(one.path);
  }
  return paths;
}

}  // namespace

TEST_CASE("an answer is judged by the rules of the site's file", "[service][site_questions]") {
  CHECK(mistake("{}", "name", "store-1").empty());
  CHECK(mistake("{}", "name", "").find("needed") == 0);
  CHECK(mistake("{}", "name", "a/b").find("is no name") != std::string::npos);
  CHECK(mistake("{}", "network.type", "statik") ==
        "network.type must be dhcp or static, not `statik`");
  CHECK(mistake("{network: {type: static}}", "network.mask", "24").empty());
  CHECK(mistake("{network: {type: static}}", "network.mask", "255.255.255.0").empty());
  CHECK_FALSE(mistake("{network: {type: static}}", "network.mask", "33").empty());
  CHECK(mistake("{}", "stylus.site.paletteEndpoint", "https://x") ==
        "stylus.site.paletteEndpoint must be HOST or HOST:PORT, without https://, not `https://x`");
  CHECK(mistake("{}", "network.httpProxy", "").empty());
  CHECK_FALSE(mistake("{}", "network.httpProxy", "proxy:3128").empty());
  CHECK(mistake("{}", "stylus.registryCredentials.insecure", "false").empty());
  CHECK_FALSE(mistake("{}", "stylus.registryCredentials.insecure", "maybe").empty());
}

TEST_CASE("a gateway is judged together with the address", "[service][site_questions]") {
  constexpr std::string_view kSite =
      "{name: a, network: {type: static, ipAddress: 10.4.2.10, mask: 24}}";
  CHECK(mistake(kSite, "network.gateway", "10.4.2.1").empty());
  CHECK(mistake(kSite, "network.gateway", "10.4.3.1") ==
        "the gateway 10.4.3.1 is not inside 10.4.2.10/24");
  CHECK(mistake(kSite, "network.gateway", "10.4.2.10") == "the gateway is the host's own address");
}

TEST_CASE("tags are pairs", "[service][site_questions]") {
  CHECK(mistake("{}", "stylus.site.tags", "region=north, rack = 3").empty());
  for (const auto* text : {"region", "=x", "a=", "a=b,,c=d"}) {
    INFO(text);
    CHECK(mistake("{}", "stylus.site.tags", text) == "must be KEY=VALUE, several with commas");
  }
  const auto site =
      with_answer(site_of("{}"), question("stylus.site.tags"), "region=north, a.b = c=d");
  CHECK(prov::emit_yaml(site) ==
        "stylus:\n  site:\n    tags:\n      region: north\n      a.b: \"c=d\"\n");
}

TEST_CASE("only what has a meaning is asked", "[service][site_questions]") {
  using Paths = std::vector<std::string_view>;
  CHECK(asked("{network: {type: dhcp}}") == Paths{"name", "network.type", "network.httpProxy",
                                                  "stylus.site.paletteEndpoint", "stylus.site.tags",
                                                  "stylus.registryCredentials.domain"});
  CHECK(asked("{network: {type: static, ipAddress: 10.0.0.1}}").size() == 10);
  CHECK(asked("{network: {type: static, ipAddress: 10.0.0.1/24}}").size() == 9);
  CHECK(asked("{stylus: {site: {paletteEndpoint: a}}}").size() == 11);
  CHECK(asked("{stylus: {site: {paletteEndpoint: a, projectName: b}}}").size() == 10);
}

TEST_CASE("an empty answer takes away what was there, and the map that it leaves empty",
          "[service][site_questions]") {
  const auto site = site_of("{name: a, stylus: {registryCredentials: {domain: x}}, reboot: true}");
  CHECK(prov::emit_yaml(with_answer(site, question("stylus.registryCredentials.domain"), "")) ==
        "name: a\nreboot: true\n");
  CHECK(with_answer(site, question("network.mask"), "").same_as(site));
}

TEST_CASE("a name that the inventory has is refused with its place", "[service][site_questions]") {
  prov::Inventory inventory;
  inventory.sites.push_back({.name = "store", .user_data = {}, .mark = {"sites/s.yaml", 1, 1}});
  CHECK(mistake_of(inventory, site_of("{}"), question("name"), "store") ==
        "site `store` exists at sites/s.yaml:1:1");
}

}  // namespace slipway::service
