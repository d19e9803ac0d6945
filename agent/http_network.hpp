// agent/http_network.hpp -- the agent's network over http/client: calls, and downloads that resume.
#pragma once

#include <memory>
#include <string>

#include "agent/backoff.hpp"
#include "agent/network.hpp"
#include "http/client.hpp"

namespace slipway::agent {

class HttpNetwork : public Network {
 public:
  HttpNetwork(http::ServerPlace server, Waiting waiting);

  [[nodiscard]] std::unique_ptr<Transport> connect(std::chrono::milliseconds patience) override;
  [[nodiscard]] std::unique_ptr<images::Fetcher> fetcher(const std::string& path) override;

 private:
  http::ServerPlace server_;
  Waiting waiting_;
};

}  // namespace slipway::agent
