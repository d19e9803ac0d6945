// agent/network.hpp -- how the agent's parts get to the server. Tests give a network without one.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "agent/transport.hpp"
#include "images/writer.hpp"

namespace slipway::agent {

class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  // A connection of its own, opened at the first call. A call that has no answer after `patience`
  // has failed.
  [[nodiscard]] virtual std::unique_ptr<Transport> connect(std::chrono::milliseconds patience) = 0;

  // Fetches parts of the artifact at `path`. Broken connections are resumed without end; only an
  // answer that says no ends a fetch with an error.
  [[nodiscard]] virtual std::unique_ptr<images::Fetcher> fetcher(const std::string& path) = 0;
};

}  // namespace slipway::agent
