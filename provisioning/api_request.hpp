// provisioning/api_request.hpp -- what the routes of the operator plane share.
#pragma once

#include <string>

#include "base/json.hpp"
#include "http/message.hpp"
#include "provisioning/operator.hpp"

namespace slipway::provisioning {

// Root and the server's own user, by the kernel's word.
[[nodiscard]] bool is_allowed(const http::Peer& peer);
[[nodiscard]] http::Response not_allowed();

[[nodiscard]] http::Response json_response(const boost::json::value& value);
[[nodiscard]] http::Response bad_body(const Error& error);

// The body of an order; an empty one counts as {}.
[[nodiscard]] Fallible<boost::json::value> body_of(const http::Request& request);
// Who gives an order, and why, from its body and from the socket.
[[nodiscard]] Order order_of(const http::Request& request, const JsonView& body);

}  // namespace slipway::provisioning
