#include "provisioning/userdata.hpp"

#include "provisioning/explain.hpp"
#include "provisioning/yaml.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

// The inventory that the files of `folder` make; its first host, whose profile is there.
struct Case {
  Inventory inventory;
  explicit Case(const Folder& folder) {
    auto result = load_inventory(folder.path());
    for (const auto& line : folder.lines(result.mistakes, false)) FAIL_CHECK(line);
    inventory = std::move(result.inventory);
  }
  Subject subject() const {
    const auto& host = inventory.hosts.at(0);
    return {inventory, host, *inventory.profile(host.profile), inventory.site(host.site)};
  }
};

std::string golden(std::string_view name) {
  std::ifstream file(std::string(SLIPWAY_SOURCE_DIR) + "/tests/golden/" + std::string(name));
  return {std::istreambuf_iterator<char>(file), {}};
}

// What the sources merge to, as YAML: a layer of the profile, the site, the host.
std::string merged(const char* layer, const char* site, const char* host) {
  const auto value = [](const char* text) { return parse_yaml(text, "f.yaml").value; };
  Inventory inventory;
  Profile profile;
  profile.layers.push_back({"l", "os", "", value(layer)});
  Site place;
  place.user_data = value(site);
  HostEntry entry;
  entry.user_data = value(host);
  const auto result = merge_user_data({inventory, entry, profile, &place});
  return result ? emit_yaml(*result) : result.error().text() + "\n";
}

void write_sample(Folder& folder, const char* profile) {
  folder.write("profiles/p.yaml", profile);
  std::ifstream file(std::string(SLIPWAY_SOURCE_DIR) + "/tests/fixtures/palette-sample.yaml");
  folder.write("sites/s.yaml", std::string{std::istreambuf_iterator<char>(file), {}});
  folder.write("hosts/h1.yaml", "macs: [\"52:54:00:aa:00:01\"]\nsite: s\nprofile: p\n");
}

}  // namespace

TEST_CASE("later sources go over earlier ones as Kairos merges", "[provisioning][userdata]") {
  struct Row {
    const char* why;
    const char* layer;
    const char* site;
    const char* host;
    const char* merged;
  };
  const std::vector<Row> rows{
      {"a scalar replaces", "{a: 1}", "{a: 2}", "{a: x}", "a: x\n"},
      {"maps merge deeply", "{m: {a: 1, b: 1}}", "{m: {b: 2}}", "{m: {c: 3}}",
       "m:\n  a: 1\n  b: 2\n  c: 3\n"},
      {"lists of scalars are united", "{l: [a, b]}", "{l: [b, c]}", "{l: [c, d]}",
       "l:\n  - a\n  - b\n  - c\n  - d\n"},
      {"lists of maps are concatenated", "{l: [{a: 1}]}", "{l: [{a: 1}]}", "{}",
       "l:\n  - a: 1\n  - a: 1\n"},
      {"lists of lists are concatenated", "{l: [[a]]}", "{l: [[a]]}", "{}",
       "l:\n  - - a\n  - - a\n"},
      {"null clears", "{a: 1, b: {c: 1, d: 1}}", "{a: ~, b: {c: ~}}", "{}", "b:\n  d: 1\n"},
      {"null clears what was never said", "{a: 1}", "{b: ~, c: {d: ~}}", "{}", "a: 1\nc: {}\n"},
      {"a value after null stands", "{a: 1}", "{a: ~}", "{a: 2}", "a: 2\n"},
      {"keys that nobody knows pass", "{odd: {x: [1, {z: true}]}}", "{}", "{}",
       "odd:\n  x:\n    - 1\n    - z: true\n"},
      {"a list over a map", "{a: {}}", "{a: []}", "{}",
       "f.yaml:1:5: a list cannot be merged with a map, which stands at f.yaml:1:5\n"},
      {"a scalar over a list", "{a: []}", "{}", "{  a: x}",
       "f.yaml:1:7: text cannot be merged with a list, which stands at f.yaml:1:5\n"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(merged(row.layer, row.site, row.host) == row.merged);
  }
}

TEST_CASE("the vendor's sample becomes cloud-init's user-data",
          "[provisioning][userdata][golden]") {
  Folder folder;
  write_sample(folder, "installer: {kind: flash, image: i@1}\n");
  const Case a(folder);
  const auto seed = render_seed(a.subject(), "i-1");
  REQUIRE(seed);
  CHECK(seed->user_data == R"(#cloud-config
hostname: h1
users:
  - name: palette
    groups:
      - sudo
    plain_text_passwd: palette
    lock_passwd: false
)");
  CHECK(seed->meta_data == "instance-id: i-1\nlocal-hostname: h1\n");
  CHECK(seed->vendor_data.empty());
  CHECK(seed->network_config == R"(version: 2
ethernets:
  lan0:
    match:
      macaddress: "52:54:00:aa:00:01"
    set-name: lan0
    dhcp4: true
)");
}

TEST_CASE("each value of the merged user-data knows the file and line it came from",
          "[provisioning][userdata]") {
  const auto value = [](const char* text, const char* file) {
    return parse_yaml(text, file).value;
  };
  Inventory inventory;
  Profile profile;
  profile.layers.push_back(
      {"l", "os", "", value("a: 1\nlist: [x]\nmaps: [{n: 1}]\n", "layer"), {}});
  Site site;
  site.user_data = value("a: 2\nlist: [y, x]\nodd key: {b: ~, c: {}}\n", "site");
  HostEntry host;
  host.user_data = value("maps:\n  - n: 2\npasswd: hunter2\n", "host");
  const auto merged = merge_user_data({inventory, host, profile, &site});
  REQUIRE(merged);
  CHECK(explain_text(mask_secrets(*merged)) == R"(a: 2  # site:1:4
list[0]: "x"  # layer:2:8
list[1]: "y"  # site:2:8
maps[0].n: 1  # layer:3:12
maps[1].n: 2  # host:2:8
["odd key"].c: {}  # site:3:20
passwd: "********"  # host:3:9
)");
  CHECK(explain_json(make_map({{"a", make_text("x", {"f", 1, 2})}, {"b", make_text("\xFF")}})) ==
        R"([
{"path":"a","file":"f","line":1,"column":2,"value":"x"},
{"path":"b","file":"","line":0,"column":0,"value":"!!binary \"/w==\""}
]
)");
}

TEST_CASE("a site's certificates and time servers reach cloud-init", "[provisioning][userdata]") {
  Folder folder;
  folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\n");
  folder.write("sites/s.yaml",
               "stylus: {site: {caCerts: [\"-----BEGIN\\nA\"], ntpServers: 10.0.0.1}}\n");
  folder.write("hosts/h1.yaml", "serial: A\nsite: s\nprofile: p\n");
  const Case a(folder);
  const auto seed = render_seed(a.subject(), "i-1");
  REQUIRE(seed);
  CHECK(seed->user_data == R"(#cloud-config
hostname: h1
ca_certs:
  trusted:
    - |-
      -----BEGIN
      A
ntp:
  enabled: true
  servers:
    - "10.0.0.1"
)");
}

TEST_CASE("the vendor's sample becomes Kairos' document", "[provisioning][userdata][golden]") {
  Folder folder;
  write_sample(folder, "installer: {kind: flash, image: i@1}\nformat: kairos\n");
  const Case a(folder);
  const auto document = render_kairos(a.subject());
  REQUIRE(document);
  CHECK(*document == golden("palette-sample.kairos.yaml"));
  const auto seed = render_seed(a.subject(), "i-1");
  REQUIRE(seed);
  CHECK(seed->user_data == *document);
  CHECK(seed->network_config.empty());
}

TEST_CASE("stages become cloud-init's own keys", "[provisioning][userdata][golden]") {
  Folder folder;
  folder.write("profiles/p.yaml", R"(
installer: {kind: flash, image: i@1}
layers:
  - name: os
    user_data:
      packages: [vim]
      runcmd: [[systemctl, daemon-reload]]
      write_files:
        - {path: /etc/first, content: "1"}
      stages:
        initramfs:
          - name: accounts
            groups: [edge, {docker: [palette]}]
            users:
              palette: {groups: [sudo], passwd: palette, shell: /bin/bash}
              hashed: {passwd: "$6$salt$hash", uid: 1500}
              keys: {lock_passwd: true}
            authorized_keys: {keys: ssh-ed25519 AAAA me}
          - files:
              - {path: /etc/motd, permissions: 0600, content: "hello\nworld\n"}
              - {path: /etc/own, permissions: "0640", owner_string: "palette:edge", content: aGk=, encoding: b64, owner: 0}
            commands: ["echo \"hi: $HOME\" # no comment", ls]
)");
  folder.write("hosts/h1.yaml", R"(
macs: ["52:54:00:aa:00:01"]
profile: p
stylus: {site: {hostName: shop-1}}
stages: {initramfs: [{users: {palette: {groups: [edge]}}, commands: echo last}]}
)");
  const Case a(folder);
  const auto seed = render_seed(a.subject(), "i-1");
  REQUIRE(seed);
  CHECK(seed->user_data == golden("stages.cloud-init.yaml"));
  CHECK(seed->meta_data == "instance-id: i-1\nlocal-hostname: shop-1\n");
}

TEST_CASE("the network of the site becomes network-config", "[provisioning][userdata][golden]") {
  struct Row {
    const char* why;
    const char* network;
    const char* expected;
  };
  const std::vector<Row> rows{
      {"static, matched by MAC",
       "network: {type: static, ipAddress: 10.4.2.10, mask: 255.255.255.0, gateway: 10.4.2.1, "
       "nameserver: \"10.4.2.1, 9.9.9.9\"}\n",
       R"(version: 2
ethernets:
  lan0:
    match:
      macaddress: "52:54:00:aa:00:01"
    set-name: lan0
    dhcp4: false
    addresses:
      - "10.4.2.10/24"
    routes:
      - to: "0.0.0.0/0"
        via: "10.4.2.1"
    nameservers:
      addresses:
        - "10.4.2.1"
        - "9.9.9.9"
)"},
      {"DHCP with a nameserver of one's own", "network: {type: dhcp, nameserver: 10.4.2.1}\n",
       R"(version: 2
ethernets:
  lan0:
    match:
      macaddress: "52:54:00:aa:00:01"
    set-name: lan0
    dhcp4: true
    nameservers:
      addresses:
        - "10.4.2.1"
)"},
      {"NICs by name, in the vendor's newer form",
       "stylus: {site: {network: {nameserver: 10.0.0.1, interfaces: {eno1: {type: static, "
       "ipAddress: "
       "10.0.0.5/24, gateway: 10.0.0.1}, eno2: {type: dhcp, nameserver: 10.1.0.1}}}}}\n",
       R"(version: 2
ethernets:
  eno1:
    dhcp4: false
    addresses:
      - "10.0.0.5/24"
    routes:
      - to: "0.0.0.0/0"
        via: "10.0.0.1"
    nameservers:
      addresses:
        - "10.0.0.1"
  eno2:
    dhcp4: true
    nameservers:
      addresses:
        - "10.1.0.1"
)"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Folder folder;
    folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\n");
    folder.write("sites/s.yaml", row.network);
    folder.write("hosts/h1.yaml", "macs: [\"52:54:00:aa:00:01\"]\nsite: s\nprofile: p\n");
    const Case a(folder);
    const auto seed = render_seed(a.subject(), "i-1");
    REQUIRE(seed);
    CHECK(seed->network_config == row.expected);
  }
}

TEST_CASE("a host inherits its site's network and says what differs", "[provisioning][userdata]") {
  Folder folder;
  folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\n");
  folder.write("sites/s.yaml", "network: {type: static, mask: 24, gateway: 10.0.0.1}\n");
  folder.write(
      "hosts/h1.yaml",
      "macs: [\"52:54:00:aa:00:01\"]\nsite: s\nprofile: p\nnetwork: {ipAddress: 10.0.0.7}\n");
  const Case a(folder);
  const auto seed = render_seed(a.subject(), "i-1");
  REQUIRE(seed);
  CHECK_THAT(seed->network_config, ContainsSubstring("- \"10.0.0.7/24\"\n"));
}

TEST_CASE("the proxy reaches apt, systemd and the shell", "[provisioning][userdata][golden]") {
  Folder folder;
  folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\n");
  folder.write(
      "sites/s.yaml",
      "network: {type: dhcp, httpProxy: \"http://me:p%40$s@proxy:3128\", noProxy: .example.com}\n");
  folder.write("hosts/h1.yaml", "macs: [\"52:54:00:aa:00:01\"]\nsite: s\nprofile: p\n");
  const Case a(folder);
  const auto seed = render_seed(a.subject(), "i-1");
  REQUIRE(seed);
  CHECK(seed->user_data == golden("proxy.cloud-init.yaml"));
}

TEST_CASE("exactly one of poweroff and reboot is in Kairos' document", "[provisioning][userdata]") {
  struct Row {
    const char* why;
    const char* finish;
    const char* site;
    const char* tail;  // of the document
  };
  const std::vector<Row> rows{
      {"the profile's finish when nothing is said", "reboot", "{}",
       "hostname: h1\ninstall:\n  reboot: true\nconfig_url: \"\"\n"},
      {"poweroff over the profile's reboot", "reboot", "install: {poweroff: true}",
       "install:\n  poweroff: true\nhostname: h1\nconfig_url: \"\"\n"},
      {"poweroff wins over reboot", "reboot",
       "{reboot: true, install: {poweroff: true, reboot: true}}",
       "install:\n  poweroff: true\nhostname: h1\nconfig_url: \"\"\n"},
      {"reboot over the profile's poweroff", "poweroff",
       "{reboot: true, install: {poweroff: false}}",
       "install:\n  reboot: true\nhostname: h1\nconfig_url: \"\"\n"},
      {"Palette reads the top level", "poweroff",
       "{reboot: true, stylus: {site: {paletteEndpoint: a.b}}}",
       "stylus:\n  site:\n    paletteEndpoint: a.b\n    name: edge-A\nhostname: h1\nreboot: "
       "true\nconfig_url: "
       "\"\"\n"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    Folder folder;
    folder.write("profiles/p.yaml", std::string("installer: {kind: flash, image: i@1}\nformat: "
                                                "kairos\nfinish: ") +
                                        row.finish + "\n");
    folder.write("sites/s.yaml", row.site);
    folder.write("hosts/h1.yaml", "serial: A\nsite: s\nprofile: p\n");
    const Case a(folder);
    const auto document = render_kairos(a.subject());
    REQUIRE(document);
    CHECK(*document == std::string("#cloud-config\n") + row.tail);
  }
}

TEST_CASE("a disk rule with a path names Kairos' device", "[provisioning][userdata]") {
  Folder folder;
  folder.write("profiles/p.yaml",
               "installer: {kind: flash, image: i@1}\nformat: kairos\n"
               "disk: {select: [{path: /dev/vda}]}\n");
  folder.write("hosts/h1.yaml", "serial: A\nprofile: p\n");
  const Case a(folder);
  const auto document = render_kairos(a.subject());
  REQUIRE(document);
  CHECK_THAT(*document, ContainsSubstring("  device: /dev/vda\n"));
}

TEST_CASE("a static network goes where Palette looks for it", "[provisioning][userdata]") {
  Folder folder;
  folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\nformat: kairos\n");
  folder.write("hosts/h1.yaml", R"(
serial: A
profile: p
stylus: {site: {paletteEndpoint: api.example.com}}
network: {type: static, interface: eno1, ipAddress: 10.0.0.5, mask: 24, gateway: 10.0.0.1, httpProxy: "http://proxy:3128"}
)");
  const Case a(folder);
  const auto document = render_kairos(a.subject());
  REQUIRE(document);
  CHECK(*document == golden("static.kairos.yaml"));
}

TEST_CASE("no secret is left in a masked document", "[provisioning][userdata]") {
  Folder folder;
  folder.write("profiles/p.yaml", R"(
installer: {kind: flash, image: i@1}
layers:
  - name: os
    user_data:
      password: S3CRET-1
      chpasswd: {list: ["root:S3CRET-2"]}
      runcmd: ["curl https://me:S3CRET-3@example.com/x"]
      stages:
        initramfs:
          - users:
              a: {passwd: S3CRET-4}
              b: {passwd: "$6$S3CRET-5$x"}
              c: {passwd: !secret pw}
            files:
              - {path: /etc/key, content: !secret key}
)");
  folder.write("pw", "S3CRET-6\n", 0600);
  folder.write("key", "S3CRET-7\n", 0600);
  folder.write("proxy", "http://me:S3CRET-8@proxy:3128\n", 0600);
  folder.write("hosts/h1.yaml",
               "macs: [\"52:54:00:aa:00:01\"]\nprofile: p\nnetwork: {type: dhcp, "
               "httpProxy: !secret proxy, httpsProxy: \"http://me:S3CRET-9@p:1\"}\n");
  const Case a(folder);
  const auto revealed = render_seed(a.subject(), "i-1");
  const auto masked = render_seed(a.subject(), "i-1", Secrets::masked);
  REQUIRE(revealed);
  REQUIRE(masked);
  for (const auto* number : {"1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
    CHECK_THAT(revealed->user_data, ContainsSubstring("S3CRET-" + std::string(number)));
  }
  CHECK(masked->user_data.find("S3CRET") == std::string::npos);
  CHECK_THAT(masked->user_data, ContainsSubstring("curl https://********@example.com/x"));
  CHECK(emit_yaml(mask_secrets(*merge_user_data(a.subject()))).find("S3CRET") == std::string::npos);
}

TEST_CASE("any text comes through a rendered document as it was", "[provisioning][userdata]") {
  for (const auto* text : {"a\nb\n", "# no comment", "%{{.x}}", "a: b", "\"'\\", " x ", "\t",
                           "\x01\x7F", "yes", "0x10", "- -", "\u2028\u00E9", "#cloud-config"}) {
    INFO(text);
    Inventory inventory;
    Profile profile;
    profile.format = UserDataFormat::kairos;
    HostEntry host;
    host.name = "h1";
    host.user_data = make_map(
        {{"stylus",
          make_map({{"site", make_map({{"paletteEndpoint", make_text("a.b")},
                                       {"tags", make_map({{text, make_text(text)}})}})}})}});
    const auto document = render_kairos({inventory, host, profile, nullptr});
    REQUIRE(document);
    const auto read = parse_yaml(*document, "f.yaml");
    REQUIRE(read.mistakes.empty());
    const auto* tag = read.value.at("stylus.site.tags")->find(text);
    REQUIRE(tag != nullptr);
    CHECK(*tag->string() == text);
  }
}

TEST_CASE("the same inventory gives the same octets", "[provisioning][userdata]") {
  Folder folder;
  write_sample(folder, "installer: {kind: flash, image: i@1}\n");
  const Case a(folder);
  const Case b(folder);
  CHECK(render_seed(a.subject(), "i")->user_data == render_seed(b.subject(), "i")->user_data);
}

}  // namespace slipway::provisioning
