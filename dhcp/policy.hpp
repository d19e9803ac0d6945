// dhcp/policy.hpp -- what the DHCP code asks the rest of the service.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/net.hpp"
#include "base/scheduler.hpp"
#include "dhcp/client.hpp"

namespace slipway::dhcp {

// How the firmware's own PXE is sent to its file. `binl`: the offer only names us, the client asks
// port 4011. `direct`: option 43 says to boot the offered file at once. Which one a firmware bears
// differs; EDK2 takes both, and takes a rival's direct offer before any binl one.
enum class OfferStyle : std::uint8_t {
  automatic,  // as experience shows, offer_styles.hpp
  binl,
  direct,
  leased  // the file stands in the lease itself; only where we give the leases
};
[[nodiscard]] std::string_view name_of(OfferStyle style);  // "auto", "binl", "direct", "leased"

// Decides who is answered and with which boot file. Called on the deciding thread for every
// request that is well-formed and ours, on port 67 and on 4011 alike; must not block. A repeated
// request must get the same answer as long as nothing changed.
class BootPolicy {
 public:
  virtual ~BootPolicy() = default;

  // The boot file of `client`: a TFTP name or an absolute URL on `server`, 1..127 octets. Empty:
  // this client gets silence. The view is valid until the next call.
  [[nodiscard]] virtual std::string_view boot_file(const Client& client, Ipv4 server) = 0;

  // How `client` is to be sent there. Asked for each DISCOVER of a firmware's own PXE.
  [[nodiscard]] virtual OfferStyle offer_style(const Client& /*client*/) {
    return OfferStyle::automatic;
  }
  // Whether anything was fetched from us by `mac` at `since` or later: an offer that it took.
  [[nodiscard]] virtual bool has_fetched(const Mac& /*mac*/, TimePoint /*since*/) { return false; }

  // Where we give the leases: the address that `client` alone may have, and whether `address` is
  // somebody's so.
  [[nodiscard]] virtual std::optional<Ipv4> reserved_address(const Mac& /*client*/) {
    return std::nullopt;
  }
  [[nodiscard]] virtual bool is_reserved(Ipv4 /*address*/) { return false; }
  // `client` has a lease of ours from now on.
  virtual void leased(const Mac& client, Ipv4 address, Ipv4 server) {
    (void)client, (void)address, (void)server;  // not everybody keeps timelines
  }

  // A boot client asked whose architecture (option 93) nothing fits; it gets silence. For its
  // timeline.
  virtual void unknown_arch(const Mac& client, std::uint16_t arch_code) {
    (void)client, (void)arch_code;  // not everybody keeps timelines
  }
};

}  // namespace slipway::dhcp
