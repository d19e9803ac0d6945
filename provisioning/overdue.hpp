// provisioning/overdue.hpp -- how long each step of an attempt may take, and what to do about it.
//
// Pure. Each limit is the longest that the step takes on hosts that get on by themselves, with room
// to spare: a limit that is too short ends an installation that would have succeeded, one that is
// too long lets a technician wait. After a restart of the server each counts from the beginning.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "provisioning/host.hpp"

namespace slipway::provisioning {

// A loader asks for the kernel in the second in which it has its script; its own TCP gives up
// after about a minute.
inline constexpr std::chrono::minutes kKernelWithin{3};
// From the last file that the loader took. The kernel and the initramfs may come at 10 Mbit/s, a
// disk controller probe for two minutes, and the lease come from a server that starts late.
inline constexpr std::chrono::minutes kAgentWithin{10};
// The agent asks within a second of its session; its retries are at most 15 s apart.
inline constexpr std::chrono::minutes kPlanWithin{3};
// The agent lets its disks settle for up to 20 s and then fetches manifest and config.
inline constexpr std::chrono::minutes kConfigWithin{3};
// From the last file that an installer of others took, to its config. 4 GiB of it at 100 Mbit/s
// take 6 minutes, and what it is unpacked into is slow, too.
inline constexpr std::chrono::minutes kThirdPartyConfigWithin{15};
// The agent reports 2.5 times a second on a thread of its own, also while a disk flushes. A cable
// that was out for a minute, a switch port that is held back for 30 s by spanning tree, and the
// longest pause of a retry, 15 s, must not end an attempt.
inline constexpr std::chrono::seconds kSilence{150};

struct Overdue {
  // no-kernel, no-agent, no-plan-asked, config-not-fetched, silent, no-report
  std::string_view reason;
  std::string detail;  // what was waited for, how long, and the remedy
};

// What the attempt of `host` is overdue with at `now`; nothing when it is in time or has none.
[[nodiscard]] std::optional<Overdue> overdue(const Host& host, TimePoint now);

// The same for a host that an installer of others works on, which reports nothing while it does.
// `report_within` is counted from its first config.
[[nodiscard]] std::optional<Overdue> third_party_overdue(const Host& host, TimePoint now,
                                                         std::chrono::seconds report_within);

}  // namespace slipway::provisioning
