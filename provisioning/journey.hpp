// provisioning/journey.hpp -- what happened to each host lately, for its timeline.
//
// In memory only: the last kJourneyEvents of each host and how far its present boot has come, and
// of all hosts together how long each step took. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "base/metrics.hpp"
#include "provisioning/passage.hpp"

namespace slipway::provisioning {

inline constexpr std::size_t kJourneyEvents = 50;

struct JourneyEvent {
  std::int64_t at_ms = 0;  // wall clock, milliseconds since 1970
  std::string event;       // a name of docs/events.md
  std::string text;        // for a person; no secrets
};

class Journey {
 public:
  Journey();

  void add(std::string_view host, std::int64_t at_ms, std::string_view event, std::string text);
  [[nodiscard]] const std::deque<JourneyEvent>& of(std::string_view host) const;  // oldest first
  void move(std::string_view from, std::string_view to);
  void forget(std::string_view host);

  // A DHCP request of `host` on port 67 that is answered. True when it begins another boot.
  bool ask(std::string_view host, const dhcp::Client& client, TimePoint now);
  // Its firmware says an architecture that we have nothing for, and gets no answer.
  void ask_in_vain(std::string_view host, std::uint16_t arch_code, TimePoint now);
  // The boot of `host`, for what is no milestone. Valid until the next call.
  [[nodiscard]] Passage& boot_of(std::string_view host) { return passage_of(host); }
  // Any later milestone. Of a host that asked nobody (a stick, a restart of the server) it counts
  // from the first that is seen.
  void reach(std::string_view host, Milestone milestone, TimePoint now);
  [[nodiscard]] const Passage& passage(std::string_view host) const;
  // Whether anything of a boot of `host` was seen.
  [[nodiscard]] bool knows(std::string_view host) const { return passages_.contains(host); }

  // How long hosts took to each milestone from the one before it.
  [[nodiscard]] const metrics::Histogram& took(Milestone milestone) const {
    return took_[static_cast<std::size_t>(milestone)];
  }

 private:
  [[nodiscard]] Passage& passage_of(std::string_view host);

  std::map<std::string, std::deque<JourneyEvent>, std::less<>> events_;
  std::map<std::string, Passage, std::less<>> passages_;
  std::array<metrics::Histogram, kMilestones> took_;
};

}  // namespace slipway::provisioning
