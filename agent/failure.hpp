// agent/failure.hpp -- why a host was not written, as the server and the console show it.
#pragma once

#include <string>

namespace slipway::agent {

struct Failure {
  std::string reason;  // "disk-too-small": a name of the agent protocol
  std::string detail;  // one sentence with a remedy
};

}  // namespace slipway::agent
