#include "provisioning/api_request.hpp"

#include <unistd.h>

#include <boost/json.hpp>

namespace slipway::provisioning {

namespace json = boost::json;
using http::Response;

namespace {

bool is_allowed(const http::Peer& peer) {
  return peer.unix_user && (*peer.unix_user == 0 || *peer.unix_user == ::geteuid());
}

}  // namespace

void add_guarded(http::Router& router, http::Method method, std::string_view pattern,
                 http::Handler handler, std::size_t max_body_octets) {
  router.add(
      method, pattern,
      [handler = std::move(handler)](const http::Request& request, http::Reply reply) {
        if (is_allowed(request.peer)) return handler(request, std::move(reply));
        reply(Response::problem(403, "Refused", "Only root and the server's user may ask."));
      },
      max_body_octets);
}

Response json_response(const json::value& value) {
  return Response::text(200, "application/json", json::serialize(value));
}

Response bad_body(const Error& error) {
  return Response::problem(400, "Bad request", error.text() + ".");
}

Fallible<json::value> body_of(const http::Request& request) {
  if (request.body.empty()) return json::value(json::object{});
  auto parsed = parse_json(request.body);
  if (parsed && !parsed->is_object()) return fail("document: expected an object");
  return parsed;
}

Order order_of(const http::Request& request, const JsonView& body) {
  const auto user = "uid " + std::to_string(request.peer.unix_user.value_or(0));
  const auto by = body.text_or("by", "");
  return {.who = by.empty() ? user : by.substr(0, 128) + " (" + user + ")",
          .why = body.text_or("why", "").substr(0, 1000)};
}

}  // namespace slipway::provisioning
