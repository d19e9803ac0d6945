// agent/stick.hpp -- a host that a stick started asks the server for the token that a boot script
// would have brought.
//
// The stick holds no secret: the server decides by the host's MAC, UUID and serial number, as it
// does for a boot from the network (GET /boot.token, docs/boot-flow.md).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "agent/backoff.hpp"
#include "agent/inventory.hpp"
#include "agent/transport.hpp"
#include "base/secret.hpp"

namespace slipway::agent {

class Stick {
 public:
  // Lines for the whole screen.
  using Show = std::function<void(const std::vector<std::string>& lines)>;
  // `transport` must outlive this; `root` is "/" but in tests.
  Stick(std::filesystem::path root, Transport& transport, Waiting waiting, Show show);

  // Asks without end until the server gives this host a token, and keeps it (mode 0600) where a
  // boot script's would be, for an agent that starts again. A host without the network card
  // `only_mac` never asks; an empty one means any host.
  [[nodiscard]] Secret token(const std::string& only_mac);

 private:
  [[nodiscard]] Secret ask(const Inventory& identity);
  void say(std::vector<std::string> lines);

  std::filesystem::path root_;
  Transport& transport_;
  Waiting waiting_;
  Show show_;
  std::vector<std::string> shown_;
};

// The MAC of the network card that holds the lease, lower case; empty when none does. The server
// sees that card's address and takes no other MAC.
[[nodiscard]] std::string leased_mac(const std::filesystem::path& root);

// "/boot.token?mac=...": the question, its texts percent-encoded (RFC 3986 s.2.1).
[[nodiscard]] std::string token_target(const Inventory& identity, const std::string& mac);

}  // namespace slipway::agent
