// provisioning/passage.hpp -- how far the present boot of a host has come, and when.
//
// A plain record in memory: what a restart of the server loses, the next boot of the host fills.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/scheduler.hpp"

namespace slipway::provisioning {

// In the order in which a boot passes them; none of them must come.
enum class Milestone : std::uint8_t {
  asked,         // by DHCP, and was answered
  boot_server,   // asked port 4011
  loader_asked,  // asked for a boot program, by TFTP or HTTP
  loader_sent,   // has it whole (TFTP alone says so)
  script,        // has its boot script
  kernel,        // asked for a kernel, initial ramdisk or root file system
  agent,         // our agent has a session
  plan,          // the agent has its plan
  config,        // an installer of others has its config
  installed
};
inline constexpr std::size_t kMilestones = 10;

[[nodiscard]] std::string_view name_of(Milestone milestone);

// One boot: from the first DHCP request of the firmware on.
struct Passage {
  std::array<std::optional<TimePoint>, kMilestones> first{};
  TimePoint last{};  // when anything was heard of this boot

  [[nodiscard]] const std::optional<TimePoint>& at(Milestone milestone) const {
    return first[static_cast<std::size_t>(milestone)];
  }
  [[nodiscard]] bool has(Milestone milestone) const { return at(milestone).has_value(); }

  // Puts the milestone down. What it took since the one before it, whichever that was; nothing
  // when this one was reached before, or is the first. A script after an installer ran is another
  // boot, one that did not come by DHCP.
  std::optional<std::chrono::nanoseconds> reach(Milestone milestone, TimePoint now);
  // Whether a DHCP request at `now` begins another boot: this one was past its loader, or nothing
  // was heard for kNewBootAfter. `loaded` says that it came from a boot program of ours.
  [[nodiscard]] bool is_over(bool loaded, TimePoint now) const;

  // Firmware gives up after about a minute and may be left at its menu; an installer may be busy
  // with a disk for much longer, but then asks no DHCP server as firmware does.
  static constexpr std::chrono::minutes kNewBootAfter{10};
};

}  // namespace slipway::provisioning
