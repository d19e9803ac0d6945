#include "service/health.hpp"

#include <utility>

#include "base/metrics.hpp"
#include "provisioning/api_request.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;
using http::Method;
using http::Request;
using http::Response;

Response plain(std::string_view type, std::string text) {
  auto response = Response::text(200, type, std::move(text));
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

// One row is enough to know whether the database answers.
void ask_ready(prov::Ledger& ledger, http::Reply reply) {
  ledger.ask([reply = std::move(reply)](prov::Store& store) mutable -> Scheduler::Task {
    auto rows = store.audit(0, 1);
    return [rows = std::move(rows), reply = std::move(reply)]() mutable {
      if (rows) return reply(plain("text/plain; charset=utf-8", "ready\n"));
      reply(Response::problem(503, "Not ready",
                              "The store does not answer: " + rows.error().text() + "."));
    };
  });
}

}  // namespace

void add_health(http::Router& router, prov::Ledger& ledger, std::function<std::string()> metrics) {
  router.add(Method::get, "/healthz", [](const Request&, http::Reply reply) {
    reply(plain("text/plain; charset=utf-8", "ok\n"));
  });
  router.add(Method::get, "/readyz",
             [&ledger](const Request&, http::Reply reply) { ask_ready(ledger, std::move(reply)); });
  prov::add_guarded(router, Method::get, "/metrics",
                    [metrics = std::move(metrics)](const Request&, http::Reply reply) {
                      reply(plain(slipway::metrics::Text::kContentType, metrics()));
                    });
}

}  // namespace slipway::service
