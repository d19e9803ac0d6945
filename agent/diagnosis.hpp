// agent/diagnosis.hpp -- what a technician would ask of a host that failed, for the server to keep.
//
// Kernel messages, disks and what they say of their health, network cards, and what the console
// showed. Never the seed, a token or a session: what is given as a secret is struck out wherever it
// stands. Bounded whatever the machine says.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/inventory.hpp"
#include "base/secret.hpp"

namespace slipway::agent {

// Of the whole bundle; the server takes no more.
inline constexpr std::size_t kBundleOctets = std::size_t{256} << 10;

struct Findings {
  std::string reason, detail;        // of the failure
  std::string kernel;                // its messages, oldest first
  std::vector<std::string> console;  // lines that the agent showed
  Inventory inventory;
  std::vector<Secret> secrets;
};

// Body of POST /agent/v1/log. Looks at ROOT/sys and asks ROOT/bin/smartctl about each disk, 10 s at
// most for each of them. At most kBundleOctets: of each part the newest lines are kept.
[[nodiscard]] std::string diagnosis_json(const std::filesystem::path& root,
                                         const Findings& findings);

// The kernel's ring of messages, as text; empty when it may not be read.
[[nodiscard]] std::string read_kernel_messages();

}  // namespace slipway::agent
