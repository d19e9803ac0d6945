// http/limits.hpp -- how much a client of the server may ask for, and what is told of each answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace slipway::http {

// The defaults serve a depot of some hundred hosts. Bodies are bounded by their route, heads by
// kMaxHeadOctets. Deadlines are checked by one sweep: they may be exceeded by a quarter of the
// shortest, at most by a second.
struct Limits {
  std::size_t connections = 1024;
  std::size_t connections_per_address = 64;  // of one IPv4 address; UNIX sockets are exempt
  std::chrono::milliseconds header{10'000};  // from the first octet of a request to its empty line
  std::chrono::milliseconds idle{75'000};    // between requests
  std::chrono::milliseconds body{30'000};    // for the whole body
  std::chrono::milliseconds handler{
      120'000};                             // until the handler replies; then the client gets 503
  std::chrono::milliseconds stall{30'000};  // while sending: without a single octet accepted
  std::uint32_t min_octets_per_second = 1'024;  // while sending: over the whole answer, stall aside
  std::chrono::milliseconds drain{5'000};       // after stop(): for requests already begun
};

// One answer, sent or broken off.
struct Access {
  std::string_view method;
  std::string path;  // as path_for_log() gives it: no whole token
  int status = 0;
  std::uint64_t octets = 0;  // sent, head included
  bool complete = false;     // false: the client went away or was too slow
  Peer peer;
  std::string_view agent;                // User-Agent as sent; empty: none
  std::chrono::milliseconds elapsed{0};  // from the whole head received to the last octet sent
};

// Called after each answer, on the server's thread.
using Observer = std::function<void(const Access&)>;

// The usual observer: one line `http.answered`; warn from status 500 on, info for other refusals
// but 404, which firmware earns by probing; debug for the rest.
void log_access(const Access& access);

}  // namespace slipway::http
