// dhcp/probe.hpp -- a DISCOVER of our own, to see who answers. RFC 2131 s.4.4.1.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::dhcp {

struct Question {
  enum class As : std::uint8_t {
    client,   // any machine: DHCP servers answer
    firmware  // UEFI that wants to boot: boot servers answer, too
  };

  Mac mac;                // random, locally administered
  std::uint32_t xid = 0;  // random
  Bytes wire;             // the UDP payload
};
[[nodiscard]] Question new_question(Question::As as);

// Broadcasts it on that interface and no other, from 0.0.0.0. It goes past this machine's own IP
// stack, so a service that runs here does not meet a client that is none. The answers are for an
// Ear (overhear.hpp). Fails without CAP_NET_RAW.
[[nodiscard]] Fallible<void> ask(const std::string& interface, const Question& question);

}  // namespace slipway::dhcp
