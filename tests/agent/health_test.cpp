#include "agent/health.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;

namespace {

// As smartctl 7.3 prints it with -j -H -i -A; what is not read is left out.
std::string ata(const std::string& passed, const std::string& raw5, const std::string& raw197,
                const std::string& raw198) {
  const auto row = [](const char* id, const char* name, const std::string& raw) {
    return R"({"id":)" + std::string(id) + R"(,"name":")" + name +
           R"(","value":100,"worst":100,"thresh":0,"when_failed":"","flags":{"value":50,)"
           R"("string":"-O--CK "},"raw":{"value":)" +
           raw + R"(,"string":")" + raw + R"("}})";
  };
  return R"({"json_format_version":[1,0],"smartctl":{"version":[7,3],"exit_status":0},)"
         R"("device":{"name":"/dev/sda","info_name":"/dev/sda [SAT]","type":"sat",)"
         R"("protocol":"ATA"},"model_name":"WDC WD10EZEX-08WN4A0","serial_number":"WD-1",)"
         R"("smart_support":{"available":true,"enabled":true},"smart_status":{"passed":)" +
         passed + R"(},"ata_smart_attributes":{"revision":16,"table":[)" +
         row("5", "Reallocated_Sector_Ct", raw5) + "," + row("9", "Power_On_Hours", "12345") + "," +
         row("197", "Current_Pending_Sector", raw197) + "," +
         row("198", "Offline_Uncorrectable", raw198) +
         R"(]},"power_on_time":{"hours":12345},"power_cycle_count":99,)"
         R"("temperature":{"current":31}})";
}

std::string nvme(const std::string& passed, const std::string& warning, const std::string& media) {
  return R"({"json_format_version":[1,0],"smartctl":{"version":[7,3],"exit_status":0},)"
         R"("device":{"name":"/dev/nvme0n1","info_name":"/dev/nvme0n1","type":"nvme",)"
         R"("protocol":"NVMe"},"model_name":"Samsung SSD 980","smart_support":{"available":true,)"
         R"("enabled":true},"smart_status":{"passed":)" +
         passed + R"(,"nvme":{"value":)" + warning +
         R"(}},"nvme_smart_health_information_log":{"critical_warning":)" + warning +
         R"(,"temperature":40,"available_spare":100,"available_spare_threshold":10,)"
         R"("percentage_used":3,"data_units_read":1,"media_errors":)" +
         media +
         R"(,"power_on_hours":200},"temperature":{"current":40},)"
         R"("power_on_time":{"hours":200}})";
}

Disk disk(const char* type) {
  Disk made;
  made.path = "/dev/sda";
  made.type = type;
  return made;
}

Tools smartctl_says(const std::string& out, int code) {
  Tools tools;
  tools.has = [](const std::string&) { return true; };
  tools.run = [out, code](const ToolCall&) -> Fallible<ToolResult> {
    return ToolResult{code, out, false, ""};
  };
  return tools;
}

}  // namespace

TEST_CASE("what smartctl prints becomes a verdict and one line", "[agent][health]") {
  using enum Health::Verdict;
  struct Row {
    const char* why;
    std::string json;
    Health::Verdict verdict;
    const char* summary;
  };
  const std::string head =
      R"({"smartctl":{"version":[7,3],"exit_status":4},"device":{"type":"sat"},)";
  const std::vector<Row> rows = {
      {"ATA, good", ata("true", "0", "0", "0"), good,
       "SMART passed, 0 reallocated sectors, 0 pending sectors, 0 uncorrectable sectors, 12345 "
       "hours, 31 degrees C"},
      {"ATA, some sectors were replaced", ata("true", "8", "0", "0"), good,
       "SMART passed, 8 reallocated sectors, 0 pending sectors, 0 uncorrectable sectors, 12345 "
       "hours, 31 degrees C"},
      {"ATA, failing", ata("false", "2000", "0", "0"), bad,
       "SMART expects it to FAIL, 2000 reallocated sectors, 0 pending sectors, 0 uncorrectable "
       "sectors, 12345 hours, 31 degrees C"},
      {"ATA, a pending sector", ata("true", "0", "1", "0"), bad,
       "SMART passed, 0 reallocated sectors, 1 pending sectors, 0 uncorrectable sectors, 12345 "
       "hours, 31 degrees C"},
      {"ATA, an uncorrectable sector", ata("true", "0", "0", "3"), bad,
       "SMART passed, 0 reallocated sectors, 0 pending sectors, 3 uncorrectable sectors, 12345 "
       "hours, 31 degrees C"},
      {"ATA, a vendor's own bits above 32", ata("true", "0", "4294967296", "0"), good,
       "SMART passed, 0 reallocated sectors, 0 pending sectors, 0 uncorrectable sectors, 12345 "
       "hours, 31 degrees C"},
      {"NVMe, good", nvme("true", "0", "0"), good,
       "SMART passed, 3 % of its life used, 0 media errors, 200 hours, 40 degrees C"},
      {"NVMe, media errors long ago", nvme("true", "0", "7"), good,
       "SMART passed, 3 % of its life used, 7 media errors, 200 hours, 40 degrees C"},
      {"NVMe, failing", nvme("false", "4", "0"), bad,
       "SMART expects it to FAIL, critical warning: its reliability is degraded, 3 % of its life "
       "used, 0 media errors, 200 hours, 40 degrees C"},
      {"NVMe, two warnings", nvme("false", "9", "0"), bad,
       "SMART expects it to FAIL, critical warning: its spare blocks run out and it is read-only, "
       "3 % of its life used, 0 media errors, 200 hours, 40 degrees C"},
      {"SCSI",
       R"({"smartctl":{},"device":{"protocol":"SCSI"},"smart_status":{"passed":true},)"
       R"("scsi_grown_defect_list":0})",
       good, "SMART passed"},
      {"no SMART", head + R"("smart_support":{"available":false}})", unknown,
       "no health data: the disk keeps none"},
      {"SMART switched off",
       head +
           R"("smart_support":{"available":true,"enabled":false},"smart_status":{"passed":true}})",
       unknown, "no health data: SMART is switched off"},
      {"nothing known", head + R"("model_name":"QEMU HARDDISK"})", unknown, "no health data"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const auto health = parse_health(row.json);
    REQUIRE(health);
    CHECK(to_text(health->verdict) == to_text(row.verdict));
    CHECK(health->summary == row.summary);
    CHECK(check_health(disk("ssd"), *health).has_value() == (row.verdict == bad));
  }
}

TEST_CASE("what is no report of smartctl is no verdict", "[agent][health]") {
  for (const auto* text : {"", "no JSON", "{}", "[]", R"({"smart_status":{"passed":true}})"}) {
    INFO(text);
    CHECK_FALSE(parse_health(text));
  }
}

TEST_CASE("members of the wrong kind speak neither for nor against a disk", "[agent][health]") {
  const auto health = parse_health(
      R"({"smartctl":{},"smart_status":{"passed":"yes"},"ata_smart_attributes":{"table":[7,{"id":)"
      R"(197,"raw":3},{"id":"198"}]},"temperature":{"current":-5}})");
  REQUIRE(health);
  CHECK(health->verdict == Health::Verdict::good);
  CHECK(health->summary.empty());
}

TEST_CASE("an unhealthy disk is refused with what it said", "[agent][health]") {
  const auto health =
      read_health(disk("hdd"), "/dev/sda", smartctl_says(ata("true", "0", "2", "0"), 0));
  REQUIRE(health);
  const auto failure = check_health(disk("hdd"), *health);
  REQUIRE(failure);
  CHECK(failure->reason == "disk-unhealthy");
  CHECK_THAT(failure->detail, ContainsSubstring("2 pending sectors"));
  CHECK_THAT(failure->detail, ContainsSubstring("replace the disk"));
}

TEST_CASE("a disk that cannot be asked has no health data", "[agent][health]") {
  Tools never;
  never.has = [](const std::string&) -> bool { throw std::logic_error("asked"); };
  for (const auto* type : {"virtio", "mmc"}) {
    const auto health = read_health(disk(type), "/dev/x", never);
    REQUIRE(health);
    CHECK(health->verdict == Health::Verdict::unknown);
    CHECK(health->summary == "no health data: " + std::string(type) + " disks keep none");
  }
  const auto closed = read_health(disk("ssd"), "/dev/x", smartctl_says(R"({"smartctl":{}})", 2));
  REQUIRE(closed);
  CHECK(closed->summary == "no health data: smartctl cannot read it");
  auto hung = smartctl_says("", 0);
  hung.run = [](const ToolCall&) -> Fallible<ToolResult> { return fail("not done in 60 s"); };
  const auto late = read_health(disk("ssd"), "/dev/x", hung);
  REQUIRE(late);
  CHECK(late->summary == "no health data: not done in 60 s");
}

TEST_CASE("an installer without smartctl says so", "[agent][health]") {
  Tools none;
  none.has = [](const std::string&) { return false; };
  const auto health = read_health(disk("nvme"), "/dev/nvme0n1", none);
  REQUIRE_FALSE(health);
  CHECK(health.error().reason == "tool-missing");
}
