// provisioning/journey.hpp -- what happened to each host lately, for its timeline.
//
// In memory only, the last kJourneyEvents of each host. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace slipway::provisioning {

inline constexpr std::size_t kJourneyEvents = 50;

struct JourneyEvent {
  std::int64_t at_ms = 0;  // wall clock, milliseconds since 1970
  std::string event;       // a name of docs/events.md
  std::string text;        // for a person; no secrets
};

class Journey {
 public:
  void add(std::string_view host, std::int64_t at_ms, std::string_view event, std::string text);
  [[nodiscard]] const std::deque<JourneyEvent>& of(std::string_view host) const;  // oldest first
  void move(std::string_view from, std::string_view to);
  void forget(std::string_view host);

 private:
  std::map<std::string, std::deque<JourneyEvent>, std::less<>> events_;
};

}  // namespace slipway::provisioning
