#include "provisioning/agent_api.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "base/log.hpp"
#include "provisioning/agent_json.hpp"
#include "provisioning/diagnostics.hpp"
#include "provisioning/qr.hpp"
#include "provisioning/routes.hpp"
#include "provisioning/tokens.hpp"

namespace slipway::provisioning {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view kJson = "application/json";
constexpr std::uint64_t kLongestWaitSeconds = 30;

Response bad_body(const Error& error) {
  return Response::problem(400, "Bad request", error.text() + ".");
}

Response nothing() { return Response{.status = 204, .headers = {}, .body = {}}; }

Response uncached_json(std::string body) {
  auto response = Response::text(200, kJson, std::move(body));
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

Response config_file(std::string octets) {
  auto response = Response::text(200, "application/octet-stream", std::move(octets));
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

Response not_now() { return refusal(Verdict::not_now); }

Response stop_at_once() {
  return Response::problem(409, "Attempt revoked", "This attempt is over; stop at once.");
}

Response plan_response(const PlanAnswer& answer) {
  switch (answer.kind) {
    case PlanAnswer::Kind::plan:
    case PlanAnswer::Kind::hold: return uncached_json(answer.json);
    case PlanAnswer::Kind::nothing: return nothing();
    case PlanAnswer::Kind::finished: return refusal(Verdict::finished);
    case PlanAnswer::Kind::not_now: break;
  }
  return not_now();
}

std::string_view bearer_of(const Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto header = request.header("Authorization").value_or("");
  return header.starts_with(kScheme) ? header.substr(kScheme.size()) : std::string_view();
}

std::chrono::seconds wait_of(const Request& request) {
  const auto text = request.parameter("wait").value_or("");
  std::uint64_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc()) return std::chrono::seconds(0);
  return std::chrono::seconds(std::min(seconds, kLongestWaitSeconds));
}

}  // namespace

void AgentApi::add_to(http::Router& router) {
  router.add(Method::post, "/agent/v1/session", [this](const Request& request, http::Reply reply) {
    open_session(request, std::move(reply));
  });
  const auto add = [&](Method method, std::string_view pattern, Work work,
                       std::size_t max_body_octets = 65'536) {
    router.add(
        method, pattern,
        [this, work](const Request& request, http::Reply reply) {
          with_session(request, std::move(reply), work);
        },
        max_body_octets);
  };
  add(Method::post, "/agent/v1/inventory", &AgentApi::inventory);
  add(Method::get, "/agent/v1/plan", &AgentApi::plan);
  add(Method::get, "/agent/v1/seed", &AgentApi::seed);
  add(Method::get, "/agent/v1/oem", &AgentApi::oem);
  add(Method::post, "/agent/v1/progress", &AgentApi::progress);
  add(Method::post, "/agent/v1/log", &AgentApi::log_lines, kMaxBundleOctets);
  add(Method::post, "/agent/v1/result", &AgentApi::result);
}

void AgentApi::open_session(const Request& request, http::Reply reply) {
  auto hello = read_hello(request.body);
  if (!hello) return reply(bad_body(hello.error()));
  const auto seen = std::string(shown(hello->token));
  const auto peer = request.peer.address;
  sessions_.open(std::move(*hello), peer,
                 [this, seen, peer, reply = std::move(reply)](const OpenedSession& opened) mutable {
                   if (opened.verdict == Verdict::good) {
                     return reply(uncached_json(session_json(opened)));
                   }
                   delay_.report(seen, peer);
                   if (opened.verdict != Verdict::unknown) return reply(refusal(opened.verdict));
                   delay_.answer(std::move(reply), refusal(opened.verdict));
                 });
}

// `url` is where a person assigns this host, and `qr` the same as a code for the host's screen;
// both are missing unless the operators' pages have a public address.
std::string AgentApi::session_json(const OpenedSession& opened) const {
  boost::json::object body{{"session", opened.bearer},
                           {"host", opened.host},
                           {"id", opened.id},
                           {"attempt", opened.attempt},
                           {"time", ledger_.now().unix_ms}};
  if (!ledger_.config().public_url.empty()) {
    const auto url = ledger_.config().public_url + "/r/" + opened.id;
    body["url"] = url;
    // Without a code the host shows the address alone.
    if (const auto rows = qr_rows(url)) body["qr"] = boost::json::value_from(*rows);
  }
  return boost::json::serialize(body);
}

void AgentApi::with_session(const Request& request, http::Reply reply, Work work) {
  sessions_.authorise(bearer_of(request), request.peer.address,
                      [this, &request, work, reply = std::move(reply)](
                          Verdict verdict, const SessionRef& ref) mutable {
                        with_verdict(verdict, request, ref, std::move(reply), work);
                      });
}

void AgentApi::with_verdict(Verdict verdict, const Request& request, const SessionRef& ref,
                            http::Reply reply, Work work) {
  if (verdict == Verdict::good) return (this->*work)(request, ref, std::move(reply));
  if (verdict == Verdict::finished) return answer_finished(request, ref, std::move(reply));
  if (verdict != Verdict::unknown) return reply(refusal(verdict));
  auto response = Response::problem(401, "Unauthorized", "Trade the boot token first.");
  response.headers.push_back({"WWW-Authenticate", "Bearer"});
  delay_.answer(std::move(reply), std::move(response));
}

// A dead session may only hear that it is dead; but the result that killed it may be repeated,
// because the answer to it may have been lost.
void AgentApi::answer_finished(const Request& request, const SessionRef& ref, http::Reply reply) {
  if (request.path == "/agent/v1/result") return result(request, ref, std::move(reply));
  if (request.path == "/agent/v1/progress") return reply(stop_at_once());
  reply(refusal(Verdict::finished));
}

void AgentApi::inventory(const Request& request, const SessionRef& ref, http::Reply reply) {
  auto inventory = read_inventory(request.body);
  if (!inventory) return reply(bad_body(inventory.error()));
  auto& host = *ref.host;
  host.inventory_json = std::move(*inventory);
  host.learnt = true;
  ledger_.when_free(host, [this, &host, reply = std::move(reply)]() mutable {
    ledger_.commit_facts(host, [reply = std::move(reply)](const Fallible<void>& result) mutable {
      reply(result ? nothing() : not_now());
    });
  });
}

void AgentApi::plan(const Request& request, const SessionRef& ref, http::Reply reply) {
  std::optional<std::string> seen;
  if (const auto tag = request.parameter("seen")) seen = std::string(*tag);
  installs_.want_plan(ref, {.wait = wait_of(request), .seen = std::move(seen)},
                      [reply = std::move(reply)](const PlanAnswer& answer) mutable {
                        reply(plan_response(answer));
                      });
}

void AgentApi::seed(const Request& request, const SessionRef& ref, http::Reply reply) {
  (void)request;  // the session says it all
  const auto* plan = installs_.config(ref);
  if (plan == nullptr) return reply(refusal(Verdict::not_armed));
  reply(config_file(std::string(as_text(plan->seed))));
}

void AgentApi::oem(const Request& request, const SessionRef& ref, http::Reply reply) {
  (void)request;
  const auto* plan = installs_.config(ref);
  if (plan == nullptr) return reply(refusal(Verdict::not_armed));
  if (plan->oem.empty()) {
    return reply(
        Response::problem(404, "Not found", "This attempt's format has no such document."));
  }
  reply(config_file(plan->oem));
}

void AgentApi::progress(const Request& request, const SessionRef& ref, http::Reply reply) {
  auto body = read_progress(request.body);
  if (!body) return reply(bad_body(body.error()));
  const bool goes_on = installs_.progress(ref, body->attempt, std::move(body->progress));
  reply(goes_on ? nothing() : stop_at_once());
}

void AgentApi::log_lines(const Request& request, const SessionRef& ref, http::Reply reply) {
  const auto lines = read_log_lines(request.body);
  if (!lines) return keep_bundle(request, ref, std::move(reply));
  for (const auto& line : *lines) {
    log::debug("agent.said", {{"host", ref.host->shown_name()}, {"line", line}});
  }
  reply(nothing());
}

// What is no list of lines is a diagnostic bundle. It is kept under the attempt of its own session,
// whatever it says.
void AgentApi::keep_bundle(const Request& request, const SessionRef& ref, http::Reply reply) {
  auto bundle = read_bundle(request.body);
  if (!bundle) return reply(bad_body(bundle.error()));
  if (ref.session->attempt == 0) return reply(refusal(Verdict::not_armed));
  const BundlePlace place{.folder = diagnostics_folder(ledger_.config().data_dir),
                          .host = ref.host->id,
                          .attempt = ref.session->attempt};
  ledger_.ask([this, place, text = std::move(*bundle),
               reply = std::move(reply)](Store&) mutable -> Scheduler::Task {
    auto kept = keep_diagnostics(place, text);
    return [this, place, kept = std::move(kept), reply = std::move(reply)]() mutable {
      const auto* host = ledger_.hosts().by_id(place.host);
      if (host != nullptr && kept) {
        ledger_.note(*host, "host.diagnosed", "its diagnostics are in " + place.file().string());
      } else if (host != nullptr) {
        ledger_.alarm(*host, "host.diagnosis_lost", kept.error().text());
      }
      reply(kept ? nothing() : not_now());
    };
  });
}

void AgentApi::result(const Request& request, const SessionRef& ref, http::Reply reply) {
  auto report = read_result(request.body);
  if (!report) return reply(bad_body(report.error()));
  installs_.report(ref, std::move(*report),
                   [reply = std::move(reply)](ReportVerdict verdict) mutable {
                     switch (verdict) {
                       case ReportVerdict::durable: return reply(Response::text(200, kJson, "{}"));
                       case ReportVerdict::revoked: return reply(stop_at_once());
                       case ReportVerdict::not_now: break;
                     }
                     reply(not_now());
                   });
}

}  // namespace slipway::provisioning
