#include "agent/plan.hpp"

#include "tests/support/catch.hpp"

using namespace slipway::agent;

namespace {

const std::string kDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string with(const std::string& from, const std::string& to) {
  std::string plan =
      R"({"action":"write","attempt":3,"host":"h1","image":{"name":"d@1","manifest":"/artifacts/m",)"
      R"("manifest_sha256":")" +
      kDigest +
      R"(","data":"/artifacts/d"},"requirements":{"memory_octets":1,"cpus":2,"disk_octets":4,)"
      R"("firmware":"uefi"},"disk":[{"type":"nvme","min_octets":5,"max_octets":0,"model":"",)"
      R"("serial":"","path":""},{"serial":"X"}],"seed":{"kind":"cidata","url":"/agent/v1/seed",)"
      R"("octets":4096,"sha256":")" +
      kDigest + R"("},"finish":"reboot"})";
  if (!from.empty()) plan.replace(plan.find(from), from.size(), to);
  return plan;
}

}  // namespace

TEST_CASE("a whole plan is read", "[agent][plan]") {
  const auto plan = parse_plan(with("", ""));
  REQUIRE(plan);
  CHECK(plan->attempt == 3);
  CHECK(plan->host == "h1");
  CHECK(plan->image.manifest == "/artifacts/m");
  CHECK(plan->image.data == "/artifacts/d");
  CHECK(plan->image.manifest_sha256.text() == kDigest);
  CHECK(plan->requirements.cpus == 2);
  CHECK(plan->requirements.firmware == "uefi");
  REQUIRE(plan->disk.size() == 2);
  CHECK(plan->disk[0].type == "nvme");
  CHECK(plan->disk[0].min_octets == 5);
  CHECK(plan->disk[1].serial == "X");
  REQUIRE(plan->seed);
  CHECK(plan->seed->octets == 4096);
  CHECK(plan->finish == Finish::reboot);
}

TEST_CASE("a plan without seed, requirements and disk rule is whole as well", "[agent][plan]") {
  const auto plan = parse_plan(R"({"action":"write","attempt":1,"image":{"manifest":"/m",)"
                               R"("manifest_sha256":")" +
                               kDigest + R"(","data":"/d"}})");
  REQUIRE(plan);
  CHECK_FALSE(plan->seed);
  CHECK(plan->disk.empty());
  CHECK(plan->requirements.firmware == "any");
  CHECK(plan->finish == Finish::poweroff);
}

TEST_CASE("a plan that is not understood is refused whole", "[agent][plan]") {
  struct Row {
    const char* from;
    const char* to;
    const char* says;
  };
  const auto row = GENERATE(values<Row>({
      {"\"write\"", "\"erase\"", "action"},
      {"\"attempt\":3,", "", "attempt"},
      {"\"attempt\":3", "\"attempt\":-3", "attempt"},
      {"\"/artifacts/m\"", "\"http://evil/m\"", "manifest"},
      {"\"/artifacts/d\"", "\"//evil/d\"", "data"},
      {"e3b0", "zzzz", "manifest_sha256"},
      {"\"uefi\"", "\"coreboot\"", "firmware"},
      {"\"cidata\"", "\"oem\"", "seed.kind"},
      {"\"reboot\"", "\"explode\"", "finish"},
      {"\"disk\":[", "\"disk\":7,\"x\":[", "disk"},
      {"{\"action\"", "\"action\"", "JSON"},
  }));
  const auto plan = parse_plan(with(row.from, row.to));
  INFO(row.to);
  REQUIRE_FALSE(plan);
  CHECK_THAT(plan.error().text(), ContainsSubstring(row.says));
}
