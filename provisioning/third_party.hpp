// provisioning/third_party.hpp -- hosts that boot an installer of others: what is booted, whether
// it can work, and how such an attempt ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provisioning/artifacts.hpp"
#include "provisioning/command_line.hpp"
#include "provisioning/host.hpp"
#include "provisioning/userdata.hpp"

namespace slipway::provisioning {

// How an attempt comes to its end, where it succeeds.
enum class Ending : std::uint8_t {
  reports,            // the installer posts to report_url before it leaves
  reports_from_disk,  // the installed system does so at its first start
  silent              // nobody says: Talos has no hook for it
};
[[nodiscard]] Ending ending_of(InstallerKind kind);

// From the config to the report: the profile's `timeout`, else 90 minutes, and 20 where nobody
// reports.
[[nodiscard]] std::chrono::seconds report_within(const Profile& profile);

// The profile that `host` is armed with, where its installer is one of others; else null. Points
// into the host's snapshot or into `current`, which is the inventory now.
[[nodiscard]] const Profile* third_party_profile(const Host& host, const Inventory& current);

// What is booted for `profile`: with its image as the store has it.
[[nodiscard]] ThirdPartyInstaller third_party_installer(const Profile& profile, InstallerSet set);

// What `profile` cannot be booted for by `installer`: an image of another kind, files that are
// missing, a command line that cannot work. Each at the place in the profile that decides it.
[[nodiscard]] std::vector<Mistake> check_third_party(const Profile& profile,
                                                     const InstallerSet& set);
// And for this host: the document that it would be given.
[[nodiscard]] std::vector<Mistake> check_third_party(const Subject& subject,
                                                     const InstallerSet& set);

// The least memory with which the installer can run, in octets, from the sizes of its files.
// Kairos: twice initrd and root file system, which dracut fetches into memory and then copies.
// Others: the initrds unpacked (three times), what is fetched into memory, and 256 MiB to work in.
[[nodiscard]] std::uint64_t memory_needed(InstallerKind kind, const InstallerSet& set);

// The memory that the agent found in `host`; nothing when none has been there yet.
[[nodiscard]] std::optional<std::uint64_t> known_memory(const Host& host);

// "memory-too-small: …" when the host is known to have less than the installer needs, else empty.
[[nodiscard]] std::string memory_refusal(const Host& host, InstallerKind kind,
                                         const InstallerSet& set);

}  // namespace slipway::provisioning
