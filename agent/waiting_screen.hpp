// agent/waiting_screen.hpp -- the screen of a host that waits: who it is, and why it waits. Pure.
//
// For text consoles of 80 columns, in UTF-8. Drawn with the half blocks U+2580, U+2584 and U+2588,
// which the VGA font of Linux has (they stand in code page 437), and serial terminals as well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/inventory.hpp"
#include "agent/order.hpp"

namespace slipway::agent {

// What the server said when the session was opened.
struct Registration {
  std::string host;             // the host's name, or its ID while it has none
  std::string id;               // its ID: what a person types on the server
  std::string url;              // where a person assigns it; empty: the server has no such page
  std::vector<std::string> qr;  // that address as a code: rows of '0' and '1'; may be empty
  bool operator==(const Registration&) const = default;
};

struct WaitingScreen {
  Registration registration;
  Hold hold;
  std::string server;    // "http://10.88.0.2:8080"
  std::string boot_mac;  // the NIC that booted; empty when the boot program did not say
  Inventory inventory;
};

// A QR code as lines of half blocks, light modules bright, with a quiet zone of 4 modules. Rows of
// unequal length give nothing: half a code leads nowhere.
[[nodiscard]] std::vector<std::string> draw_qr(const std::vector<std::string>& rows);

// `id` in letters 4 lines high, readable from some metres away. For digits and lower-case letters;
// others are left out.
[[nodiscard]] std::vector<std::string> draw_large(std::string_view id);

[[nodiscard]] std::vector<std::string> waiting_lines(const WaitingScreen& screen);

// The MAC of BOOTIF=01-52-54-00-aa-00-01 on a kernel command line as 52:54:00:aa:00:01, or empty.
[[nodiscard]] std::string boot_mac_of(std::string_view command_line);

}  // namespace slipway::agent
