// provisioning/api_request.hpp -- what the routes of the operator plane share.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "http/route.hpp"
#include "provisioning/operator.hpp"

namespace slipway::provisioning {

// Adds a route of the operator plane: it answers root and the server's own user only, by the
// kernel's word, and everybody else with 403.
void add_guarded(http::Router& router, http::Method method, std::string_view pattern,
                 http::Handler handler, std::size_t max_body_octets = 65'536);

[[nodiscard]] http::Response json_response(const boost::json::value& value);
[[nodiscard]] http::Response bad_body(const Error& error);

// The body of an order; an empty one counts as {}.
[[nodiscard]] Fallible<boost::json::value> body_of(const http::Request& request);
// Who gives an order, and why, from its body and from the socket.
[[nodiscard]] Order order_of(const http::Request& request, const JsonView& body);

}  // namespace slipway::provisioning
