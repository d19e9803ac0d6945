#include "agent/order.hpp"

#include "base/json.hpp"

namespace slipway::agent {
namespace {

// The server makes the same of the octets that it sent.
std::string tag_of(std::string_view octets) { return Sha256::of(octets).text().substr(0, 8); }

}  // namespace

Fallible<Order> parse_order(std::string_view json) {
  const auto document = parse_json(json);
  if (!document) return std::unexpected(document.error());
  const JsonView view(*document);
  const auto action = view.text("action");
  if (!action) return std::unexpected(action.error());
  if (*action == "wait" || *action == "shell") {
    return Hold{.name = view.text_or("name", ""),
                .state = view.text_or("state", ""),
                .text = view.text_or("text", ""),
                .tag = tag_of(json),
                .shell = *action == "shell",
                .by = view.text_or("by", "")};
  }
  auto plan = parse_plan(json);
  if (!plan) return std::unexpected(plan.error());
  return Order(std::move(*plan));
}

}  // namespace slipway::agent
