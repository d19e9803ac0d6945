#include "http/exchange.hpp"

#include <string>
#include <utility>

#include "http/respond.hpp"

namespace slipway::http {
namespace {

class Ticket {
 public:
  explicit Ticket(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  Ticket(Ticket&&) noexcept = default;
  Ticket& operator=(Ticket&&) = delete;
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!exchange_) return;
    exchange_->deliver(
        status_problem(500, "the request was dropped without an answer: see the log"));
  }

  void operator()(Response response) {
    if (!exchange_) return;  // a second call
    std::exchange(exchange_, nullptr)->deliver(std::move(response));
  }

 private:
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace

void Exchange::deliver(Response answer) {
  if (response) return;
  response = std::move(answer);
  if (wake) wake();
}

Reply reply_to(std::shared_ptr<Exchange> exchange) { return Ticket(std::move(exchange)); }

Response status_problem(int status, std::string_view detail) {
  return Response::problem(status, reason_of(status), detail);
}

Response unrouted(const Match& match) {
  if (match.status != 405) return status_problem(404, "nothing is published under this path");
  auto response = status_problem(405, "the path takes only " + match.allow);
  response.headers.push_back({"Allow", match.allow});
  return response;
}

Response too_large(const Match& match) {
  return status_problem(413, "this path takes bodies of at most " +
                                 std::to_string(match.max_body_octets) + " octets");
}

}  // namespace slipway::http
