#include "provisioning/host.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace slipway::provisioning {
namespace {

using enum HostState;

constexpr std::array<std::pair<HostState, std::string_view>, 8> kNames{{
    {discovered, "discovered"},
    {assigned, "assigned"},
    {armed, "armed"},
    {booting, "booting"},
    {installing, "installing"},
    {installed, "installed"},
    {failed, "failed"},
    {ignored, "ignored"},
}};

struct Edge {
  HostState from, to;
  bool operator==(const Edge&) const = default;
};

constexpr std::array kEdges{
    Edge{discovered, assigned}, Edge{discovered, ignored},   Edge{assigned, armed},
    Edge{assigned, discovered}, Edge{armed, booting},        Edge{armed, assigned},
    Edge{booting, booting},  // a new PXE request: new attempt, the former one is dead
    Edge{booting, installing},  Edge{booting, armed},        Edge{booting, failed},
    Edge{installing, booting},  Edge{installing, installed}, Edge{installing, failed},
    Edge{installed, armed},     Edge{installed, assigned},   Edge{failed, booting},
    Edge{failed, armed},        Edge{failed, assigned},      Edge{ignored, discovered},
};

}  // namespace

std::string_view name_of(HostState state) { return kNames[static_cast<std::size_t>(state)].second; }

std::optional<HostState> parse_state(std::string_view name) {
  for (const auto& [state, text] : kNames) {
    if (text == name) return state;
  }
  return std::nullopt;
}

bool may_go(HostState from, HostState to) {
  return std::ranges::find(kEdges, Edge{from, to}) != kEdges.end();
}

unsigned Host::attempts_left(TimePoint now) const {
  if (!arming || now >= arming->expires) return 0;
  return kAttemptsPerArming - std::min(arming->attempts_used, kAttemptsPerArming);
}

std::string random_host_id() {
  constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  std::array<std::uint8_t, 8> octets{};
  random_octets(octets);
  std::string id;
  for (const auto octet : octets) id += kAlphabet[octet % 32U];
  return id;
}

std::string usable_serial(std::string_view serial) {
  // What boards carry whose maker left the field alone; matching by it would join strangers.
  constexpr std::array<std::string_view, 9> kFillers{"none",
                                                     "default string",
                                                     "system serial number",
                                                     "not specified",
                                                     "to be filled by o.e.m.",
                                                     "not applicable",
                                                     "0123456789",
                                                     "123456789",
                                                     "unknown"};
  std::string lower;
  for (const char c : serial) lower += (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  if (std::ranges::find(kFillers, lower) != kFillers.end()) return {};
  if (lower.find_first_not_of("0. -") == std::string::npos) return {};
  return std::string(serial.substr(0, 128));
}

}  // namespace slipway::provisioning
