#include "provisioning/api_batches.hpp"

#include <boost/json.hpp>
#include <utility>

#include "provisioning/api_request.hpp"
#include "provisioning/batch_report.hpp"
#include "provisioning/batch_view.hpp"
#include "provisioning/terraform.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;
using http::Method;
using http::Request;
using http::Response;

constexpr std::uint64_t kDefaultSeconds = std::uint64_t{24} * 3600;
constexpr std::uint64_t kLongestSeconds = std::uint64_t{90} * 24 * 3600;
constexpr std::size_t kMaxBodyOctets = std::size_t{4} << 20U;  // ten thousand sites fit

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kCsv = "text/csv; charset=utf-8; header=present";
constexpr std::string_view kJson = "application/json";

Response no_such_batch(std::string_view id) {
  return Response::problem(404, "No such batch",
                           "There is no batch " + std::string(id) + "; see slipway batch list.");
}

Response unknown_format(std::string_view format, std::string_view allowed) {
  return Response::problem(
      400, "Bad request",
      "format: " + std::string(format) + " is not known; expected " + std::string(allowed) + ".");
}

Response refusal_response(const BatchRefusal& refusal) {
  auto response = Response::problem(refusal.status, "Not opened", refusal.text + ".");
  if (refusal.mistakes.empty()) return response;
  json::array errors;
  for (const auto& mistake : refusal.mistakes) {
    errors.push_back(json::object{{"detail", mistake.text}, {"pointer", mistake.pointer}});
  }
  response.body = json::serialize(json::object{{"type", "about:blank"},
                                               {"title", "Not opened"},
                                               {"status", refusal.status},
                                               {"detail", refusal.text + "."},
                                               {"errors", std::move(errors)}});
  return response;
}

Fallible<std::vector<std::string>> texts(const JsonView& body, std::string_view name) {
  std::vector<std::string> list;
  const auto member = body.find(name);
  if (!member) return list;
  const auto elements = member->elements();
  if (!elements) return std::unexpected(elements.error());
  for (const auto& element : *elements) {
    auto text = element.text();
    if (!text) return std::unexpected(text.error());
    list.push_back(std::move(*text));
  }
  return list;
}

Fallible<void> read_hosts(const JsonView& list, BatchRequest& request) {
  const auto elements = list.elements();
  if (!elements) return std::unexpected(elements.error());
  for (const auto& element : *elements) {
    auto host = element.text("host");
    if (!host) return std::unexpected(host.error());
    request.entries.push_back({.host = std::move(*host), .site = element.text_or("site", "")});
  }
  return {};
}

Fallible<void> read_entries(const JsonView& body, BatchRequest& request) {
  const auto hosts = body.find("hosts");
  if (hosts.has_value() == body.find("sites").has_value()) {
    return fail("document: expected either sites or hosts");
  }
  if (hosts) return read_hosts(*hosts, request);
  request.kind = BatchKind::sites;
  auto sites = texts(body, "sites");
  if (!sites) return std::unexpected(sites.error());
  for (auto& site : *sites) request.entries.push_back({.host = {}, .site = std::move(site)});
  return {};
}

Fallible<BatchRequest> read_request(const JsonView& body) {
  BatchRequest request;
  auto profile = body.text("profile");
  if (!profile) return std::unexpected(profile.error());
  request.profile = std::move(*profile);
  if (const auto entries = read_entries(body, request); !entries) {
    return std::unexpected(entries.error());
  }
  auto allow = texts(body, "allow");
  if (!allow) return std::unexpected(allow.error());
  request.allow = std::move(*allow);
  if (const auto limit = body.find("limit")) {
    const auto number = limit->number();
    if (!number) return std::unexpected(number.error());
    request.limit = *number;
  }
  const auto seconds = body.number_or("expires_seconds", kDefaultSeconds);
  if (seconds == 0 || seconds > kLongestSeconds) {
    return fail("expires_seconds: expected 1 second to 90 days");
  }
  request.lifetime = std::chrono::seconds(seconds);
  return request;
}

Response written(std::string_view format, const Batch& batch, std::span<const BoxRecord> records) {
  if (format == "csv") return Response::text(200, kCsv, records_csv(records));
  if (format == "json") return Response::text(200, kJson, report_json(batch, records));
  return Response::text(200, kText, report_text(batch, records));
}

Response exported(std::string_view format, std::span<const BoxRecord> records) {
  if (format == "csv") return Response::text(200, kCsv, records_csv(records));
  if (format == "json") return Response::text(200, kJson, hosts_json(records));
  return Response::text(200, kText, terraform_of(records));
}

Response failed(const Error& error) {
  return Response::problem(503, "Not now", error.text() + ".");
}

}  // namespace

void BatchApi::add(http::Router& router, Method method, std::string_view pattern, Handle handle) {
  add_guarded(
      router, method, pattern,
      [this, handle](const Request& request, http::Reply reply) {
        (this->*handle)(request, std::move(reply));
      },
      kMaxBodyOctets);
}

void BatchApi::add(http::Router& router, Method method, std::string_view pattern,
                   HandleBatch handle) {
  add_guarded(router, method, pattern, [this, handle](const Request& request, http::Reply reply) {
    const auto* batch = batches_.find(request.captures[0]);
    if (batch == nullptr) return reply(no_such_batch(request.captures[0]));
    (this->*handle)(request, *batch, std::move(reply));
  });
}

void BatchApi::add_to(http::Router& router) {
  add(router, Method::get, "/api/v1/batches", &BatchApi::list);
  add(router, Method::post, "/api/v1/batches", &BatchApi::open);
  add(router, Method::get, "/api/v1/batches/{id}", &BatchApi::show);
  add(router, Method::post, "/api/v1/batches/{id}/close", &BatchApi::close);
  add(router, Method::get, "/api/v1/batches/{id}/report", &BatchApi::report);
  add(router, Method::get, "/api/v1/export/hosts", &BatchApi::export_hosts);
}

void BatchApi::with_records(const std::string& id, Written write, http::Reply reply) {
  ledger_.ask([this, id, write = std::move(write),
               reply = std::move(reply)](Store& store) mutable -> Scheduler::Task {
    return [this, id, write = std::move(write), history = store.history_of_batch(id),
            reply = std::move(reply)]() mutable {
      const auto* batch = batches_.find(id);
      if (!history) return reply(failed(history.error()));
      reply(write(*batch, records_of(history->slots, *history)));
    };
  });
}

void BatchApi::list(const Request& request, http::Reply reply) {
  (void)request;  // no parameters
  std::vector<std::string> ids;
  for (const auto* batch : batches_.all()) ids.push_back(batch->id);
  ledger_.ask([this, ids, reply = std::move(reply)](Store& store) mutable -> Scheduler::Task {
    std::vector<Fallible<History>> histories;
    for (const auto& id : ids) histories.push_back(store.history_of_batch(id));
    return [this, ids, histories = std::move(histories), reply = std::move(reply)]() mutable {
      const auto now_ms = ledger_.now().unix_ms;
      json::array list;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!histories[i]) return reply(failed(histories[i].error()));
        const auto& batch = *batches_.find(ids[i]);
        const auto records = records_of(histories[i]->slots, *histories[i]);
        const BatchSurroundings nothing{
            .host = [](std::string_view) { return nullptr; }, .refusal_of = {}, .now = {}};
        list.push_back(batch_summary(batch, progress_of(members_of(records, nothing), now_ms)));
      }
      reply(json_response(json::object{{"batches", std::move(list)}}));
    };
  });
}

void BatchApi::open(const Request& request, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  const JsonView view(*body);
  const auto wanted = read_request(view);
  if (!wanted) return reply(bad_body(wanted.error()));
  batches_.open(*wanted, order_of(request, view),
                [this, reply = std::move(reply)](
                    const std::expected<std::string, BatchRefusal>& opened) mutable {
                  if (!opened) return reply(refusal_response(opened.error()));
                  answer_shown(*opened, std::move(reply));
                });
}

void BatchApi::answer_shown(const std::string& id, http::Reply reply) {
  with_records(
      id,
      [this](const Batch& batch, std::span<const BoxRecord> records) {
        const BatchSurroundings around{
            .host = [this](std::string_view host) { return ledger_.hosts().by_id(host); },
            .refusal_of =
                [this, &batch](std::string_view host) { return batches_.refusal_of(batch, host); },
            .now = ledger_.now()};
        return json_response(batch_view(batch, records, around));
      },
      std::move(reply));
}

void BatchApi::show(const Request& request, const Batch& batch, http::Reply reply) {
  (void)request;  // the route named the batch
  answer_shown(batch.id, std::move(reply));
}

void BatchApi::close(const Request& request, const Batch& batch, http::Reply reply) {
  const auto body = body_of(request);
  if (!body) return reply(bad_body(body.error()));
  batches_.close(
      batch.id, order_of(request, JsonView(*body)),
      [this, id = batch.id, reply = std::move(reply)](const Operator::Outcome& outcome) mutable {
        if (outcome) return answer_shown(id, std::move(reply));
        reply(Response::problem(outcome.error().status, "Not closed", outcome.error().text + "."));
      });
}

void BatchApi::report(const Request& request, const Batch& batch, http::Reply reply) {
  const auto format = request.parameter("format").value_or("text");
  if (format != "text" && format != "csv" && format != "json") {
    return reply(unknown_format(format, "text, csv or json"));
  }
  with_records(
      batch.id,
      [format](const Batch& found, std::span<const BoxRecord> records) {
        return written(format, found, records);
      },
      std::move(reply));
}

void BatchApi::export_hosts(const Request& request, http::Reply reply) {
  const auto format = request.parameter("format").value_or("csv");
  if (format != "csv" && format != "json" && format != "terraform") {
    return reply(unknown_format(format, "csv, json or terraform"));
  }
  const auto state = parse_state(request.parameter("state").value_or("installed"));
  if (!state) return reply(Response::problem(400, "Bad request", "state: there is no such state."));
  const auto id = request.parameter("batch").value_or("");
  std::set<std::string, std::less<>> members;
  if (!id.empty()) {
    const auto* batch = batches_.find(id);
    if (batch == nullptr) return reply(no_such_batch(id));
    for (const auto& slot : batch->slots) members.insert(slot.host);
  }
  ledger_.ask([format, state = *state, whole = id.empty(), members = std::move(members),
               reply = std::move(reply)](Store& store) mutable -> Scheduler::Task {
    auto response = failed(Error(""));
    if (const auto history = store.history_of_hosts(state)) {
      auto records = last_records_of(*history);
      std::erase_if(records,
                    [&](const auto& each) { return !whole && !members.contains(each.host); });
      response = exported(format, records);
    } else {
      response = failed(history.error());
    }
    return [reply = std::move(reply), response = std::move(response)]() mutable {
      reply(std::move(response));
    };
  });
}

}  // namespace slipway::provisioning
