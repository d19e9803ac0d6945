#include "provisioning/journey.hpp"

#include <algorithm>
#include <iterator>

namespace slipway::provisioning {

void Journey::add(std::string_view host, std::int64_t at_ms, std::string_view event,
                  std::string text) {
  auto found = events_.find(host);
  if (found == events_.end()) found = events_.emplace(host, std::deque<JourneyEvent>{}).first;
  found->second.push_back({.at_ms = at_ms, .event = std::string(event), .text = std::move(text)});
  if (found->second.size() > kJourneyEvents) found->second.pop_front();
}

const std::deque<JourneyEvent>& Journey::of(std::string_view host) const {
  static const std::deque<JourneyEvent> kNone;
  const auto found = events_.find(host);
  return found == events_.end() ? kNone : found->second;
}

void Journey::move(std::string_view from, std::string_view to) {
  const auto found = events_.find(from);
  if (found == events_.end()) return;
  for (auto& event : found->second) add(to, event.at_ms, event.event, std::move(event.text));
  events_.erase(found);
  auto& all = events_.find(to)->second;
  std::ranges::sort(all, {}, &JourneyEvent::at_ms);
}

void Journey::forget(std::string_view host) {
  const auto found = events_.find(host);
  if (found != events_.end()) events_.erase(found);
}

}  // namespace slipway::provisioning
