// provisioning/sightings.hpp -- who was seen lately, in bounded memory.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "base/scheduler.hpp"

namespace slipway::provisioning {

// The last kSlots keys and when each was seen; a flood of new keys pushes out the oldest ones. A
// direct-mapped table would be faster, but a forged key could then evict a chosen victim.
template <class Key>
class Sightings {
 public:
  static constexpr std::size_t kSlots = 1024;

  void see(const Key& key, TimePoint now) {
    if (auto* slot = find(key)) {
      slot->at = now;
      return;
    }
    if (slots_.size() < kSlots) {
      slots_.push_back({key, now});
      return;
    }
    slots_[next_] = {key, now};
    next_ = (next_ + 1) % kSlots;
  }

  [[nodiscard]] bool seen_since(const Key& key, TimePoint then) {
    const auto* slot = find(key);
    return slot != nullptr && slot->at >= then;
  }

 private:
  struct Slot {
    Key key;
    TimePoint at;
  };
  Slot* find(const Key& key) {
    const auto found = std::ranges::find(slots_, key, &Slot::key);
    return found == slots_.end() ? nullptr : &*found;
  }

  std::vector<Slot> slots_;
  std::size_t next_ = 0;
};

}  // namespace slipway::provisioning
