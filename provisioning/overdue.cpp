#include "provisioning/overdue.hpp"

namespace slipway::provisioning {
namespace {

using std::chrono::seconds;

struct Limit {
  std::string_view reason;
  seconds within;
  std::string_view before, after;  // around the time that was waited
};

constexpr Limit kNoKernel{
    "no-kernel", kKernelWithin,
    "The host took its boot script, but did not fetch the installer's kernel within ",
    "; its loader stands still: look at its console, and whether the boot HTTP "
    "port reaches it"};
constexpr Limit kNoAgent{
    "no-agent", kAgentWithin, "The host fetched the installer, but no agent came to work within ",
    "; look at its console: a driver of its network card may be missing, or no "
    "DHCP server gives the installer a lease"};
constexpr Limit kNoPlanAsked{"no-plan-asked", kPlanWithin,
                             "The agent registered, but did not ask for its plan within ",
                             "; look at the host's console and its cable, then switch it on again"};
constexpr Limit kConfigNotFetched{
    "config-not-fetched", kConfigWithin,
    "The agent has its plan, but did not fetch its config within ",
    "; nothing was written: look at the host's console, then switch it "
    "on again"};
constexpr Limit kSilent{"silent", kSilence, "Nothing was heard of the agent for ",
                        "; look at the host's console, its power and its cable, then switch it on "
                        "again"};

constexpr Limit kRootButNoConfig{
    "config-not-fetched", kThirdPartyConfigWithin,
    "The host fetched its installer's root file system, but not its config within ",
    "; it may run with an empty one: look at its console, and whether its command line names the "
    "config"};
constexpr Limit kFilesButNoConfig{
    "config-not-fetched", kThirdPartyConfigWithin,
    "The host fetched its installer's kernel, but not its config within ",
    "; look at its console: a driver of its network card may be missing, or no DHCP server gives "
    "the installer a lease"};

std::string text_of(seconds time) {
  constexpr seconds kMinute{60};
  if (time % kMinute != seconds(0)) return std::to_string(time.count()) + " seconds";
  return std::to_string(time / kMinute) + " minutes";
}

Overdue said(const Limit& limit) {
  return {limit.reason,
          std::string(limit.before) + text_of(limit.within) + std::string(limit.after)};
}

const Limit& step_of(const Host& host) {
  if (host.state == HostState::installing) return kSilent;
  const auto* session = host.session();
  if (session != nullptr && session->bearer_hash) return kNoPlanAsked;
  return host.kernel_asked ? kNoAgent : kNoKernel;
}

}  // namespace

std::optional<Overdue> overdue(const Host& host, TimePoint now) {
  if (host.state != HostState::booting && host.state != HostState::installing) return std::nullopt;
  const auto& limit = step_of(host);
  if (now - host.contact > limit.within) return said(limit);
  // An agent that reports and reports, and never comes to what it is there for.
  const bool has_plan = host.state == HostState::installing && !host.config_given;
  if (has_plan && now - host.changed > kConfigNotFetched.within) return said(kConfigNotFetched);
  return std::nullopt;
}

std::optional<Overdue> third_party_overdue(const Host& host, TimePoint now, seconds report_within) {
  if (host.state == HostState::booting) {
    const auto& step = host.rootfs_asked ? kRootButNoConfig : kFilesButNoConfig;
    const auto& limit = host.kernel_asked ? step : kNoKernel;
    if (now - host.contact > limit.within) return said(limit);
  }
  if (host.state != HostState::installing || now - host.changed <= report_within) {
    return std::nullopt;
  }
  return said({"no-report", report_within,
               "The installer has its config, but did not report its end within ",
               "; look at the host's console, and whether its config posts to report_url"});
}

}  // namespace slipway::provisioning
