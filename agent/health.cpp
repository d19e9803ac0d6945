#include "agent/health.hpp"

#include <boost/json/value.hpp>

#include "base/json.hpp"

namespace slipway::agent {
namespace {

constexpr int kSmartctlCannot = 1 | 2;  // exit status: bad arguments, or the device did not open

// The number at `names`, one below the other; nullopt when it is not there.
std::optional<std::uint64_t> number_at(const JsonView& document,
                                       std::initializer_list<std::string_view> names) {
  std::optional<JsonView> at = document;
  for (const auto name : names) {
    if (!at) return std::nullopt;
    at = at->find(name);
  }
  const auto number = at ? at->number() : fail("");
  return number ? std::optional(*number) : std::nullopt;
}

std::optional<bool> flag_at(const JsonView& document, std::string_view object,
                            std::string_view name) {
  const auto outer = document.find(object);
  const auto inner = outer ? outer->find(name) : std::nullopt;
  const auto flag = inner ? inner->boolean() : fail("");
  return flag ? std::optional(*flag) : std::nullopt;
}

// The raw value of an ATA attribute. Some vendors keep more in the upper 16 of its 48 bits.
std::optional<std::uint64_t> attribute(const JsonView& document, std::uint64_t id) {
  const auto attributes = document.find("ata_smart_attributes");
  const auto table = attributes ? attributes->find("table") : std::nullopt;
  const auto rows = table ? table->elements() : fail("");
  if (!rows) return std::nullopt;
  for (const auto& row : *rows) {
    if (row.number_or("id", 0) != id) continue;
    const auto raw = number_at(row, {"raw", "value"});
    return raw ? std::optional(*raw & 0xFFFFFFFFU) : std::nullopt;
  }
  return std::nullopt;
}

// Collects what is said of a disk.
struct Findings {
  std::string text;
  bool bad = false;

  void add(const std::string& what) { text += (text.empty() ? "" : ", ") + what; }
  void count(std::optional<std::uint64_t> number, const std::string& what, bool speaks_against) {
    if (!number) return;
    add(std::to_string(*number) + " " + what);
    bad = bad || (speaks_against && *number > 0);
  }
};

// NVMe 2.0 figure 207, SMART / Health Information, octet 0.
std::string warnings_of(std::uint64_t critical) {
  constexpr std::string_view kBits[] = {"its spare blocks run out", "its temperature is wrong",
                                        "its reliability is degraded", "it is read-only",
                                        "its backup of memory failed"};
  std::string text;
  for (std::size_t bit = 0; bit < std::size(kBits); ++bit) {
    if ((critical >> bit & 1U) == 0) continue;
    text += (text.empty() ? "" : " and ") + std::string(kBits[bit]);
  }
  return text.empty() ? "code " + std::to_string(critical) : text;
}

void add_nvme(const JsonView& document, Findings& findings) {
  const std::string_view log = "nvme_smart_health_information_log";
  const auto critical = number_at(document, {log, "critical_warning"});
  if (critical && *critical != 0) {
    findings.add("critical warning: " + warnings_of(*critical));
    findings.bad = true;
  }
  if (const auto used = number_at(document, {log, "percentage_used"})) {
    findings.add(std::to_string(*used) + " % of its life used");
  }
  findings.count(number_at(document, {log, "media_errors"}), "media errors", false);
}

void add_ata(const JsonView& document, Findings& findings) {
  findings.count(attribute(document, 5), "reallocated sectors", false);
  findings.count(attribute(document, 197), "pending sectors", true);
  findings.count(attribute(document, 198), "uncorrectable sectors", true);
}

bool is_nvme_or_ata_data(const JsonView& document) {
  return document.find("smart_status").has_value() ||
         document.find("ata_smart_attributes").has_value() ||
         document.find("nvme_smart_health_information_log").has_value();
}

}  // namespace

std::string_view to_text(Health::Verdict verdict) {
  switch (verdict) {
    case Health::Verdict::good: return "good";
    case Health::Verdict::bad: return "bad";
    case Health::Verdict::unknown: return "unknown";
  }
  return "unknown";
}

Fallible<Health> parse_health(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return std::unexpected(json.error());
  const JsonView document(*json);
  if (!document.find("smartctl")) return fail("not a report of smartctl");
  if (flag_at(document, "smart_support", "available") == false) {
    return Health{Health::Verdict::unknown, "no health data: the disk keeps none"};
  }
  if (flag_at(document, "smart_support", "enabled") == false) {
    return Health{Health::Verdict::unknown, "no health data: SMART is switched off"};
  }
  if (!is_nvme_or_ata_data(document)) {
    return Health{Health::Verdict::unknown, "no health data"};
  }
  Findings findings;
  if (const auto passed = flag_at(document, "smart_status", "passed")) {
    findings.add(*passed ? "SMART passed" : "SMART expects it to FAIL");
    findings.bad = !*passed;
  }
  add_nvme(document, findings);
  add_ata(document, findings);
  findings.count(number_at(document, {"power_on_time", "hours"}), "hours", false);
  findings.count(number_at(document, {"temperature", "current"}), "degrees C", false);
  return Health{findings.bad ? Health::Verdict::bad : Health::Verdict::good, findings.text};
}

std::expected<Health, Failure> read_health(const Disk& disk, const std::string& device,
                                           const Tools& tools) {
  if (disk.type == "virtio" || disk.type == "mmc") {
    return Health{Health::Verdict::unknown, "no health data: " + disk.type + " disks keep none"};
  }
  if (!tools.has("smartctl")) {
    return std::unexpected(tool_missing(
        "smartctl", "the profile asks for a disk in good health",
        "build it on a server that has smartmontools, or set disk_health: any in the profile"));
  }
  const auto result = tools.run({.arguments = {"smartctl", "-j", "-H", "-i", "-A", device},
                                 .patience = std::chrono::seconds(60)});
  if (!result) return Health{Health::Verdict::unknown, "no health data: " + result.error().text()};
  auto health = parse_health(result->out);
  if (health && (result->code & kSmartctlCannot) == 0) return std::move(*health);
  return Health{Health::Verdict::unknown, "no health data: smartctl cannot read it"};
}

std::optional<Failure> check_health(const Disk& disk, const Health& health) {
  if (health.verdict != Health::Verdict::bad) return std::nullopt;
  return Failure{"disk-unhealthy", disk.path + " says of itself: " + health.summary +
                                       "; replace the disk, or set disk_health: any in the profile "
                                       "to write it all the same."};
}

}  // namespace slipway::agent
