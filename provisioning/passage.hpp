// provisioning/passage.hpp -- how far the present boot of a host has come, and when.
//
// A plain record in memory: what a restart of the server loses, the next boot of the host fills.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/net.hpp"
#include "base/scheduler.hpp"
#include "dhcp/client.hpp"
#include "dhcp/policy.hpp"

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

// What became of the last TFTP transfer that the host began.
enum class Transfer : std::uint8_t {
  none,
  running,
  unanswered,  // nothing that was sent to it was ever acknowledged
  broken,      // it took some of it and went silent
  done
};

// A server that answered the host, as its answer came by.
struct Sight {
  Ipv4 ip{};
  Mac mac{};  // of a relay, when one stands between; zero when only the host's word is known
  TimePoint at{};
};

// What a server's answer to a host says of that server.
enum class Heard : std::uint8_t { lease, pxe_lease, proxy };

// One boot: from the first DHCP request of the firmware on.
struct Passage {
  std::array<std::optional<TimePoint>, kMilestones> first{};
  TimePoint last{};  // when anything was heard of this boot

  // What a diagnosis goes by besides.
  unsigned asks = 0;                   // DHCP requests on port 67 that we answered
  dhcp::Arch arch = dhcp::Arch::bios;  // of the first of them
  dhcp::OfferStyle offer = dhcp::OfferStyle::automatic;  // of the last to its firmware's own PXE
  unsigned offer_changes = 0;
  std::optional<TimePoint> ipxe_asked{};  // when an iPXE first did that needs no loader
  std::string loader{};                   // the boot program asked for last
  bool by_http = false;                   // ... by HTTP
  Transfer transfer = Transfer::none;     // ... else by TFTP
  TimePoint transfer_began{};
  std::optional<Sight> lease{};                 // a DHCP server offered it a lease
  std::optional<Sight> pxe_lease{};             // ... and sets option 60 itself
  std::optional<Sight> rival{};                 // another boot server answered it
  std::optional<std::uint16_t> unknown_arch{};  // option 93, when we have nothing for it
  std::string refused{};   // a loader that the boot before this one had whole, and stopped at
  bool by_others = false;  // its script boots an installer of others
  bool sent_home = false;  // it was told to start its disk: there is nothing to wait for
  std::string said{};      // the diagnosis that stands in the timeline

  [[nodiscard]] const std::optional<TimePoint>& at(Milestone milestone) const {
    return first[static_cast<std::size_t>(milestone)];
  }
  [[nodiscard]] bool has(Milestone milestone) const { return at(milestone).has_value(); }

  // Puts the milestone down. What it took since the one before it, whichever that was; nothing
  // when this one was reached before, or is the first. A script after an installer ran is another
  // boot, one that did not come by DHCP.
  std::optional<std::chrono::nanoseconds> reach(Milestone milestone, TimePoint now);
  void hear(Heard what, const Sight& server);
  // Whether a DHCP request at `now` begins another boot: this one was past its loader, or nothing
  // was heard for kNewBootAfter. `loaded` says that it came from a boot program of ours.
  [[nodiscard]] bool is_over(bool loaded, TimePoint now) const;

  // Firmware gives up after about a minute and may be left at its menu; an installer may be busy
  // with a disk for much longer, but then asks no DHCP server as firmware does.
  static constexpr std::chrono::minutes kNewBootAfter{10};
};

}  // namespace slipway::provisioning
