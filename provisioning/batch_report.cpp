#include "provisioning/batch_report.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <ctime>

#include "provisioning/csv.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;

std::string macs_text(const Box& box, std::string_view separator) {
  std::string text;
  for (const auto& mac : box.macs) {
    if (!text.empty()) text += separator;
    text += mac.text();
  }
  return text;
}

std::string digest_text(const Box& box) {
  return box.image.empty() ? std::string() : "sha256:" + box.image_digest.text();
}

std::string plain(std::string text) {
  constexpr char kDelete = 0x7F;
  std::ranges::replace_if(text, [](char c) { return (c >= 0 && c < ' ') || c == kDelete; }, '?');
  return text;
}

// "label value" for each pair that has a value, three blanks between them.
std::string line_of(std::initializer_list<std::pair<std::string_view, std::string>> parts) {
  std::string line;
  for (const auto& [label, value] : parts) {
    if (value.empty()) continue;
    line += (line.empty() ? "     " : "   ") + std::string(label);
    line += (label.empty() ? "" : " ") + plain(value);
  }
  return line.empty() ? line : line + "\n";
}

std::string result_text(const BoxRecord& record) {
  std::string text(name_of(record.result));
  if (!record.reason.empty()) text += ", " + record.reason;
  if (!record.detail.empty()) text += ": " + record.detail;
  return text;
}

std::string box_text(const BoxRecord& record) {
  const auto& box = record.box;
  auto text =
      "\n" + std::to_string(record.number) + ".   " +
      plain((box.name.empty() ? std::string("-") : box.name) + "   " + result_text(record)) + "\n";
  text += line_of({{"MACs", macs_text(box, ", ")}, {"serial", box.serial}, {"UUID", box.uuid}});
  text += line_of({{"edge ID", box.edge_id}, {"site", box.site}, {"profile", record.profile}});
  text += line_of({{"image", box.image}, {"", digest_text(box)}});
  const auto attempts = record.attempts == 0 ? std::string() : std::to_string(record.attempts);
  text += line_of({{"from", utc_text(record.started_ms)},
                   {"to", utc_text(record.ended_ms)},
                   {"attempts", attempts}});
  return text + line_of({{"armed by", record.armed_by}});
}

json::object box_json(const BoxRecord& record) {
  const auto& box = record.box;
  json::array macs;
  for (const auto& mac : box.macs) macs.emplace_back(mac.text());
  json::object tags;
  for (const auto& [key, value] : box.tags) tags[key] = value;
  json::object object{
      {"number", record.number},   {"id", record.host},    {"name", box.name},
      {"macs", std::move(macs)},   {"serial", box.serial}, {"uuid", box.uuid},
      {"edge_id", box.edge_id},    {"site", box.site},     {"tags", std::move(tags)},
      {"profile", record.profile}, {"image", box.image},   {"image_digest", digest_text(box)}};
  object["started"] = utc_text(record.started_ms);
  object["ended"] = utc_text(record.ended_ms);
  object["result"] = json::string(name_of(record.result));
  object["reason"] = record.reason;
  object["detail"] = record.detail;
  object["armed_by"] = record.armed_by;
  object["attempts"] = record.attempts;
  return object;
}

}  // namespace

std::string utc_text(std::int64_t unix_ms) {
  if (unix_ms == 0) return {};
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm utc{};
  std::array<char, 32> text{};
  if (gmtime_r(&seconds, &utc) == nullptr) return std::to_string(unix_ms);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::string report_text(const Batch& batch, std::span<const BoxRecord> records) {
  const auto count = [&](BoxResult result) {
    return std::to_string(std::ranges::count(records, result, &BoxRecord::result));
  };
  std::string text = "Batch " + batch.id + " of " + batch.profile + "\n";
  text += "opened " + utc_text(batch.opened_ms) + " by " + plain(batch.who);
  if (!batch.why.empty()) text += ": " + plain(batch.why);
  text += "\n";
  if (!batch.is_open()) {
    text += "closed " + utc_text(batch.closed_ms) + " by " + plain(batch.closed_by) + "\n";
  }
  text += count(BoxResult::installed) + " of " + std::to_string(records.size()) + " installed, " +
          count(BoxResult::failed) + " failed\n";
  for (const auto& record : records) text += box_text(record);
  return text;
}

std::string records_csv(std::span<const BoxRecord> records) {
  const std::vector<std::string> columns{
      "number", "name",         "macs",    "serial", "uuid",   "edge_id", "site",     "profile",
      "image",  "image_digest", "started", "ended",  "result", "reason",  "armed_by", "attempts"};
  auto text = csv_record(columns);
  for (const auto& record : records) {
    const auto& box = record.box;
    const auto number = record.number == 0 ? std::string() : std::to_string(record.number);
    const auto reason =
        record.detail.empty() ? record.reason : record.reason + ": " + record.detail;
    const std::vector<std::string> fields{number,
                                          box.name,
                                          macs_text(box, " "),
                                          box.serial,
                                          box.uuid,
                                          box.edge_id,
                                          box.site,
                                          record.profile,
                                          box.image,
                                          digest_text(box),
                                          utc_text(record.started_ms),
                                          utc_text(record.ended_ms),
                                          std::string(name_of(record.result)),
                                          reason,
                                          record.armed_by,
                                          std::to_string(record.attempts)};
    text += csv_record(fields);
  }
  return text;
}

std::string report_json(const Batch& batch, std::span<const BoxRecord> records) {
  json::array boxes;
  for (const auto& record : records) boxes.push_back(box_json(record));
  const json::object head{{"id", batch.id},
                          {"profile", batch.profile},
                          {"opened", utc_text(batch.opened_ms)},
                          {"opened_by", batch.who},
                          {"why", batch.why},
                          {"closed", utc_text(batch.closed_ms)},
                          {"closed_by", batch.closed_by}};
  return json::serialize(json::object{{"batch", head}, {"boxes", std::move(boxes)}});
}

std::string hosts_json(std::span<const BoxRecord> records) {
  json::array hosts;
  for (const auto& record : records) hosts.push_back(box_json(record));
  return json::serialize(json::object{{"hosts", std::move(hosts)}});
}

}  // namespace slipway::provisioning
