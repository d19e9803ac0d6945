// http/exchange.hpp -- the meeting point of a handler's reply and the connection that waits for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "http/message.hpp"
#include "http/route.hpp"

namespace slipway::http {

// Outlives the connection while a handler still holds its Reply.
struct Exchange {
  Request request;
  std::optional<Response> response;
  std::function<void()> wake;  // of the connection that waits; empty: the client is gone

  void deliver(Response answer);  // the first one counts
};

// The reply to one request, as the handler holds it. Dropped uncalled, it answers 500.
[[nodiscard]] Reply reply_to(std::shared_ptr<Exchange> exchange);

// Answers of the server's own.
[[nodiscard]] Response status_problem(int status, std::string_view detail);
[[nodiscard]] Response unrouted(const Match& match);   // 404 or 405
[[nodiscard]] Response too_large(const Match& match);  // 413

}  // namespace slipway::http
