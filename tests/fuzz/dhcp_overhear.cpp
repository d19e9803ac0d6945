// One IPv4 packet through everything that is done with what other servers send.

#include <cstdlib>

#include "dhcp/overhear.hpp"

using namespace slipway;
using namespace slipway::dhcp;

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView packet(data, size);
  const auto datagram = udp_in(packet);
  if (!datagram) return 0;
  require(datagram->payload.data() >= data &&
          datagram->payload.data() + datagram->payload.size() <= data + size);
  const auto heard = overhear(datagram->payload, datagram->from.address, Mac{});
  if (!heard) return 0;
  require(heard->kind != Overheard::Kind::choice && !name_of(heard->kind).empty());
  require((heard->kind == Overheard::Kind::proxy) == heard->lease.is_zero());
  return 0;
}
