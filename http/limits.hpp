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
  // Of `connections`, for peers that are expected (Server::expect) alone: whoever holds all the
  // rest cannot keep a host that is being installed out.
  std::size_t reserve = 256;
  std::size_t connections_per_address = 64;  // of one IPv4 address; UNIX sockets are exempt
  std::chrono::milliseconds header{10'000};  // from the first octet of a request to its empty line
  // Between requests. When less than a quarter of the places that are open to all is free, as much
  // as `header`.
  std::chrono::milliseconds idle{75'000};
  std::chrono::milliseconds body{15'000};  // for the whole body
  std::chrono::milliseconds handler{
      120'000};  // until the handler replies; then the client gets 503
  // While sending, the client must take so much in each `stall`: its kernel's word counts, not what
  // waits in ours. Who is slower is reset, so that nothing of him stays in memory.
  std::chrono::milliseconds stall{20'000};
  std::uint32_t min_octets_per_second = 1'024;
  std::chrono::milliseconds drain{5'000};  // after stop(): for requests already begun
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

// Connections that got no service, since the server began.
struct Refusals {
  std::uint64_t turned_away = 0;     // over the limits
  std::uint64_t cut_off = 0;         // too slow with a request, or in taking an answer
  std::uint64_t wrong_protocol = 0;  // TLS where plain HTTP is spoken, or the other way round
  std::uint64_t bad_handshake = 0;   // of TLS: no common version or cipher, or broken off
};

// Called after each answer, on the server's thread.
using Observer = std::function<void(const Access&)>;

// Whether a connection from this address is one that must get through. Asked on the server's
// thread, and only when all but the reserve is taken.
using Expected = std::function<bool(Ipv4)>;

}  // namespace slipway::http
