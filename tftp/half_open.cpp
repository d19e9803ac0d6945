#include "tftp/half_open.hpp"

#include <algorithm>

namespace slipway::tftp {

HalfOpenTable::HalfOpenTable(std::size_t places) : places_(places) {
  entries_.reserve(places);
  keys_.reserve(places);
}

std::size_t HalfOpenTable::count_of(Ipv4 peer) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(keys_, [&](const Key& key) { return key.peer.address == peer; }));
}

HalfOpen* HalfOpenTable::find(Endpoint peer) {
  const auto found = std::ranges::find(keys_, peer, &Key::peer);
  return found == keys_.end() ? nullptr
                              : &entries_[static_cast<std::size_t>(found - keys_.begin())];
}

HalfOpen* HalfOpenTable::oldest(std::optional<Ipv4> of_peer) {
  HalfOpen* found = nullptr;
  std::uint32_t greatest_age = 0;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (of_peer && keys_[i].peer.address != *of_peer) continue;
    const auto age = next_order_ - keys_[i].order;
    if (age <= greatest_age) continue;
    greatest_age = age;
    found = &entries_[i];
  }
  return found;
}

HalfOpen& HalfOpenTable::add(HalfOpen entry) {
  keys_.push_back({.peer = entry.peer, .order = next_order_++});
  return entries_.emplace_back(std::move(entry));
}

HalfOpen HalfOpenTable::remove(const HalfOpen& entry) {
  const auto index = static_cast<std::size_t>(&entry - entries_.data());
  std::swap(entries_[index], entries_.back());
  std::swap(keys_[index], keys_.back());
  auto removed = std::move(entries_.back());
  entries_.pop_back();
  keys_.pop_back();
  return removed;
}

void HalfOpenTable::clear() {
  entries_.clear();
  keys_.clear();
}

std::optional<TimePoint> HalfOpenTable::deadline() const {
  std::optional<TimePoint> first;
  for (const auto& entry : entries_) {
    const auto at = entry.session.deadline();
    first = first ? std::min(*first, at) : at;
  }
  return first;
}

}  // namespace slipway::tftp
