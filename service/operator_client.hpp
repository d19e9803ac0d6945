// service/operator_client.hpp -- what the command line asks of a running service.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "http/client.hpp"
#include "provisioning/config.hpp"

namespace slipway::service {

// REST over DATA_DIR/slipway.sock, where the kernel says who we are.
class OperatorClient {
 public:
  explicit OperatorClient(const provisioning::Config& config);

  // Whether a service listens on the socket, or one that we may not ask.
  [[nodiscard]] bool is_running() const;

  // The answer's document (null for an empty one). A problem document becomes the error: its
  // detail, which names the remedy. A service that does not run is said so.
  [[nodiscard]] Fallible<boost::json::value> get(std::string_view path);
  [[nodiscard]] Fallible<boost::json::value> post(std::string_view path,
                                                  const boost::json::value& body);
  // The answer as it came, whatever its status: the text of a report, or a problem document with
  // all its members. `body` is JSON or empty.
  [[nodiscard]] Fallible<http::ClientResponse> send(http::Method method, std::string_view path,
                                                    std::string_view body);

 private:
  [[nodiscard]] Fallible<boost::json::value> ask(http::Method method, std::string_view path,
                                                 std::string_view body);
  std::filesystem::path socket_;
  http::Client client_;
};

// `text` as one segment of a path, or as a value of a query.
[[nodiscard]] std::string path_segment(std::string_view text);

// The person at the terminal, for the audit log. Root is asked who became root.
[[nodiscard]] std::string who();

}  // namespace slipway::service
