// provisioning/diagnosis.hpp -- why a host that began to boot got no further, from what was seen.
//
// Pure. What is said here is said while the host stands still: nothing ends by it. Limits that end
// an attempt stand in overdue.hpp. Names, sentences and remedies stand in base/failures.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "provisioning/passage.hpp"

namespace slipway::provisioning {

// Firmware asks again after 4, 8, 16 and 32 s (PXE 2.1 s.2.2.3) and goes on within 8 s when it has
// a lease and an offer that it takes; a switch port may hold the first request back for 30 s, but
// that one was never seen.
inline constexpr std::chrono::seconds kOfferTakenWithin{20};
// From the answer on port 4011 to the request for the file, on the same machine's next line of
// code.
inline constexpr std::chrono::seconds kLoaderAskedWithin{15};
// 1 MiB in blocks of 512 octets, each waiting for its acknowledgement, takes 2 to 5 s.
inline constexpr std::chrono::seconds kLoaderSentWithin{30};
// Debian's iPXE waits 16 s for an IPv6 router before it asks for its script.
inline constexpr std::chrono::seconds kScriptWithin{45};
// Of a boot program that brings a kernel or an image of its own, to its first word to us.
inline constexpr std::chrono::minutes kOwnProgramLate{5};
inline constexpr std::chrono::seconds kKernelLate{60};
// A kernel and an initial ramdisk at 10 Mbit/s, and disk controllers that take their time.
inline constexpr std::chrono::minutes kAgentLate{5};
// Of an installer of others, from the last file that it asked for: a live system may have GiBs.
inline constexpr std::chrono::minutes kOthersLate{10};

struct Diagnosis {
  std::string_view name{};  // of base/failures.hpp: "no-dhcp-server"
  std::string detail{};     // what was seen of this host
};

// Nothing while the host gets on, or may still do so.
[[nodiscard]] std::optional<Diagnosis> diagnose(const Passage& passage, TimePoint now);

}  // namespace slipway::provisioning
