#include "provisioning/diagnosis.hpp"

#include <array>

#include "provisioning/boot_program.hpp"

namespace slipway::provisioning {
namespace {

using enum Milestone;
using std::chrono::seconds;
using Verdict = std::optional<Diagnosis>;

seconds since(const std::optional<TimePoint>& then, TimePoint now) {
  return std::chrono::duration_cast<seconds>(now - then.value_or(now));
}

std::string text_of(seconds time) { return std::to_string(time.count()) + " s"; }

std::string server_text(const Sight& server) {
  return server.ip.text() + " (" + server.mac.text() + ")";
}

// Between its first request and anything that shows that it took our offer.
bool stands_at_the_offer(const Passage& passage, TimePoint now) {
  for (const auto later : {boot_server, loader_asked, loader_sent, script}) {
    if (passage.has(later)) return false;
  }
  return passage.has(asked) && since(passage.at(asked), now) >= kOfferTakenWithin;
}

std::string asked_text(const Passage& passage, TimePoint now) {
  return "it asked " + std::to_string(passage.asks) +
         (passage.asks == 1 ? " time in " : " times in ") + text_of(since(passage.at(asked), now));
}

Verdict wrong_architecture(const Passage& passage, TimePoint) {
  if (!passage.unknown_arch || passage.has(asked)) return std::nullopt;
  return Diagnosis{"wrong-architecture",
                   "its firmware says architecture " + std::to_string(*passage.unknown_arch)};
}

Verdict another_proxy_first(const Passage& passage, TimePoint now) {
  if (!passage.rival || !stands_at_the_offer(passage, now)) return std::nullopt;
  return Diagnosis{"another-proxy-first", "the boot server at " + server_text(*passage.rival) +
                                              " answered it; " + asked_text(passage, now)};
}

// UEFI takes such a lease for the boot server's offer and asks the lease's server on port 4011.
Verdict dhcp_server_is_pxe(const Passage& passage, TimePoint now) {
  if (!passage.pxe_lease || !stands_at_the_offer(passage, now)) return std::nullopt;
  return Diagnosis{"dhcp-server-is-pxe", "the DHCP server at " + server_text(*passage.pxe_lease) +
                                             " sets option 60; " + asked_text(passage, now)};
}

Verdict no_dhcp_server(const Passage& passage, TimePoint now) {
  if (passage.lease || !stands_at_the_offer(passage, now)) return std::nullopt;
  return Diagnosis{"no-dhcp-server",
                   asked_text(passage, now) + ", and no answer of a DHCP server to it was seen"};
}

std::string offers_text(const Passage& passage) {
  if (passage.offer == dhcp::OfferStyle::automatic) return {};
  const auto last = std::string(name_of(passage.offer));
  return passage.offer_changes > 0 ? ", was offered both forms, " + last + " last"
                                   : ", was offered the form " + last;
}

Verdict offer_ignored(const Passage& passage, TimePoint now) {
  if (!passage.lease || passage.ipxe_asked || !stands_at_the_offer(passage, now))
    return std::nullopt;
  return Diagnosis{"offer-ignored", asked_text(passage, now) +
                                        ", has an answer of the DHCP server at " +
                                        passage.lease->ip.text() + offers_text(passage) +
                                        ", and asked us for nothing more"};
}

// An iPXE in the card's ROM asks for the script at once; what we sent asks by DHCP once more.
Verdict script_not_fetched(const Passage& passage, TimePoint now) {
  if (!passage.ipxe_asked || passage.has(script)) return std::nullopt;
  const auto waited = since(passage.ipxe_asked, now);
  if (waited < kScriptWithin) return std::nullopt;
  return Diagnosis{"script-not-fetched",
                   "an iPXE on it was told of its script " + text_of(waited) + " ago"};
}

Verdict tftp_blocked(const Passage& passage, TimePoint now) {
  if (passage.has(loader_sent) || passage.has(script)) return std::nullopt;
  if (passage.transfer == Transfer::unanswered) {
    return Diagnosis{"tftp-blocked",
                     "it asked for " + passage.loader + ", and acknowledged nothing that was sent"};
  }
  // An iPXE was told of its script, not of a file.
  const bool told = passage.has(boot_server) && !passage.has(loader_asked) && !passage.ipxe_asked;
  const auto waited = since(passage.at(boot_server), now);
  if (!told || waited < kLoaderAskedWithin) return std::nullopt;
  return Diagnosis{"tftp-blocked", "it was told of its boot program " + text_of(waited) +
                                       " ago and did not come for it"};
}

Verdict tftp_slow(const Passage& passage, TimePoint now) {
  if (passage.has(loader_sent) || passage.has(script) || passage.by_http) return std::nullopt;
  if (passage.transfer == Transfer::broken) {
    return Diagnosis{"tftp-slow", "it went silent while it took " + passage.loader};
  }
  const auto waited = since(passage.at(loader_asked), now);
  if (!passage.has(loader_asked) || waited < kLoaderSentWithin) return std::nullopt;
  return Diagnosis{"tftp-slow",
                   "it began to take " + passage.loader + " " + text_of(waited) + " ago"};
}

Diagnosis not_started(const Passage& passage, const std::string& loader, std::string detail) {
  const bool uefi = passage.arch != dhcp::Arch::bios;
  return Diagnosis{uefi ? "loader-refused" : "loader-silent",
                   "it took " + loader + std::move(detail)};
}

Verdict loader_not_started(const Passage& passage, TimePoint now) {
  if (passage.has(script) || passage.ipxe_asked) return std::nullopt;
  if (!passage.refused.empty() && !passage.has(loader_sent)) {
    return not_started(passage, passage.refused, " and began to boot anew");
  }
  // Over HTTP nobody says when the file has arrived.
  const auto& from = passage.by_http ? passage.at(loader_asked) : passage.at(loader_sent);
  const seconds within = is_ipxe(passage.loader) ? kScriptWithin : kOwnProgramLate;
  if (!from || since(from, now) < within) return std::nullopt;
  return not_started(passage, passage.loader,
                     " " + text_of(since(from, now)) + " ago, and nothing it runs has asked");
}

Verdict no_kernel(const Passage& passage, TimePoint now) {
  if (!passage.has(script) || passage.has(kernel) || passage.has(agent)) return std::nullopt;
  const auto waited = since(passage.at(script), now);
  if (waited < kKernelLate) return std::nullopt;
  return Diagnosis{"no-kernel", "it has its script since " + text_of(waited)};
}

Verdict no_agent(const Passage& passage, TimePoint now) {
  const bool runs = passage.has(agent) || passage.has(config) || passage.has(installed);
  if (!passage.has(kernel) || runs) return std::nullopt;
  const auto waited = since(passage.last, now);
  if (waited < (passage.by_others ? kOthersLate : kAgentLate)) return std::nullopt;
  const auto detail = "it asked for its last file " + text_of(waited) + " ago";
  if (passage.by_others) return Diagnosis{"config-not-fetched", detail};
  return Diagnosis{"no-agent", detail};
}

// The first that fits is said: what explains more stands before what only describes.
constexpr auto kRules = std::to_array<Verdict (*)(const Passage&, TimePoint)>(
    {wrong_architecture, another_proxy_first, dhcp_server_is_pxe, loader_not_started,
     no_dhcp_server, offer_ignored, script_not_fetched, tftp_blocked, tftp_slow, no_kernel,
     no_agent});

}  // namespace

std::optional<Diagnosis> diagnose(const Passage& passage, TimePoint now) {
  if (passage.sent_home) return std::nullopt;
  for (const auto rule : kRules) {
    if (auto said = rule(passage, now)) return said;
  }
  return std::nullopt;
}

}  // namespace slipway::provisioning
