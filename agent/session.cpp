#include "agent/session.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "base/json.hpp"

namespace slipway::agent {
namespace {

namespace json = boost::json;

json::array disks_json(const std::vector<DiskVerdict>& verdicts) {
  json::array disks;
  for (const auto& disk : verdicts) {
    disks.push_back(json::object{{"path", disk.path},
                                 {"model", disk.model},
                                 {"serial", disk.serial},
                                 {"size_octets", disk.size_octets},
                                 {"taken", disk.taken},
                                 {"why", disk.why}});
  }
  return disks;
}

bool is_not_now(int status) { return status == 408 || status == 429 || status >= 500; }

Refusal refusal(const Answer& answer) {
  const auto document = parse_json(answer.body);
  std::string detail;
  if (document) {
    const JsonView view(*document);
    detail = view.text_or("detail", view.text_or("title", ""));
  }
  if (detail.empty()) detail = "the server answered with status " + std::to_string(answer.status);
  return {answer.status, detail};
}

std::vector<std::string> rows_of(const JsonView& view) {
  const auto list = view.find("qr");
  const auto elements = list ? list->elements() : Fallible<std::vector<JsonView>>{};
  std::vector<std::string> rows;
  if (!elements) return rows;
  for (const auto& element : *elements) rows.push_back(element.text().value_or(""));
  return rows;
}

}  // namespace

Session::Session(Transport& transport, Secret token, Waiting waiting,
                 std::function<void(const std::string&)> trouble)
    : transport_(transport),
      token_(std::move(token)),
      waiting_(std::move(waiting)),
      trouble_(std::move(trouble)) {}

Answer Session::send(Call call) {
  for (unsigned tries = 1;; ++tries) {
    auto answer = transport_.exchange(call);
    if (answer && !is_not_now(answer->status)) {
      if (tries > 1) trouble_("");
      return std::move(*answer);
    }
    if (tries == 1) trouble_(answer ? refusal(*answer).detail : answer.error().text());
    waiting_.sleep(retry_delay(tries, waiting_.dice()));
  }
}

Answer Session::send_as_session(Call call) {
  call.bearer = bearer_;
  auto answer = send(call);
  if (answer.status != 401) return answer;
  if (!open(identity_)) return answer;
  call.bearer = bearer_;
  return send(call);
}

Answered<void> Session::expect(Call call, int status) {
  const auto answer = send_as_session(std::move(call));
  if (answer.status != status) return std::unexpected(refusal(answer));
  return {};
}

Answered<void> Session::open(const Inventory& inventory) {
  identity_ = inventory;
  const auto answer = send({.method = "POST",
                            .target = "/agent/v1/session",
                            .body = session_json(inventory, token_.reveal())});
  if (answer.status != 200) return std::unexpected(refusal(answer));
  const auto document = parse_json(answer.body);
  if (!document) return std::unexpected(Refusal{answer.status, document.error().text()});
  const JsonView view(*document);
  auto bearer = view.text("session");
  if (!bearer) return std::unexpected(Refusal{answer.status, bearer.error().text()});
  bearer_ = Secret(std::move(*bearer));
  registration_ = {.host = view.text_or("host", ""),
                   .id = view.text_or("id", view.text_or("host", "")),
                   .url = view.text_or("url", ""),
                   .qr = rows_of(view)};
  const auto unix_ms = static_cast<std::int64_t>(view.number_or("time", 0));
  if (auto hear = std::exchange(hear_, nullptr)) hear(unix_ms);
  return {};
}

Answered<void> Session::post_inventory(const Inventory& inventory) {
  identity_ = inventory;
  return expect(
      {.method = "POST", .target = "/agent/v1/inventory", .body = inventory_json(inventory)}, 204);
}

Answered<Order> Session::order(const std::string& seen) {
  const auto answer = send_as_session({.target = "/agent/v1/plan?wait=30&seen=" + seen});
  if (answer.status == 204) return NothingNew{};
  if (answer.status != 200) return std::unexpected(refusal(answer));
  auto order = parse_order(answer.body);
  if (!order) {
    return std::unexpected(Refusal{200, "the plan is not understood: " + order.error().text()});
  }
  return std::move(*order);
}

Answered<std::string> Session::seed(const SeedSource& source) {
  auto answer = send_as_session({.target = source.url});
  if (answer.status != 200) return std::unexpected(refusal(answer));
  return std::move(answer.body);
}

Answered<std::string> Session::artifact(const std::string& path) {
  auto answer = send({.target = path});
  if (answer.status != 200) return std::unexpected(refusal(answer));
  return std::move(answer.body);
}

Answered<void> Session::post_result(const Outcome& outcome) {
  return expect({.method = "POST", .target = "/agent/v1/result", .body = result_json(outcome)},
                200);
}

void Session::post_log(const std::vector<std::string>& lines) {
  json::array list;
  for (const auto& line : lines) list.push_back(json::value(line));
  const json::value document = {{"lines", list}};
  (void)transport_.exchange({.method = "POST",
                             .target = "/agent/v1/log",
                             .bearer = bearer_,
                             .body = json::serialize(document)});  // lost lines are only lines
}

void Session::post_diagnosis(const std::string& json) {
  constexpr unsigned kTries = 3;
  for (unsigned tries = 1; tries <= kTries; ++tries) {
    const auto answer = transport_.exchange(
        {.method = "POST", .target = "/agent/v1/log", .bearer = bearer_, .body = json});
    if (answer && !is_not_now(answer->status)) return;
    if (tries < kTries) waiting_.sleep(retry_delay(tries, waiting_.dice()));
  }
}

std::string result_json(const Outcome& outcome) {
  json::object seconds;
  for (const auto& [step, value] : outcome.seconds) seconds[step] = value;
  json::object document = {
      {"attempt", outcome.attempt}, {"state", outcome.installed ? "installed" : "failed"},
      {"reason", outcome.reason},   {"detail", outcome.detail},
      {"disk", outcome.disk},       {"raw_sha256", outcome.raw_sha256},
      {"seconds", seconds},         {"disks", disks_json(outcome.disks)}};
  if (outcome.health) {
    const auto verdict = to_text(outcome.health->verdict);
    document["health"] = json::object{{"verdict", json::string(verdict.data(), verdict.size())},
                                      {"summary", outcome.health->summary}};
  }
  if (outcome.erase) {
    document["erase"] = json::object{{"method", outcome.erase->method},
                                     {"seconds", outcome.erase->seconds},
                                     {"verified", outcome.erase->verified}};
  }
  return json::serialize(document);
}

std::string progress_json(std::uint64_t attempt, std::string_view step, std::uint64_t done_octets,
                          std::uint64_t total_octets, std::uint64_t rate_octets) {
  const json::value document = {{"attempt", attempt},
                                {"step", json::string_view(step.data(), step.size())},
                                {"done_octets", done_octets},
                                {"total_octets", total_octets},
                                {"rate_octets", rate_octets}};
  return json::serialize(document);
}

}  // namespace slipway::agent
