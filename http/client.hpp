// http/client.hpp -- a client for our own servers: the agent's and the command line's. RFC 9112.
//
// Blocks its caller, with a limit on every wait. One connection, kept alive between requests; use
// one Client per thread. Plain HTTP to an address, or to a UNIX socket; no redirects, no proxies,
// no chunked answers: our servers need none of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/net.hpp"
#include "base/result.hpp"
#include "http/message.hpp"
#include "http/stream.hpp"

namespace slipway::http {

// Where a server listens.
struct ServerPlace {
  Endpoint endpoint;
  std::string socket_path;  // not empty: a UNIX socket, and the endpoint does not count

  // "http://10.0.0.1:8080" (port 80 when none is named; a "/" may follow) or "unix:/path".
  [[nodiscard]] static Fallible<ServerPlace> parse(std::string_view url);
  [[nodiscard]] std::string text() const;  // "10.0.0.1:8080" or the path
};

struct ClientLimits {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds answer{
      60'000};  // from the request sent to the first octet of the answer
  std::chrono::milliseconds stall{15'000};     // between two octets, either way
  std::uint64_t max_body_octets = 16U << 20U;  // of request(); get_stream() has no limit
};

struct ClientResponse {
  int status = 0;
  std::vector<Header> headers;
  std::string body;

  // The first header `name`, whatever its case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

// Which octets of a resource.
struct Part {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> octets;  // nullopt: to the end
};

// Takes octets as they come; a failure ends the download with this error.
using Sink = std::function<Fallible<void>(ByteView)>;

// A download that broke off. What was delivered is good: ask for the rest from there on.
struct StreamFailure {
  Error error;
  std::uint64_t delivered_octets = 0;
  int status = 0;  // the server's, when it answered with other than the octets asked for; else 0
};

class Client {
 public:
  explicit Client(ServerPlace place, ClientLimits limits = {});

  // Any status is a success. An idle connection that the server closed meanwhile is replaced
  // without the caller noticing; GET, HEAD, PUT and DELETE are also sent again, once, when a reused
  // connection breaks before an answer begins. A POST is not: whether it took effect is unknown.
  // Fails also with an answer larger than max_body_octets, and with one cut short.
  [[nodiscard]] Fallible<ClientResponse> request(Method method, std::string_view target,
                                                 const std::vector<Header>& headers = {},
                                                 std::string_view body = {});

  // Downloads `part` of `target` and gives how many octets `sink` took. The server's answer must be
  // exactly this part: 206 with the matching Content-Range, or 200 when all was asked for.
  [[nodiscard]] std::expected<std::uint64_t, StreamFailure> get_stream(
      std::string_view target, const Part& part, const Sink& sink,
      const std::vector<Header>& headers = {});

  // How a download that breaks off goes on.
  struct Resuming {
    std::function<bool(ByteView)> sink;  // false: stop, which is a failure
    // Waits before a further try. `idle_tries`: how many in a row brought no octet, at least 1.
    // False: give up with the last error.
    std::function<bool(unsigned idle_tries)> pause;
  };
  // Downloads `octets` of `target` from `offset` on, each once and in order, over as many requests
  // as it takes. An answer that another try would not change (3xx, 4xx but 408 and 429) ends it.
  [[nodiscard]] Fallible<void> get_resumed(const std::string& target, std::uint64_t offset,
                                           std::uint64_t octets, const Resuming& how);

  [[nodiscard]] const ServerPlace& place() const { return place_; }

 private:
  struct Incoming;  // an answer whose body is still to be read

  [[nodiscard]] Fallible<Incoming> exchange(Method method, const std::string& message);
  [[nodiscard]] Fallible<Incoming> try_exchange(const std::string& message, bool& has_begun);
  [[nodiscard]] Fallible<void> connect();
  [[nodiscard]] Fallible<void> read_body(const Incoming& incoming, const Sink& sink);
  [[nodiscard]] Fallible<std::size_t> fill(std::chrono::milliseconds patience);
  [[nodiscard]] Fallible<void> pass_on(std::uint64_t octets, const Sink& sink);

  ServerPlace place_;
  ClientLimits limits_;
  Stream stream_;
  std::string in_;          // received, not yet consumed
  std::vector<char> body_;  // of a body, the octets on their way to the sink
};

}  // namespace slipway::http
