// The end of an edge-host token: said in time, and never served.
#include "provisioning/token_expiry.hpp"

#include "provisioning/yaml.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

std::int64_t noon_of(std::chrono::year_month_day day) {
  const auto time = std::chrono::sys_days(day) + 12h;
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Value user_data(const std::string& text) { return parse_yaml(text, "f.yaml").value; }

std::string said(const std::optional<Mistake>& mistake) { return mistake ? mistake->line() : ""; }

}  // namespace

TEST_CASE("a token's end is said from 14 days before", "[provisioning][token_expiry]") {
  using namespace std::chrono;
  const auto site =
      user_data("stylus: {site: {edgeHostToken: t, edgeHostTokenExpires: 2026-12-31}}\n");
  CHECK(said(check_token_expiry(site, noon_of(2026y / 12 / 16))).empty());
  CHECK(said(check_token_expiry(site, noon_of(2026y / 12 / 17))) ==
        "f.yaml:1:57: warning: the edge-host token ends on 2026-12-31, in 14 days");
  CHECK(said(check_token_expiry(site, noon_of(2026y / 12 / 31))) ==
        "f.yaml:1:57: warning: the edge-host token ends on 2026-12-31, in 0 days");
  CHECK(said(check_token_expiry(site, noon_of(2027y / 1 / 1))) ==
        "f.yaml:1:57: the edge-host token ended on 2026-12-31; a host with it cannot register; "
        "put in a new one");
  CHECK(said(check_token_expiry(user_data("stylus: {site: {edgeHostToken: t}}\n"),
                                noon_of(2027y / 1 / 1)))
            .empty());
}

TEST_CASE("a token of its own does not end with the one that it replaces",
          "[provisioning][token_expiry]") {
  using namespace std::chrono;
  Inventory inventory;
  Profile profile;
  profile.user_data =
      user_data("stylus: {site: {edgeHostToken: t, edgeHostTokenExpires: 2026-01-01}}\n");
  HostEntry host;
  Site site;
  const Subject subject{inventory, host, profile, &site};
  const auto now = noon_of(2026y / 6 / 1);
  CHECK(check_token_expiry(subject, now).has_value());
  site.user_data = user_data("stylus: {site: {edgeHostToken: other}}\n");
  CHECK_FALSE(check_token_expiry(subject, now).has_value());
  host.user_data = user_data("stylus: {site: {edgeHostTokenExpires: 2026-06-05}}\n");
  CHECK(said(check_token_expiry(subject, now)) ==
        "f.yaml:1:39: warning: the edge-host token ends on 2026-06-05, in 4 days");
}

TEST_CASE("a token's end is a date, and no host is served it", "[provisioning][token_expiry]") {
  Folder folder;
  folder.write("profiles/p.yaml", "installer: {kind: flash, image: i@1}\nformat: kairos\n");
  folder.write("hosts/h1.yaml",
               "serial: A\nprofile: p\nstylus:\n  site:\n    paletteEndpoint: a.b\n"
               "    edgeHostTokenExpires: 2026-02-30\n");
  CHECK(folder.lines(load_inventory(folder.path()).mistakes, false) ==
        Lines{"hosts/h1.yaml:6:27: stylus.site.edgeHostTokenExpires must be a date, as in "
              "2026-12-31, not `2026-02-30`"});
  folder.write("hosts/h1.yaml",
               "serial: A\nprofile: p\nstylus:\n  site:\n    paletteEndpoint: a.b\n"
               "    edgeHostTokenExpires: 2026-02-28\n");
  const auto loaded = load_inventory(folder.path());
  REQUIRE(loaded.good());
  const auto& host = loaded.inventory.hosts.at(0);
  const auto document =
      render_kairos({loaded.inventory, host, *loaded.inventory.profile("p"), nullptr});
  REQUIRE(document);
  CHECK(document->find("Expires") == std::string::npos);
}

TEST_CASE("a host is not armed with a token that has ended, and with a warning shortly before",
          "[provisioning][token_expiry]") {
  Depot depot;  // its day is 2023-11-14
  const auto arm_with_end = [&depot](const char* day) {
    depot.inventory.sites.at(0).user_data = user_data(
        std::string("stylus: {site: {edgeHostToken: t, edgeHostTokenExpires: ") + day + "}}\n");
    REQUIRE(depot.order("/api/v1/reload").status == 200);
    depot.settle();
    return depot.order("/api/v1/hosts/h1/arm", R"({"why":"test","by":"ann"})");
  };
  const auto refused = arm_with_end("2023-11-13");
  CHECK(refused.status == 422);
  CHECK_THAT(text_of(refused), ContainsSubstring("the edge-host token ended on 2023-11-13"));
  CHECK(depot.state("h1") == "assigned");
  CHECK(arm_with_end("2023-11-20").status == 200);
  CHECK_THAT(text_of(depot.show("/api/v1/hosts/h1/timeline")),
             ContainsSubstring("the edge-host token ends on 2023-11-20, in 6 days"));
}

}  // namespace slipway::provisioning
