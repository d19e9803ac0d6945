#include "provisioning/api.hpp"

#include <boost/json.hpp>
#include <utility>

#include "base/failures.hpp"
#include "base/json.hpp"
#include "base/progress.hpp"
#include "provisioning/api_request.hpp"
#include "provisioning/diagnostics.hpp"
#include "provisioning/lookout.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;
using http::Method;
using http::Request;
using http::Response;

constexpr std::chrono::hours kDefaultArming{24};
constexpr std::uint64_t kLongestArmingSeconds = std::uint64_t{90} * 24 * 3600;

Fallible<std::chrono::seconds> lifetime_of(const JsonView& body) {
  const auto standard = std::chrono::duration_cast<std::chrono::seconds>(kDefaultArming).count();
  const auto seconds = body.number_or("expires_seconds", static_cast<std::uint64_t>(standard));
  if (seconds == 0 || seconds > kLongestArmingSeconds) {
    return fail("expires_seconds: expected 1 second to 90 days");
  }
  return std::chrono::seconds(seconds);
}

// What the agent posted, as the store keeps it.
json::value stored(const std::string& text) {
  if (text.empty()) return nullptr;
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : json::value(nullptr);
}

struct Shown {
  std::string profile, site;
};

// What the inventory says goes before what an operator assigned.
Shown recipe_names(const Host& host, const Inventory& inventory) {
  if (host.in_inventory) {
    const auto* entry = inventory.host(host.name);
    if (entry != nullptr && !entry->profile.empty()) return {entry->profile, entry->site};
    if (entry != nullptr) {
      return {host.profile, entry->site.empty() ? host.site : entry->site};  // a batch said so
    }
  }
  return {host.profile, host.site};
}

// Seconds to the end of the step, null when that cannot be told.
json::value eta_of(const Host& host) {
  const auto& progress = host.progress;
  const auto left = seconds_left(
      {progress.step, progress.done_octets, progress.total_octets, progress.rate_octets});
  return left ? json::value(*left) : json::value(nullptr);
}

// What an armed host is given: what its profile named when it was armed.
json::array images_of(const Host& host, const Inventory& current) {
  if (!host.arming) return {};
  const auto* profile = (host.snapshot ? *host.snapshot : current).profile(host.arming->profile);
  if (profile == nullptr) return {};
  json::array images;
  if (!profile->image.empty()) images.emplace_back(profile->image);
  for (const auto& item : profile->content) images.emplace_back(item.image);
  return images;
}

// Empty texts when there is none, like those of a failure.
void show_diagnosis(json::object& object, const std::optional<Diagnosis>& diagnosis) {
  const auto* kind = diagnosis ? find_failure_kind(diagnosis->name) : nullptr;
  object["diagnosis"] = diagnosis ? json::string(diagnosis->name) : json::string();
  object["diagnosis_detail"] = diagnosis ? json::string(diagnosis->detail) : json::string();
  object["diagnosis_meaning"] = kind != nullptr ? json::string(kind->sentence) : json::string();
  object["diagnosis_remedy"] = kind != nullptr ? json::string(kind->remedy) : json::string();
}

// The milestones of the present boot, each with its wall-clock time.
json::array shown(const Passage& passage, const Now& now) {
  json::array milestones;
  for (std::size_t i = 0; i < kMilestones; ++i) {
    const auto milestone = static_cast<Milestone>(i);
    const auto& at = passage.at(milestone);
    if (!at) continue;
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(now.steady - *at);
    milestones.push_back(json::object{{"name", json::string(name_of(milestone))},
                                      {"at", now.unix_ms - ago.count()}});
  }
  return milestones;
}

json::object shown(const Host& host, const Ledger& ledger) {
  json::array macs;
  for (const auto& mac : host.macs) macs.emplace_back(mac.text());
  const auto names = recipe_names(host, *ledger.inventory());
  const auto now = ledger.now();
  json::object object{{"id", host.id},
                      {"name", host.name},
                      {"macs", std::move(macs)},
                      {"uuid", host.uuid ? host.uuid->text() : std::string()},
                      {"serial", host.serial},
                      {"manufacturer", host.manufacturer},
                      {"product", host.product},
                      {"state", json::string(name_of(host.state))},
                      {"profile", host.arming ? host.arming->profile : names.profile},
                      {"site", names.site}};
  object["images"] = images_of(host, *ledger.inventory());
  object["step"] = host.progress.step;
  object["done_octets"] = host.progress.done_octets;
  object["total_octets"] = host.progress.total_octets;
  object["rate_octets"] = host.progress.rate_octets;
  object["eta_seconds"] = eta_of(host);
  object["reason"] = host.reason;
  object["detail"] = host.detail;
  const auto* kind = find_failure_kind(host.reason);
  object["meaning"] = kind != nullptr ? json::string(kind->sentence) : json::string();
  object["remedy"] = kind != nullptr ? json::string(kind->remedy) : json::string();
  show_diagnosis(object, diagnosis_of(host, ledger.journey(), now.steady));
  object["attempt"] = host.attempt;
  object["attempts_left"] = host.attempts_left(now.steady);
  object["rescue_by"] = host.rescue ? host.rescue->who : std::string();
  object["armed_by"] = host.arming ? host.arming->who : std::string();
  object["changed_ms"] = host.changed_ms;
  object["last_seen"] = host.seen_ms;
  object["inventory"] = stored(host.inventory_json);
  return object;
}

}  // namespace

void OperatorApi::add(http::Router& router, Method method, std::string_view pattern,
                      Handle handle) {
  add_guarded(router, method, pattern, [this, handle](const Request& request, http::Reply reply) {
    (this->*handle)(request, std::move(reply));
  });
}

void OperatorApi::add(http::Router& router, Method method, std::string_view pattern,
                      HandleHost handle) {
  add_guarded(router, method, pattern, [this, handle](const Request& request, http::Reply reply) {
    auto* host = ledger_.hosts().by_reference(request.captures[0]);
    if (host == nullptr) {
      return reply(Response::problem(
          404, "No such host",
          "There is no host " + request.captures[0] + "; name it by its name, its ID or a MAC."));
    }
    (this->*handle)(request, *host, std::move(reply));
  });
}

void OperatorApi::add_to(http::Router& router) {
  add(router, Method::get, "/api/v1/hosts", &OperatorApi::list);
  add(router, Method::get, "/api/v1/hosts/{id}", &OperatorApi::show);
  add(router, Method::get, "/api/v1/hosts/{id}/timeline", &OperatorApi::timeline);
  add(router, Method::post, "/api/v1/hosts/{id}/arm", &OperatorApi::arm);
  add(router, Method::post, "/api/v1/hosts/{id}/retry", &OperatorApi::retry);
  add(router, Method::post, "/api/v1/hosts/{id}/rescue", &OperatorApi::rescue);
  add(router, Method::get, "/api/v1/hosts/{id}/diagnostics", &OperatorApi::diagnostics);
  add(router, Method::post, "/api/v1/hosts/{id}/disarm", &OperatorApi::disarm);
  add(router, Method::post, "/api/v1/hosts/{id}/ignore", &OperatorApi::ignore);
  add(router, Method::post, "/api/v1/hosts/{id}/assign", &OperatorApi::assign);
  add(router, Method::get, "/api/v1/inventory", &OperatorApi::inventory);
  add(router, Method::post, "/api/v1/reload", &OperatorApi::reload);
}

void OperatorApi::list(const Request& request, http::Reply reply) {
  (void)request;  // no parameters yet
  json::array hosts;
  ledger_.hosts().each([&](const Host& host) { hosts.push_back(shown(host, ledger_)); });
  reply(json_response(json::object{{"hosts", std::move(hosts)}}));
}

void OperatorApi::show(const Request& request, Host& host, http::Reply reply) {
  (void)request;  // the route named the host
  auto object = shown(host, ledger_);
  const auto folder = diagnostics_folder(ledger_.config().data_dir);
  const auto bundle = newest_diagnostics_file(folder, host.id);
  object["diagnostics"] = bundle ? bundle->string() : std::string();
  object["report"] = stored(host.report_json);
  reply(json_response(object));
}

void OperatorApi::timeline(const Request& request, Host& host, http::Reply reply) {
  (void)request;  // the route named the host
  json::array events;
  for (const auto& event : ledger_.journey().of(host.id)) {
    events.push_back(
        json::object{{"at", event.at_ms}, {"event", event.event}, {"text", event.text}});
  }
  const auto now = ledger_.now();
  json::object document{{"events", std::move(events)}};
  document["boot"] = shown(ledger_.journey().passage(host.id), now);
  show_diagnosis(document, diagnosis_of(host, ledger_.journey(), now.steady));
  reply(json_response(document));
}

Operator::Done OperatorApi::answer(Host& host, http::Reply reply) {
  return [this, &host, reply = std::move(reply)](const Operator::Outcome& outcome) mutable {
    if (outcome) return reply(json_response(shown(host, ledger_)));
    reply(Response::problem(outcome.error().status, "Not done", outcome.error().text + "."));
  };
}

void OperatorApi::arm(const Request& request, Host& host, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  const auto lifetime = lifetime_of(JsonView(*body));
  if (!lifetime) return reply(bad_body(lifetime.error()));
  operator_.arm(host, *lifetime, order_of(request, JsonView(*body)),
                answer(host, std::move(reply)));
}

void OperatorApi::retry(const Request& request, Host& host, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  const auto lifetime = lifetime_of(JsonView(*body));
  if (!lifetime) return reply(bad_body(lifetime.error()));
  operator_.retry(host, *lifetime, order_of(request, JsonView(*body)),
                  answer(host, std::move(reply)));
}

void OperatorApi::rescue(const Request& request, Host& host, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  const auto* open = body->get_object().if_contains("open");
  if (open == nullptr || !open->is_bool()) return reply(bad_body(Error("open: true or false")));
  operator_.rescue(host, open->get_bool(), order_of(request, JsonView(*body)),
                   answer(host, std::move(reply)));
}

void OperatorApi::diagnostics(const Request& request, Host& host, http::Reply reply) {
  (void)request;  // the route named the host
  ledger_.ask([folder = diagnostics_folder(ledger_.config().data_dir), id = host.id,
               reply = std::move(reply)](Store&) mutable -> Scheduler::Task {
    auto bundle = newest_diagnostics(folder, id);
    return [bundle = std::move(bundle), reply = std::move(reply)]() mutable {
      if (bundle) return reply(Response::text(200, "application/json", std::move(*bundle)));
      reply(Response::problem(404, "No diagnostics", bundle.error().text() + "."));
    };
  });
}

void OperatorApi::disarm(const Request& request, Host& host, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  operator_.disarm(host, order_of(request, JsonView(*body)), answer(host, std::move(reply)));
}

void OperatorApi::ignore(const Request& request, Host& host, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  operator_.ignore(host, order_of(request, JsonView(*body)), answer(host, std::move(reply)));
}

void OperatorApi::assign(const Request& request, Host& host, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  const JsonView view(*body);
  auto profile = view.text("profile");
  if (!profile) return reply(bad_body(profile.error()));
  const Assignment assignment{.profile = std::move(*profile),
                              .site = view.text_or("site", ""),
                              .name = view.text_or("name", "")};
  operator_.assign(host, assignment, order_of(request, view), answer(host, std::move(reply)));
}

void OperatorApi::inventory(const Request& request, http::Reply reply) {
  (void)request;  // no parameters
  const auto status = inventory_.status();
  json::array lines;
  for (const auto& line : status.lines) lines.emplace_back(line);
  reply(json_response(json::object{{"loaded_ms", status.loaded_ms},
                                   {"digest", status.digest},
                                   {"hosts", status.hosts},
                                   {"profiles", status.profiles},
                                   {"sites", status.sites},
                                   {"refused_ms", status.refused_ms},
                                   {"lines", std::move(lines)}}));
}

void OperatorApi::reload(const Request& request, http::Reply reply) {
  (void)request;  // no body
  const auto outcome = inventory_.reload();
  json::array lines;
  for (const auto& line : outcome.lines) lines.emplace_back(line);
  if (outcome.good) return reply(json_response(json::object{{"warnings", std::move(lines)}}));
  auto response = Response::problem(422, "Not reloaded",
                                    "The inventory has mistakes; the old one stays in force.");
  json::object body{{"type", "about:blank"},
                    {"title", "Not reloaded"},
                    {"status", 422},
                    {"detail", "The inventory has mistakes; the old one stays in force."},
                    {"mistakes", std::move(lines)}};
  response.body = json::serialize(body);
  reply(std::move(response));
}

}  // namespace slipway::provisioning
