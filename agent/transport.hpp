// agent/transport.hpp -- one request to the server and its answer; who retries is not said here.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace slipway::agent {

struct Call {
  std::string method = "GET";
  std::string target = {};  // path and query on the server
  Secret bearer = {};       // empty: no Authorization field
  std::string body = {};    // JSON; empty: none
};

struct Answer {
  int status = 0;
  std::string body;
};

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // One try. Any status is an answer; an error means that there was none: no connection, a broken
  // one, or no end of the answer in time.
  [[nodiscard]] virtual Fallible<Answer> exchange(const Call& call) = 0;
};

}  // namespace slipway::agent
