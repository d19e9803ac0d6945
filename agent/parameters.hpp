// agent/parameters.hpp -- what the boot script and the token's initrd, or a stick, tell the agent.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace slipway::agent {

struct Parameters {
  std::string server;    // "http://10.88.0.2:8080", without a final slash
  Secret token;          // of this boot; empty: a stick started us, and the server is to be asked
  std::string only_mac;  // lower case; the stick is for the host with this network card, or empty
};

// The value of the last `name=` word of a kernel command line; empty when there is none.
[[nodiscard]] std::string command_line_value(std::string_view command_line, std::string_view name);

// Reads ROOT/proc/cmdline and ROOT/etc/slipway/token. Fails with a sentence for the console when
// `slipway.server=` is missing, or the token where no `slipway.medium=` says that a stick started
// this host: then this is no boot that Slipway asked for.
[[nodiscard]] Fallible<Parameters> read_parameters(const std::filesystem::path& root);

}  // namespace slipway::agent
