#include "provisioning/journey.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace slipway::provisioning {
namespace {

// From a loader that asks within milliseconds to an installation of hours.
constexpr auto kBounds = std::to_array<double>(
    {0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 7200});

template <std::size_t... I>
std::array<metrics::Histogram, sizeof...(I)> histograms(std::index_sequence<I...> /*each*/) {
  return {((void)I, metrics::Histogram(kBounds))...};
}

// Another server may have been heard before the request that it answers was looked at.
constexpr std::chrono::seconds kSameExchange{1};

// What a new boot takes over from the one before it.
Passage next_boot(const Passage& before, dhcp::Arch arch, TimePoint now) {
  Passage next;
  next.arch = arch;
  next.said = before.said;
  // Whoever has a boot program whole and begins anew did not get on with it.
  const bool stopped = before.has(Milestone::loader_sent) && !before.has(Milestone::script) &&
                       !before.ipxe_asked && !before.sent_home;
  if (stopped) next.refused = before.loader;
  const auto keep = [now](const std::optional<Sight>& sight) {
    return sight && now - sight->at < kSameExchange ? sight : std::nullopt;
  };
  next.lease = keep(before.lease);
  next.pxe_lease = keep(before.pxe_lease);
  next.rival = keep(before.rival);
  return next;
}

}  // namespace

Journey::Journey() : took_(histograms(std::make_index_sequence<kMilestones>())) {}

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
  if (const auto passage = passages_.find(from); passage != passages_.end()) {
    auto& kept = passage_of(to);
    if (kept.last < passage->second.last) kept = passage->second;
    passages_.erase(passage);
  }
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
  const auto passage = passages_.find(host);
  if (passage != passages_.end()) passages_.erase(passage);
}

Passage& Journey::passage_of(std::string_view host) {
  auto found = passages_.find(host);
  if (found == passages_.end()) found = passages_.emplace(host, Passage{}).first;
  return found->second;
}

const Passage& Journey::passage(std::string_view host) const {
  static const Passage kNone;
  const auto found = passages_.find(host);
  return found == passages_.end() ? kNone : found->second;
}

bool Journey::ask(std::string_view host, const dhcp::Client& client, TimePoint now) {
  auto& passage = passage_of(host);
  const bool is_new = passage.is_over(client.ipxe, now);
  if (is_new) passage = next_boot(passage, client.arch, now);
  ++passage.asks;
  if (client.ipxe_can_boot && !passage.ipxe_asked) passage.ipxe_asked = now;
  (void)passage.reach(Milestone::asked, now);  // the first of a boot took no time
  return is_new;
}

void Journey::ask_in_vain(std::string_view host, std::uint16_t arch_code, TimePoint now) {
  auto& passage = passage_of(host);
  if (passage.is_over(false, now)) passage = next_boot(passage, dhcp::Arch::bios, now);
  passage.unknown_arch = arch_code;
  passage.last = now;
}

void Journey::reach(std::string_view host, Milestone milestone, TimePoint now) {
  const auto took = passage_of(host).reach(milestone, now);
  if (took) took_[static_cast<std::size_t>(milestone)].observe(*took);
}

}  // namespace slipway::provisioning
