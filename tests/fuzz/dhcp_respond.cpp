// One datagram through everything that a server does with it: parse, accept, identify, respond.
// The first octet chooses port and form of the offer, the rest is the datagram.

#include <cstdlib>
#include <string>

#include "dhcp/respond.hpp"

using namespace slipway;
using namespace slipway::dhcp;

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

class Policy : public BootPolicy {
 public:
  std::string_view boot_file(const Client& client, Ipv4 server) override {
    if (client.mac.octets[5] == 0xff) return {};
    if (!client.ipxe_can_boot) return "ipxe.efi";
    // The last octet of the MAC gives the length, past the 127 octets of the file field.
    name_ = "http://" + server.text() + "/" + std::string(client.mac.octets[5], 'x');
    return name_;
  }

 private:
  std::string name_;
};

void check(const Packet& packet, const Arrival& arrival, const Reply& reply, ByteView out) {
  require(reply.octets <= kMaxReplyOctets);
  if (reply.kind == Reply::Kind::silent) {
    require(reply.octets == 0);
    return;
  }
  require(reply.octets >= kMinimumOctets);
  const auto parsed = parse(out.first(reply.octets));
  require(parsed.has_value());
  require(parsed->op == Op::reply && parsed->xid == packet.xid && parsed->mac == packet.mac);
  require(parsed->yiaddr.is_zero() && parsed->siaddr == arrival.server);
  const bool offer = reply.kind == Reply::Kind::offer;
  require(parsed->type == (offer ? MessageType::offer : MessageType::ack));
  require(offer == (arrival.service == Service::proxy));
  require(offer || reply.to == arrival.from);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Arrival arrival{.service = (data[0] & 1U) != 0 ? Service::boot_server : Service::proxy,
                        .server = {{10, 88, 0, 2}},
                        .from = {{{10, 88, 0, 102}}, 4011},
                        .offer = OfferStyle{static_cast<std::uint8_t>((data[0] >> 1U) % 4)}};
  const auto packet = parse({data + 1, size - 1});
  if (!packet || !accept(*packet, arrival)) return 0;
  const auto client = identify(*packet);
  if (!client) return 0;
  Policy policy;
  std::array<std::uint8_t, kMaxReplyOctets> out{};
  const auto reply = respond(*packet, *client, arrival, policy, out);
  if (reply) check(*packet, arrival, *reply, out);
  return 0;
}
