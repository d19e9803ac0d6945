#include "agent/diagnosis.hpp"

#include <sys/klog.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "agent/text_file.hpp"
#include "base/progress.hpp"
#include "base/tool.hpp"

namespace slipway::agent {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using Lines = std::vector<std::string>;

constexpr std::size_t kLongLine = 500;

// What was a secret is three stars.
std::string cleaned(std::string line, const std::vector<Secret>& secrets) {
  for (const auto& secret : secrets) {
    const auto& text = secret.reveal();
    for (auto at = text.empty() ? std::string::npos : line.find(text); at != std::string::npos;
         at = line.find(text, at)) {
      line.replace(at, text.size(), "***");
    }
  }
  line = printable(std::move(line));
  line.resize(std::min(line.size(), kLongLine));
  return line;
}

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The newest lines that fit into `octets` once they are JSON, where a quote or a backslash takes
// two.
json::array newest(const Lines& lines, const std::vector<Secret>& secrets, std::size_t octets) {
  Lines kept;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    auto text = cleaned(*line, secrets);
    const auto escaped = std::ranges::count_if(text, [](char c) { return c == '"' || c == '\\'; });
    const auto cost = text.size() + static_cast<std::size_t>(escaped) + 3;
    if (cost > octets) break;
    octets -= cost;
    kept.push_back(std::move(text));
  }
  json::array array;
  for (auto line = kept.rbegin(); line != kept.rend(); ++line) array.emplace_back(*line);
  return array;
}

Lines about_disks(const fs::path& root, const std::vector<Disk>& disks) {
  Lines lines;
  for (const auto& disk : disks) {
    const auto state =
        read_line(root / "sys/block" / fs::path(disk.path).filename() / "device/state");
    lines.push_back(disk.path + " " + disk.type + " " + human_octets(disk.size_octets) +
                    " sectors of " + std::to_string(disk.sector_octets) + ", model " + disk.model +
                    ", serial " + disk.serial + (state.empty() ? "" : ", " + state) +
                    (disk.read_only ? ", read-only" : "") + (disk.in_use ? ", in use" : ""));
  }
  return lines;
}

Lines about_nics(const fs::path& root, const std::vector<Nic>& nics) {
  Lines lines;
  for (const auto& nic : nics) {
    const auto folder = root / "sys/class/net" / nic.name;
    std::string line = nic.name + " " + nic.mac + " " + nic.driver + " " +
                       read_line(folder / "operstate") + ", " + read_line(folder / "speed") +
                       " Mbit/s";
    for (const auto* counter : {"rx_errors", "tx_errors", "rx_dropped", "rx_crc_errors"}) {
      line += ", " + std::string(counter) + " " + read_line(folder / "statistics" / counter);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Lines ask_smartctl(const fs::path& root, const std::string& disk) {
  const auto program = root / "bin/smartctl";
  if (!fs::exists(program)) return {};
  const auto said = call_tool({.arguments = {program.string(), "-H", "-A", "-l", "error", disk},
                               .patience = std::chrono::seconds(10),
                               .output_octets = 8U << 10U});
  return said ? split(said->out) : Lines{said.error().text()};
}

}  // namespace

std::string diagnosis_json(const fs::path& root, const Findings& findings) {
  constexpr std::size_t kSmallOctets = 16U << 10U;
  std::size_t left = kBundleOctets - (8U << 10U);  // names, braces and the detail
  json::array sections;
  const auto add = [&](const std::string& title, const Lines& lines, std::size_t octets) {
    auto kept = newest(lines, findings.secrets, std::min(octets, left));
    if (kept.empty()) return;
    left -= std::min(left, json::serialize(kept).size() + title.size() + 32);
    sections.push_back(json::object{{"title", title}, {"lines", std::move(kept)}});
  };
  add("console", findings.console, 2 * kSmallOctets);
  add("disks", about_disks(root, findings.inventory.disks), kSmallOctets);
  add("network cards", about_nics(root, findings.inventory.nics), kSmallOctets);
  for (const auto& disk : findings.inventory.disks) {
    constexpr std::size_t kForTheKernel = 64U << 10U;  // at least
    if (left < kForTheKernel + kSmallOctets) break;
    add("health of " + disk.path, ask_smartctl(root, disk.path), kSmallOctets / 2);
  }
  add("kernel messages", split(findings.kernel), left);
  return json::serialize(
      json::object{{"bundle", json::object{{"reason", cleaned(findings.reason, findings.secrets)},
                                           {"detail", cleaned(findings.detail, findings.secrets)},
                                           {"agent_version", SLIPWAY_VERSION},
                                           {"sections", std::move(sections)}}}});
}

std::string read_kernel_messages() {
  constexpr int kReadAll = 3, kSizeOfBuffer = 10;  // syslog(2)
  const int octets = ::klogctl(kSizeOfBuffer, nullptr, 0);
  if (octets <= 0) return {};
  std::string text(static_cast<std::size_t>(octets), '\0');
  const int got = ::klogctl(kReadAll, text.data(), octets);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

}  // namespace slipway::agent
