#include "provisioning/box.hpp"

#include <algorithm>

namespace slipway::provisioning {
namespace {

using enum BoxResult;

class Index {
 public:
  explicit Index(const History& history) {
    for (const auto& arming : history.armings) armings_[arming.host].push_back(&arming);
    for (const auto& attempt : history.attempts) attempts_[attempt.arming].push_back(&attempt);
  }

  [[nodiscard]] std::span<const ArmingRow* const> armings_of(std::string_view host) const {
    const auto found = armings_.find(host);
    if (found == armings_.end()) return {};
    return found->second;
  }

  // Takes in `arming`, which comes after those that `record` holds already. False when the record
  // is closed by it: an installed box stays installed.
  bool add(BoxRecord& record, const ArmingRow& arming) const {
    const auto found = attempts_.find(arming.id);
    const bool unused = arming.ended_ms != 0 && found == attempts_.end();
    if (unused && record.attempts != 0) return true;  // what happened before still stands
    record.host = arming.host;
    record.box = arming.box;
    record.profile = arming.profile;
    record.armed_by = arming.who;
    record.armed_ms = arming.armed_ms;
    record.result = arming.ended_ms == 0 ? armed : withdrawn;
    if (record.result == withdrawn) record.reason = arming.ended_why;
    if (found == attempts_.end()) return true;
    for (const auto* attempt : found->second) {
      ++record.attempts;
      add_attempt(record, *attempt, arming.ended_ms != 0);
    }
    return record.result != installed;
  }

 private:
  static void add_attempt(BoxRecord& record, const AttemptRow& attempt, bool arming_ended) {
    record.started_ms = attempt.started_ms;
    record.ended_ms = attempt.ended_ms;
    record.reason = attempt.reason;
    record.detail = attempt.detail;
    record.report_json = attempt.report_json;
    if (attempt.state == "installed") {
      record.result = installed;
    } else if (attempt.state == "running") {
      record.result = running;
    } else {
      record.result = arming_ended ? failed : armed;
    }
  }

  std::map<std::string_view, std::vector<const ArmingRow*>> armings_;
  std::map<std::int64_t, std::vector<const AttemptRow*>> attempts_;
};

BoxRecord record_of(const BatchSlot& slot, const History& history, const Index& index) {
  BoxRecord record{.number = slot.number, .host = slot.host};
  record.box.site = slot.site;
  if (slot.arming == 0) return record;
  bool begun = false;
  for (const auto* arming : index.armings_of(slot.host)) {
    begun = begun || arming->id == slot.arming;
    if (!begun) continue;
    if (arming->id != slot.arming && history.of_other_batches.contains(arming->id)) break;
    if (!index.add(record, *arming)) break;
  }
  return record;
}

}  // namespace

std::string_view name_of(BoxResult result) {
  switch (result) {
    case not_taken: return "not taken";
    case armed: return "armed";
    case running: return "running";
    case installed: return "installed";
    case failed: return "failed";
    case withdrawn: break;
  }
  return "withdrawn";
}

std::vector<BoxRecord> records_of(std::span<const BatchSlot> slots, const History& history) {
  const Index index(history);
  std::vector<BoxRecord> records;
  for (const auto& slot : slots) records.push_back(record_of(slot, history, index));
  return records;
}

std::vector<BoxRecord> last_records_of(const History& history) {
  const Index index(history);
  std::map<std::string_view, const ArmingRow*> last;
  for (const auto& arming : history.armings) last[arming.host] = &arming;
  std::vector<BoxRecord> records;
  for (const auto& [host, arming] : last) {
    BoxRecord record;
    (void)index.add(record, *arming);  // there is no later one
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace slipway::provisioning
