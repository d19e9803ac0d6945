// provisioning/hold.hpp -- what an agent that has nothing to write is told to show and to do. Pure.
#pragma once

#include <string>

#include "provisioning/host.hpp"

namespace slipway::provisioning {

struct Hold {
  // The answer to GET plan: {"action":"wait","name":...,"state":...,"text":...}, or with the action
  // "shell", and "by" and "since" besides.
  std::string json{};
  std::string tag{};  // of these octets: an agent that has them already says so and is left waiting
};

// What stands in the way of `host`, as a sentence that says what to do on the server.
[[nodiscard]] std::string reason_to_wait(const Host& host);

[[nodiscard]] Hold hold_of(const Host& host);

}  // namespace slipway::provisioning
