// http/hub.hpp -- what the connections of one server share: routes, limits, who holds how much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "http/limits.hpp"
#include "http/message.hpp"
#include "http/route.hpp"

namespace slipway::http {

class Connection;

// Lives as long as the last of the connections.
struct Hub {
  Router router;
  Limits limits;
  Observer observer;      // may be empty
  Expected expected;      // may be empty: then there is no reserve
  Refusals refusals;      // since the server began
  bool draining = false;  // every answer is the last one of its connection
  std::unordered_set<Connection*> connections;
  std::unordered_map<std::uint32_t, std::size_t> per_address;

  // Whether one more connection from `peer` is within the limits.
  [[nodiscard]] bool has_room(const Peer& peer) const;
  // Whether idle connections have to make room.
  [[nodiscard]] bool is_crowded() const;
  // http_date() of now, made anew once a second.
  [[nodiscard]] const std::string& date();

 private:
  [[nodiscard]] std::size_t open_to_all() const;
  std::time_t dated_ = 0;
  std::string date_;
};

}  // namespace slipway::http
