// tftp/files.hpp -- what the TFTP code asks the rest of the service.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::tftp {

// The octets of one published file. Immutable while it is held.
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual std::uint64_t size_octets() const = 0;
  // Fills `out` from `offset` as far as the file goes; less than out.size() only at its end.
  [[nodiscard]] virtual Result<std::size_t> read(std::uint64_t offset,
                                                 std::span<std::uint8_t> out) const = 0;
};

// The map of published files. A name from the wire is looked up here and never reaches open().
class Files {
 public:
  virtual ~Files() = default;

  // False: `peer` is a stranger and gets silence, so that a forged source address cannot aim our
  // answers at a third party.
  [[nodiscard]] virtual bool may_ask(Ipv4 peer) = 0;

  // Whether the kernel knows the link address of `peer`, a host of our own network. To answer one
  // that it does not know, it asks the network for it and keeps the question for seconds; a flood
  // of forged sources would fill its table of neighbours, and then nobody is answered.
  [[nodiscard]] virtual bool is_neighbour(Ipv4 peer) {
    (void)peer;  // not everybody has a table to look into
    return true;
  }

  // The file called `name` (normalised: no leading slash, '/' only) as `peer` may see it through
  // our address `server`, or null when there is none for it.
  [[nodiscard]] virtual std::shared_ptr<const Source> open(std::string_view name, Ipv4 peer,
                                                           Ipv4 server) = 0;

  // A transfer ended well; `octets` is the file's size. For the timeline of the host. A `name` here
  // and below may have lost its end (ShownName).
  virtual void sent(std::string_view name, Ipv4 peer, std::uint64_t octets) = 0;

  // A transfer broke off; `answered`: some of it had been acknowledged.
  virtual void broke_off(std::string_view name, Ipv4 peer, bool answered) {
    (void)name, (void)peer, (void)answered;  // not everybody keeps timelines
  }
};

}  // namespace slipway::tftp
