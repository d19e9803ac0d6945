#include "provisioning/agent_json.hpp"

#include <array>
#include <boost/json.hpp>
#include <limits>

#include "base/json.hpp"
#include "provisioning/said_text.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongText = 1000;

Fallible<std::int64_t> attempt_of(const JsonView& view) {
  const auto number = view.number("attempt");
  if (!number) return std::unexpected(number.error());
  if (*number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return fail("attempt: too large");
  }
  return static_cast<std::int64_t>(*number);
}

// The members of `from` that are named, in this order, with texts cleaned and other values only
// as numbers, truth values or null.
json::object picked(const json::object& from, std::initializer_list<std::string_view> names) {
  json::object to;
  for (const auto name : names) {
    const auto* value = from.if_contains(json::string_view(name.data(), name.size()));
    if (value == nullptr || value->is_structured()) continue;
    const json::string_view key(name.data(), name.size());
    if (const auto* text = value->if_string()) {
      to[key] = said_text({text->data(), text->size()});
    } else {
      to[key] = *value;
    }
  }
  return to;
}

json::array picked_list(const json::object& from, std::string_view name, std::size_t most,
                        std::initializer_list<std::string_view> names) {
  json::array list;
  const auto* value = from.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_array()) return list;
  for (const auto& element : value->get_array()) {
    if (element.is_object() && list.size() < most) {
      list.push_back(picked(element.get_object(), names));
    }
  }
  return list;
}

Fallible<std::vector<Mac>> macs_of(const JsonView& view) {
  std::vector<Mac> macs;
  const auto list = view.find("macs");
  if (!list) return macs;
  const auto elements = list->elements();
  if (!elements) return std::unexpected(elements.error());
  for (const auto& element : *elements) {
    const auto text = element.text();
    if (!text) return std::unexpected(text.error());
    const auto mac = Mac::parse(*text);
    if (!mac) return fail(element.path() + ": not a MAC");
    macs.push_back(*mac);
  }
  return macs;
}

}  // namespace

Fallible<AgentHello> read_hello(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return std::unexpected(document.error());
  const JsonView view(*document);
  auto token = view.text("token");
  if (!token) return std::unexpected(token.error());
  auto macs = macs_of(view);
  if (!macs) return std::unexpected(macs.error());
  AgentHello hello{.token = std::move(*token), .macs = std::move(*macs)};
  hello.uuid = Uuid::parse(view.text_or("uuid", ""));
  hello.serial = said_text(view.text_or("serial", ""));
  hello.manufacturer = said_text(view.text_or("manufacturer", ""));
  hello.product = said_text(view.text_or("product", ""));
  hello.agent_version = said_text(view.text_or("agent_version", ""));
  return hello;
}

Fallible<std::string> read_inventory(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return std::unexpected(document.error());
  const auto* object = document->if_object();
  if (object == nullptr) return fail("document: expected an object");
  auto inventory = picked(*object, {"cpus", "memory_octets", "firmware", "secure_boot", "tpm"});
  inventory["nics"] =
      picked_list(*object, "nics", 32, {"name", "mac", "driver", "link", "speed_mbit", "booted"});
  inventory["disks"] = picked_list(*object, "disks", 128,
                                   {"path", "type", "model", "serial", "wwn", "size_octets",
                                    "sector_octets", "removable", "read_only", "rotational"});
  return json::serialize(inventory);
}

Fallible<ProgressBody> read_progress(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return std::unexpected(document.error());
  const JsonView view(*document);
  const auto attempt = attempt_of(view);
  if (!attempt) return std::unexpected(attempt.error());
  return ProgressBody{.attempt = *attempt,
                      .progress = {.step = said_text(view.text_or("step", "")),
                                   .done_octets = view.number_or("done_octets", 0),
                                   .total_octets = view.number_or("total_octets", 0),
                                   .rate_octets = view.number_or("rate_octets", 0)}};
}

Fallible<std::vector<std::string>> read_log_lines(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return std::unexpected(document.error());
  const auto list = JsonView(*document).member("lines");
  if (!list) return std::unexpected(list.error());
  const auto elements = list->elements();
  if (!elements) return std::unexpected(elements.error());
  std::vector<std::string> lines;
  for (const auto& element : *elements) {
    auto text = element.text();
    if (!text) return std::unexpected(text.error());
    lines.push_back(said_text(*text, kLongText));
  }
  return lines;
}

Fallible<AttemptReport> read_result(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return std::unexpected(document.error());
  const JsonView view(*document);
  const auto attempt = attempt_of(view);
  if (!attempt) return std::unexpected(attempt.error());
  const auto state = view.text("state");
  if (!state) return std::unexpected(state.error());
  if (*state != "installed" && *state != "failed") {
    return fail("state: expected installed or failed");
  }
  AttemptReport report{.attempt = *attempt, .installed = *state == "installed"};
  report.reason = said_text(view.text_or("reason", ""));
  report.detail = said_text(view.text_or("detail", ""), kLongText);
  if (!report.installed && report.reason.empty()) report.reason = "internal";
  auto kept = picked(document->get_object(),
                     {"attempt", "state", "reason", "detail", "disk", "raw_sha256"});
  kept["disks"] = picked_list(document->get_object(), "disks", 128,
                              {"path", "model", "serial", "size_octets", "taken", "why"});
  for (const auto* part : {"health", "erase"}) {
    const auto* said = document->get_object().if_contains(part);
    if (said == nullptr || !said->is_object()) continue;
    kept[part] =
        picked(said->get_object(), {"verdict", "summary", "method", "seconds", "verified"});
  }
  if (const auto seconds = view.find("seconds"); seconds && seconds->raw().is_object()) {
    json::object steps;
    for (const auto step : {"inventory", "checks", "burn-in", "erase", "wipe", "write", "verify",
                            "finishing", "commit", "bootentry", "done"}) {
      const auto* value = seconds->raw().get_object().if_contains(step);
      if (value != nullptr && value->is_number()) steps[step] = *value;
    }
    kept["seconds"] = std::move(steps);
  }
  report.json = json::serialize(kept);
  return report;
}

Fallible<AttemptReport> read_call_back(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return std::unexpected(document.error());
  const JsonView view(*document);
  const auto state = view.text("state");
  if (!state) return std::unexpected(state.error());
  if (*state != "installed" && *state != "failed") {
    return fail("state: expected installed or failed");
  }
  AttemptReport report{.installed = *state == "installed"};
  json::object kept{{"state", *state}};
  if (!report.installed) {
    report.reason = "installer-failed";
    report.detail = said_text(view.text_or("reason", ""), kLongText);
    if (report.detail.empty()) report.detail = "The installer gave no reason";
    kept["reason"] = report.reason;
    kept["detail"] = report.detail;
  }
  report.json = json::serialize(kept);
  return report;
}

}  // namespace slipway::provisioning
