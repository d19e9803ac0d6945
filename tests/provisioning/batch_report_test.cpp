#include "provisioning/batch_report.hpp"

#include "provisioning/terraform.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

const Batch kBatch{.id = "k3v9t2ab",
                   .profile = "edge@1.2.0",
                   .kind = BatchKind::sites,
                   .who = "ann (uid 0)",
                   .why = "order 4711",
                   .opened_ms = 1'700'000'000'000,
                   .closed_ms = 1'700'003'600'000,
                   .closed_by = "bob: done"};

BoxRecord installed_box() {
  return {.number = 1,
          .host = "abcd1234",
          .box = {.name = "till-1",
                  .macs = {*Mac::parse("52:54:00:aa:00:01"), *Mac::parse("52:54:00:aa:00:02")},
                  .uuid = "12345678-1234-5678-9abc-def012345678",
                  .serial = "=S1\x07",
                  .edge_id = "edge-S1",
                  .site = "store-1",
                  .image = "debian@12",
                  .image_digest = Sha256::of("manifest"),
                  .tags = {{"region", "north"}, {"note", "50% of ${x} %{if} \"q\" \\ \n \x01"}}},
          .profile = "edge@1.2.0",
          .armed_by = "batch k3v9t2ab, opened by ann (uid 0)",
          .armed_ms = 1'700'000'001'000,
          .started_ms = 1'700'000'010'000,
          .ended_ms = 1'700'000'610'000,
          .attempts = 2,
          .result = BoxResult::installed};
}

std::vector<BoxRecord> sample() {
  BoxRecord failed{.number = 2, .host = "efgh1234", .profile = "edge@1.2.0"};
  failed.box = {.name = "till-1", .edge_id = "edge-S2", .site = "store-2"};
  failed.result = BoxResult::failed;
  failed.reason = "disk-too-small";
  failed.detail = "8 GB, 50 GB are needed";
  failed.attempts = 3;
  BoxRecord empty{.number = 3};
  empty.box.site = "store-3";
  return {installed_box(), failed, empty};
}

}  // namespace

TEST_CASE("times are written in UTC", "[provisioning][report]") {
  CHECK(utc_text(0).empty());
  CHECK(utc_text(1'700'000'000'999) == "2023-11-14T22:13:20Z");
}

TEST_CASE("a report as text", "[provisioning][report]") {
  CHECK(report_text(kBatch, sample()) == R"(Batch k3v9t2ab of edge@1.2.0
opened 2023-11-14T22:13:20Z by ann (uid 0): order 4711
closed 2023-11-14T23:13:20Z by bob: done
1 of 3 installed, 1 failed

1.   till-1   installed
     MACs 52:54:00:aa:00:01, 52:54:00:aa:00:02   serial =S1?   UUID 12345678-1234-5678-9abc-def012345678
     edge ID edge-S1   site store-1   profile edge@1.2.0
     image debian@12   sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f
     from 2023-11-14T22:13:30Z   to 2023-11-14T22:23:30Z   attempts 2
     armed by batch k3v9t2ab, opened by ann (uid 0)

2.   till-1   failed, disk-too-small: 8 GB, 50 GB are needed
     edge ID edge-S2   site store-2   profile edge@1.2.0
     attempts 3

3.   -   not taken
     site store-3
)");
}

TEST_CASE("a report as CSV", "[provisioning][report]") {
  CHECK(records_csv(sample()) ==
        "number,name,macs,serial,uuid,edge_id,site,profile,image,image_digest,started,ended,result,"
        "reason,armed_by,attempts\r\n"
        "1,till-1,52:54:00:aa:00:01 52:54:00:aa:00:02,'=S1\x07,"
        "12345678-1234-5678-9abc-def012345678,edge-S1,store-1,edge@1.2.0,debian@12,"
        "sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f,"
        "2023-11-14T22:13:30Z,2023-11-14T22:23:30Z,installed,,"
        "\"batch k3v9t2ab, opened by ann (uid 0)\",2\r\n"
        "2,till-1,,,,edge-S2,store-2,edge@1.2.0,,,,,failed,"
        "\"disk-too-small: 8 GB, 50 GB are needed\",,3\r\n"
        "3,,,,,,store-3,,,,,,not taken,,,0\r\n");
}

TEST_CASE("a report as JSON", "[provisioning][report]") {
  const auto records = sample();
  CHECK(
      report_json(kBatch, std::span(records).subspan(2)) ==
      R"j({"batch":{"id":"k3v9t2ab","profile":"edge@1.2.0","opened":"2023-11-14T22:13:20Z",)j"
      R"j("opened_by":"ann (uid 0)","why":"order 4711","closed":"2023-11-14T23:13:20Z",)j"
      R"j("closed_by":"bob: done"},"boxes":[{"number":3,"id":"","name":"","macs":[],"serial":"",)j"
      R"j("uuid":"","edge_id":"","site":"store-3","tags":{},"profile":"","image":"",)j"
      R"j("image_digest":"","started":"","ended":"","result":"not taken","reason":"",)j"
      R"j("detail":"","armed_by":"","attempts":0}]})j");
  CHECK_THAT(hosts_json(std::span(records).first(1)),
             ContainsSubstring(R"j({"hosts":[{"number":1,"id":"abcd1234","name":"till-1",)j"));
}

TEST_CASE("text in HCL evaluates to itself", "[provisioning][terraform]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"", R"("")"},
      {"edge-S1", R"("edge-S1")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"two\nlines\r\t", R"("two\nlines\r\t")"},
      {"\x01\x7F", R"("\u0001\u007f")"},
      {"${x}", R"("$${x}")"},
      {"%{if}", R"("%%{if}")"},
      {"$${x", R"("$$${x")"},
      {"$ 50% $$ %%", R"("$ 50% $$ %%")"},
      {"Gr\xC3\xBC\xC3\x9F", "\"Gr\xC3\xBC\xC3\x9F\""},
      {"\xE2\x82\xAC${", "\"\xE2\x82\xAC$${\""},
      {"a\xFF\xC3", "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
  }));
  CHECK(hcl_quoted(text) == expected);
}

TEST_CASE("finished hosts as Terraform resources", "[provisioning][terraform]") {
  auto records = sample();
  auto twin = records[1];
  twin.box.name = "7 till/x";
  records.push_back(twin);
  twin.box.edge_id = "edge-S3";
  records.push_back(twin);
  CHECK(terraform_of(records) ==
        R"(# Hosts that Slipway has installed. Provider: spectrocloud/spectrocloud.
# wait = false: they are switched off until they are on site.

resource "spectrocloud_appliance" "till-1" {
  uid  = "edge-S1"
  wait = false
  tags = {
    "region" = "north"
    "note"   = "50% of $${x} %%{if} \"q\" \\ \n \u0001"
  }
}

resource "spectrocloud_appliance" "till-1_2" {
  uid  = "edge-S2"
  wait = false
}

# "" has no edge-host ID and is left out.

# "7 till/x" has the edge-host ID "edge-S2", too, and is left out.

resource "spectrocloud_appliance" "host_7_till_x" {
  uid  = "edge-S3"
  wait = false
}
)");
}

}  // namespace slipway::provisioning
