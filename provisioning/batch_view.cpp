#include "provisioning/batch_view.hpp"

#include <boost/json.hpp>

#include "base/json.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;

MemberState state_of(BoxResult result) {
  switch (result) {
    case BoxResult::not_taken: return MemberState::waiting;
    case BoxResult::armed: return MemberState::armed;
    case BoxResult::running: return MemberState::running;
    case BoxResult::installed: return MemberState::done;
    case BoxResult::failed: return MemberState::failed;
    case BoxResult::withdrawn: break;
  }
  return MemberState::withdrawn;
}

// The agent's own seconds for each step, from its report.
std::map<std::string, double, std::less<>> steps_of(const std::string& report) {
  std::map<std::string, double, std::less<>> steps;
  if (report.empty()) return steps;
  const auto document = parse_json(report);
  const auto seconds = document ? JsonView(*document).find("seconds") : std::nullopt;
  if (!seconds || !seconds->raw().is_object()) return steps;
  for (const auto& [step, value] : seconds->raw().get_object()) {
    if (value.is_number()) steps[step] = value.to_number<double>();
  }
  return steps;
}

json::object member_json(const BoxRecord& record, const Member& member,
                         const BatchSurroundings& around) {
  json::object object{{"number", record.number},
                      {"host", record.host},
                      {"name", record.box.name},
                      {"site", record.box.site},
                      {"state", json::string(name_of(member.state))},
                      {"reason", record.reason},
                      {"detail", record.detail},
                      {"attempts", record.attempts},
                      {"armed_ms", record.armed_ms},
                      {"started_ms", record.started_ms},
                      {"ended_ms", record.ended_ms}};
  object["refusal"] = record.host.empty() ? std::string() : around.refusal_of(record.host);
  const auto* host = around.host(record.host);
  const auto progress =
      host != nullptr && member.state == MemberState::running ? host->progress : Progress{};
  object["step"] = progress.step;
  object["done_octets"] = progress.done_octets;
  object["total_octets"] = progress.total_octets;
  object["rate_octets"] = progress.rate_octets;
  return object;
}

}  // namespace

std::vector<Member> members_of(std::span<const BoxRecord> records,
                               const BatchSurroundings& around) {
  std::vector<Member> members;
  for (const auto& record : records) {
    Member member{.state = state_of(record.result),
                  .armed_ms = record.armed_ms,
                  .started_ms = record.started_ms,
                  .ended_ms = record.ended_ms};
    if (member.state == MemberState::done) member.step_seconds = steps_of(record.report_json);
    const auto* host = member.state == MemberState::running ? around.host(record.host) : nullptr;
    if (host != nullptr) {
      member.step = host->progress.step;
      member.step_began_ms = host->progress.began_ms;
    }
    members.push_back(std::move(member));
  }
  return members;
}

json::object batch_summary(const Batch& batch, const BatchProgress& progress) {
  json::array rules;
  for (const auto& rule : batch.rules) rules.emplace_back(text_of(rule));
  json::object object{{"id", batch.id},
                      {"profile", batch.profile},
                      {"kind", json::string(name_of(batch.kind))},
                      {"allow", std::move(rules)},
                      {"opened_by", batch.who},
                      {"why", batch.why},
                      {"opened_ms", batch.opened_ms},
                      {"open", batch.is_open()},
                      {"closed_ms", batch.closed_ms},
                      {"closed_by", batch.closed_by}};
  object["total"] = progress.total;
  object["done"] = progress.done;
  object["failed"] = progress.failed;
  object["running"] = progress.running;
  object["armed"] = progress.armed;
  object["waiting"] = progress.waiting;
  object["withdrawn"] = progress.withdrawn;
  object["boxes_per_hour"] = progress.boxes_per_hour;
  object["eta_ms"] = nullptr;
  if (progress.eta_ms && batch.is_open()) object["eta_ms"] = *progress.eta_ms;
  return object;
}

json::object batch_view(const Batch& batch, std::span<const BoxRecord> records,
                        const BatchSurroundings& around) {
  const auto members = members_of(records, around);
  const auto progress = progress_of(members, around.now.unix_ms);
  auto object = batch_summary(batch, progress);
  const auto left =
      std::chrono::duration_cast<std::chrono::seconds>(batch.expires - around.now.steady);
  object["expires_seconds"] = batch.is_open() ? std::max<std::int64_t>(left.count(), 0) : 0;
  json::array list;
  for (std::size_t i = 0; i < records.size(); ++i) {
    list.push_back(member_json(records[i], members[i], around));
  }
  object["members"] = std::move(list);
  json::array stragglers;
  for (const auto& [index, why] : progress.stragglers) {
    const auto& record = records[index];
    stragglers.push_back(
        json::object{{"number", record.number}, {"name", record.box.name}, {"why", why}});
  }
  object["stragglers"] = std::move(stragglers);
  return object;
}

}  // namespace slipway::provisioning
