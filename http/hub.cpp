#include "http/hub.hpp"

#include <algorithm>

#include "http/date.hpp"

namespace slipway::http {

std::size_t Hub::open_to_all() const {
  return limits.connections - (expected ? std::min(limits.reserve, limits.connections) : 0);
}

bool Hub::has_room(const Peer& peer) const {
  if (connections.size() >= limits.connections) return false;
  if (peer.unix_user) return true;
  const auto found = per_address.find(peer.address.number());
  if (found != per_address.end() && found->second >= limits.connections_per_address) return false;
  return connections.size() < open_to_all() || expected(peer.address);
}

bool Hub::is_crowded() const { return connections.size() > open_to_all() - open_to_all() / 4; }

const std::string& Hub::date() {
  const auto now = std::time(nullptr);
  if (now != dated_) date_ = http_date(now);
  dated_ = now;
  return date_;
}

}  // namespace slipway::http
