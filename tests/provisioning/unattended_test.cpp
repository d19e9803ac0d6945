#include "provisioning/unattended.hpp"

#include <algorithm>

#include "provisioning/inventory_writer.hpp"
#include "provisioning/userdata.hpp"
#include "provisioning/yaml.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const Mistakes& mistakes) {
  Lines lines;
  for (const auto& mistake : mistakes) {
    if (!mistake.is_warning) lines.push_back(mistake.line());
  }
  return lines;
}

Lines mistakes_of(std::string_view text) { return lines_of(read_answers(text, "a.yaml").mistakes); }

constexpr std::string_view kProfile = R"(name: edge
installer: {kind: flash, image: demo@1}
format: kairos
disk: {select: [{type: virtio}]}
)";

}  // namespace

TEST_CASE("properties stand under their own names, and become what a site file holds",
          "[provisioning][unattended]") {
  const auto answers = read_answers(R"(#cloud-config
name: store-1
profile: edge@1.0.0
paletteEndPoint: api.example.com
edgeHostToken: t
projectUid: p
tags: {region: north}
caCerts: [a]
network: {type: dhcp}
registryCredentials: {domain: r.example.com, username: u, password: pw}
---
stylus: {debug: true, site: {name: box-2, prefix: x}}
name: store-2
hostName: two
reboot: true
)",
                                    "a.yaml");
  CHECK(answers.mistakes.empty());
  REQUIRE(answers.sites.size() == 2);
  CHECK(answers.sites[0].profile == "edge@1.0.0");
  CHECK(answers.sites[0].profile_mark.text() == "a.yaml:3:10");
  CHECK(emit_yaml(answers.sites[0].site) == R"(name: store-1
network:
  type: dhcp
stylus:
  site:
    paletteEndpoint: api.example.com
    edgeHostToken: t
    projectUid: p
    tags:
      region: north
    caCerts:
      - a
  registryCredentials:
    domain: r.example.com
    username: u
    password: pw
)");
  CHECK(answers.sites[1].profile.empty());
  CHECK(emit_yaml(answers.sites[1].site) == R"(stylus:
  debug: true
  site:
    name: box-2
    prefix: x
    hostName: two
name: store-2
reboot: true
)");
}

TEST_CASE("every site property of the vendor's that we know has its own name",
          "[provisioning][unattended]") {
  std::vector<std::string_view> names;
  for (const auto& property : site_properties()) names.push_back(property.name);
  for (const auto* name :
       {"paletteEndpoint", "registrationURL", "projectUid", "projectName", "edgeHostToken", "tags",
        "prefix", "hostName", "caCerts", "ntpServers", "registryCredentials"}) {
    INFO(name);
    CHECK(std::ranges::count(names, name) == 1);
  }
  CHECK(std::ranges::count(names, "name") == 0);  // the site's own
}

TEST_CASE("what has not the form of answers is said at its place", "[provisioning][unattended]") {
  CHECK(mistakes_of("") == Lines{"a.yaml:1:1: the file has no answers in it"});
  CHECK(mistakes_of("reboot: true\n") == Lines{"a.yaml:1:1: `name` of the site is missing"});
  CHECK(mistakes_of("name: a\npaletteEndpont: x\n") ==
        Lines{"a.yaml:2:1: unknown key `paletteEndpont` in an answers file; did you mean "
              "`paletteEndpoint`?"});
  CHECK(mistakes_of("name: a\n---\n- b\n") ==
        Lines{"a.yaml:3:1: an answers file must be a map of keys, not a list"});
  CHECK(mistakes_of("name: a\nprefix: x\nstylus: {site: {prefix: y}}\n") ==
        Lines{"a.yaml:2:1: stylus.site.prefix is said twice, also at a.yaml:3:17; keep one"});
  CHECK(mistakes_of("name: a\nprofile: [x]\n").size() == 1);
  CHECK(mistakes_of("name: a\n---\nname: [\n").size() == 1);
}

TEST_CASE("a section of the wrong kind stays to be said when the site is read",
          "[provisioning][unattended]") {
  Folder folder;
  const auto answers = read_answers("name: a\nstylus: x\nprefix: p\n", "a.yaml");
  CHECK(answers.mistakes.empty());
  Additions additions;
  additions.sites.push_back(answers.sites[0].site);
  const auto checked = check_additions(folder.path(), additions, Existing::refuse);
  CHECK(lines_of(checked.mistakes) == Lines{"a.yaml:2:9: stylus must be a map, not `x`"});
}

TEST_CASE("a token may lie in a file beside the answers", "[provisioning][unattended]") {
  Folder folder;
  folder.write("token", "t0ken\n", 0600);
  const auto answers =
      read_answers("name: a\nedgeHostToken: !secret token\n", folder.path() / "a.yaml");
  REQUIRE(answers.sites.size() == 1);
  CHECK(answers.mistakes.empty());
  CHECK(*answers.sites[0].site.at("stylus.site.edgeHostToken")->revealed() == "t0ken");
}

TEST_CASE("what shows only together with the profile is said at its place in the answers",
          "[provisioning][unattended]") {
  Folder folder;
  folder.write("profiles/edge.yaml", kProfile);
  const auto answers = read_answers(R"(name: a
paletteEndpoint: api.example.com
network: {type: static, ipAddress: 10.4.2.10/24, gateway: 10.4.3.1, interface: eth0}
---
name: b
paletteEndpoint: api.example.com
projectUid: x
projectName: y
stylus: {site: {name: box}}
---
name: c
paletteEndpoint: api.example.com
stylus: {site: {name: box}}
---
name: d
tags: {a: b}
)",
                                    "a.yaml");
  REQUIRE(answers.mistakes.empty());
  Additions additions;
  for (const auto& answered : answers.sites) additions.sites.push_back(answered.site);
  const auto checked = check_additions(folder.path(), std::move(additions), Existing::refuse);
  REQUIRE(checked.draft);
  const auto lines =
      lines_of(check_answers(answers, checked.inventory, *checked.inventory.profile("edge")));
  CHECK(lines ==
        Lines{"a.yaml:3:59: the gateway 10.4.3.1 is not inside 10.4.2.10/24",
              "a.yaml:8:1: stylus.site.projectName excludes stylus.site.projectUid, "
              "which stands at a.yaml:7:1",
              "a.yaml:13:23: edge-host ID `box` stands twice, also at a.yaml:9:23",
              "a.yaml:16:1: stylus.site.paletteEndpoint is missing: format kairos needs it "
              "beside `stylus`"});
}

}  // namespace slipway::provisioning
