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
      R"("firmware":"uefi","secure_boot":"on","tpm":"present","nic_speed_mbit":1000,)"
      R"("disk_health":"any"},"disk":[{"type":"nvme","min_octets":5,"max_octets":0,"model":"",)"
      R"("serial":"","wwn":"eui.01","path":"","rotational":"no"},{"serial":"X"}],)"
      R"("disk_pick":"largest","erase":"secure","new_guids":true,"grow":true,)"
      R"("burn_in":{"memory_seconds":60,"disk_read_seconds":30,"cpu_seconds":86400},"seed":{"kind":"cidata","url":"/agent/v1/seed",)"
      R"("octets":4096,"sha256":")" +
      kDigest + R"("},"oem":{"url":"/agent/v1/oem","octets":512,"sha256":")" + kDigest +
      R"(","path":"99_slipway.yaml"},"content":[{"url":"/artifacts/c/a.zst","octets":7,"sha256":")" +
      kDigest + R"(","path":"/opt/content/a.zst","partition":"DATA"}],"finish":"reboot"})";
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
  CHECK(plan->disk[0].wwn == "eui.01");
  CHECK(plan->disk[0].rotational == false);
  CHECK(plan->disk[1].serial == "X");
  CHECK(plan->disk[1].rotational == std::nullopt);
  CHECK(plan->requirements.secure_boot == "on");
  CHECK(plan->requirements.tpm);
  CHECK(plan->requirements.nic_speed_mbit == 1000);
  CHECK_FALSE(plan->requirements.healthy_disk);
  CHECK(plan->pick == DiskPick::largest);
  CHECK(plan->erase == Erase::secure);
  CHECK(plan->new_guids);
  CHECK(plan->grow);
  CHECK(plan->burn_in.memory.count() == 60);
  CHECK(plan->burn_in.disk_read.count() == 30);
  CHECK(plan->burn_in.cpu.count() == 86400);
  REQUIRE(plan->seed);
  CHECK(plan->seed->octets == 4096);
  REQUIRE(plan->oem);
  CHECK(plan->oem->source.url == "/agent/v1/oem");
  CHECK(plan->oem->source.octets == 512);
  CHECK(plan->oem->source.sha256.text() == kDigest);
  CHECK(plan->oem->name == "99_slipway.yaml");
  REQUIRE(plan->content.size() == 1);
  CHECK(plan->content[0].source.url == "/artifacts/c/a.zst");
  CHECK(plan->content[0].source.octets == 7);
  CHECK(plan->content[0].source.sha256.text() == kDigest);
  CHECK(plan->content[0].path == "/opt/content/a.zst");
  CHECK(plan->content[0].partition == "DATA");
  CHECK(plan->finish == Finish::reboot);
}

TEST_CASE("a plan without seed, requirements and disk rule is whole as well", "[agent][plan]") {
  const auto plan = parse_plan(R"({"action":"write","attempt":1,"image":{"manifest":"/m",)"
                               R"("manifest_sha256":")" +
                               kDigest + R"(","data":"/d"}})");
  REQUIRE(plan);
  CHECK_FALSE(plan->seed);
  CHECK_FALSE(plan->oem);
  CHECK(plan->content.empty());
  CHECK(plan->disk.empty());
  CHECK(plan->requirements.firmware == "any");
  CHECK(plan->requirements.secure_boot == "any");
  CHECK_FALSE(plan->requirements.tpm);
  CHECK(plan->requirements.healthy_disk);
  CHECK(plan->pick == DiskPick::one);
  CHECK(plan->erase == Erase::none);
  CHECK_FALSE(plan->new_guids);
  CHECK_FALSE(plan->grow);
  CHECK(plan->burn_in == BurnIn{});
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
      {"\"99_slipway.yaml\"", "\"../99_slipway.yaml\"", "oem.path"},
      {"\"99_slipway.yaml\"", "\".hidden\"", "oem.path"},
      {"\"99_slipway.yaml\"", "\"\"", "oem.path"},
      {"\"99_slipway.yaml\"", "\"a\",\"mode\":\"0644\"", "oem.mode: this agent does not"},
      {"\"/agent/v1/oem\"", "\"http://evil/\"", "url"},
      {"\"/artifacts/c/a.zst\"", "\"http://evil/\"", "url"},
      {"\"/opt/content/a.zst\"", "\"/opt/../etc/a\"", "content[0].path"},
      {"\"/opt/content/a.zst\"", "\"/opt//a\"", "content[0].path"},
      {"\"/opt/content/a.zst\"", "\"opt/a\"", "content[0].path"},
      {"\"/opt/content/a.zst\"", "\"/\"", "content[0].path"},
      {"\"/opt/content/a.zst\"", "\"/a b\"", "content[0].path"},
      {"\"partition\":\"DATA\"", "\"mode\":\"0755\"", "content[0].mode: this agent does not"},
      {"\"disk\":[", "\"disk\":7,\"x\":[", "disk"},
      {"{\"action\"", "\"action\"", "JSON"},
      {"\"erase\":\"secure\"", "\"erase\":\"shred\"", "erase"},
      {"\"erase\":\"secure\"", "\"wipe\":\"secure\"", "wipe: this agent does not know it"},
      {"\"wwn\":\"eui.01\"", "\"bus\":\"eui.01\"", "disk[0].bus: this agent does not know it"},
      {"\"tpm\":\"present\"", "\"tpm\":\"2.0\"", "tpm"},
      {"\"tpm\":\"present\"", "\"gpu\":\"present\"", "requirements.gpu: this agent does not"},
      {"\"secure_boot\":\"on\"", "\"secure_boot\":true", "requirements.secure_boot"},
      {"\"disk_health\":\"any\"", "\"disk_health\":\"bad\"", "disk_health"},
      {"\"nic_speed_mbit\":1000", "\"nic_speed_mbit\":-1", "requirements.nic_speed_mbit"},
      {"\"min_octets\":5", "\"min_octets\":\"5\"", "disk[0].min_octets"},
      {"\"rotational\":\"no\"", "\"rotational\":\"maybe\"", "rotational"},
      {"\"disk_pick\":\"largest\"", "\"disk_pick\":\"first\"", "disk_pick"},
      {"\"grow\":true", "\"grow\":1", "grow"},
      {"\"new_guids\":true", "\"new_guids\":\"yes\"", "new_guids"},
      {"\"cpu_seconds\":86400", "\"cpu_seconds\":86401", "burn_in.cpu_seconds"},
      {"\"cpu_seconds\":86400", "\"gpu_seconds\":1", "burn_in.gpu_seconds: this agent does not"},
  }));
  const auto plan = parse_plan(with(row.from, row.to));
  INFO(row.to);
  REQUIRE_FALSE(plan);
  CHECK_THAT(plan.error().text(), ContainsSubstring(row.says));
}
