// agent/order.hpp -- what the server answers to GET /agent/v1/plan: write, or what to do meanwhile.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "agent/plan.hpp"

namespace slipway::agent {

// Nothing is to be written now.
struct Hold {
  std::string name;    // of the host; empty when the server has none for it
  std::string state;   // "assigned"; of the host's life as the server counts it
  std::string text;    // why it waits, and what a person does about it
  std::string tag;     // says to the server that this is on the screen already
  bool shell = false;  // a root shell is to be open on the consoles
  std::string by;      // who asked for it
  bool operator==(const Hold&) const = default;
};

struct NothingNew {
  bool operator==(const NothingNew&) const = default;
};

using Order = std::variant<NothingNew, Hold, Plan>;

// Fails when the answer asks for something that this agent does not know, or as parse_plan() does.
[[nodiscard]] Fallible<Order> parse_order(std::string_view json);

}  // namespace slipway::agent
