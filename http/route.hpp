// http/route.hpp -- which handler answers which request.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace slipway::http {

// Gives the answer to the one request it came with; call it once, from the deciding thread, now
// or later. Dropped uncalled, the client gets 500. After the client went away it does nothing.
using Reply = std::move_only_function<void(Response)>;

// The request stays valid until its reply was called or dropped.
using Handler = std::function<void(const Request&, Reply)>;

struct Match {
  const Handler* handler = nullptr;  // null: `status` says why
  int status = 404;                  // 404, or 405 when only the method is wrong
  std::size_t max_body_octets = 0;
  std::vector<std::string> captures;
  std::string allow;  // with 405: the methods that the path has, for Allow
};

// Patterns are literal but for {parts}, which match one whole path segment that is not empty:
// "/h/{token}/user-data". A last {part...} matches all the rest, at least one segment, slashes
// included. HEAD is answered by the handler of GET, without the body. Where two
// patterns match, the one added first answers.
class Router {
 public:
  void add(Method method, std::string_view pattern, Handler handler,
           std::size_t max_body_octets = 65'536);
  [[nodiscard]] Match match(Method method, std::string_view path) const;

 private:
  struct Route {
    Method method;
    std::string pattern;
    Handler handler;
    std::size_t max_body_octets;
  };
  std::vector<Route> routes_;
};

}  // namespace slipway::http
