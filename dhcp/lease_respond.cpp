#include "dhcp/lease_respond.hpp"

#include <algorithm>
#include <array>

#include "dhcp/offer_styles.hpp"
#include "dhcp/reply_parts.hpp"

namespace slipway::dhcp {
namespace {

constexpr std::size_t kMaxAddresses = 8;  // of one option

Ipv4 address_option(const Packet& packet, Option code) {
  const auto value = packet.options.find(code);
  return value && value->size() == 4 ? Ipv4::from_number(Reader(*value).u32()) : Ipv4{};
}

// What a boot client is given beside its lease; nothing to boot while `file` is empty.
struct Boot {
  const Client* client = nullptr;
  std::string_view file{};
  OfferStyle style = OfferStyle::leased;
};

// One packet on its way through.
struct Exchange {
  const Packet& packet;
  const LeaseArrival& arrival;
  Leases& leases;
  const LeaseNetwork& network;
  std::span<std::uint8_t> out;
};

void put_number(Composer& composer, Option code, std::uint32_t number) {
  composer.option(code, Ipv4::from_number(number).octets);
}

void put_addresses(Composer& composer, Option code, std::span<const Ipv4> addresses) {
  std::array<std::uint8_t, 4 * kMaxAddresses> wire{};
  Writer writer(wire);
  for (const auto address : addresses.first(std::min(addresses.size(), kMaxAddresses))) {
    writer.bytes(address.octets);
  }
  if (writer.size() > 0) composer.option(code, writer.written());
}

// RFC 2131 s.4.4.5: renew at half of it, ask anybody at seven eighths.
void put_times(Composer& composer, std::chrono::seconds length) {
  const auto seconds = static_cast<std::uint32_t>(length.count());
  put_number(composer, Option::lease_time, seconds);
  put_number(composer, Option::renewal_time, seconds / 2);
  put_number(composer, Option::rebinding_time, seconds - seconds / 8);
}

void put_network(Composer& composer, const LeaseNetwork& network, const LeaseSettings& settings) {
  const auto bits = network.network.prefix_bits;
  const auto mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32U - bits);
  put_number(composer, Option::subnet_mask, mask);
  put_number(composer, Option::broadcast_address, network.network.address.number() | ~mask);
  put_addresses(composer, Option::routers, network.gateways);
  put_addresses(composer, Option::dns, settings.dns);
  if (!settings.domain.empty()) composer.option(Option::domain, settings.domain);
}

// Without option 60 the lease is a plain one. With it and without a file UEFI asks port 4011; with
// option 43 it is told not to.
void put_boot(Composer& composer, const Packet& packet, const Boot& boot) {
  if (boot.file.empty()) return;
  put_boot_identity(composer, packet, *boot.client);
  if (boot.style == OfferStyle::direct) composer.option(Option::vendor_info, kBootOfferedFile);
  if (boot.style != OfferStyle::binl) put_long_file(composer, boot.file);
}

void put_echoes(Composer& composer, const Packet& packet) {
  if (const auto id = packet.options.find(Option::client_id)) {
    composer.option(Option::client_id, *id);  // RFC 6842 s.3
  }
  put_relay_info(composer, packet);
}

// siaddr only where there is something to boot: GRUB takes it from every lease.
Header header_of(const Exchange& exchange, Ipv4 address, const Boot& boot) {
  Header header;
  header.op = Op::reply;
  header.xid = exchange.packet.xid;
  header.flags = exchange.packet.flags & kBroadcastFlag;
  header.yiaddr = address;
  header.giaddr = exchange.packet.giaddr;
  header.mac = exchange.packet.mac;
  if (boot.file.empty()) return header;
  header.siaddr = exchange.arrival.server;
  if (boot.style != OfferStyle::binl) set_file(header, boot.file);
  return header;
}

// A client without an address hears broadcasts only: to send to an address that it does not have
// yet would take a hand in the kernel's neighbour table (RFC 2131 s.4.1 lets us choose).
Endpoint destination(const Exchange& exchange, Ipv4 known) {
  const auto port = exchange.arrival.client_port;
  if (!exchange.packet.giaddr.is_zero()) return {exchange.packet.giaddr, kRelayPort};
  return {known.is_zero() ? kEveryone : known, port};
}

std::span<std::uint8_t> room(const Exchange& exchange) {
  return exchange.out.first(std::min(exchange.out.size(), kMaxReplyOctets));
}

Result<LeaseReply> give(const Exchange& exchange, LeaseReply reply, std::chrono::seconds length,
                        const Boot& boot) {
  const bool offer = reply.kind == LeaseReply::Kind::offer;
  auto header = header_of(exchange, reply.address, boot);
  if (!offer) header.ciaddr = exchange.packet.ciaddr;
  Composer composer(room(exchange), header);
  put_type(composer, offer ? MessageType::offer : MessageType::ack, exchange.arrival.server);
  if (length.count() > 0) put_times(composer, length);
  put_network(composer, exchange.network, exchange.leases.settings());
  put_boot(composer, exchange.packet, boot);
  put_echoes(composer, exchange.packet);
  const auto octets = composer.finish();
  if (!octets) return std::unexpected(octets.error());
  reply.file = boot.file;
  reply.to = destination(exchange, header.ciaddr);
  reply.octets = *octets;
  return reply;
}

// RFC 2131 s.4.3.2: nothing but who says it and to whom; a relay broadcasts it.
Result<LeaseReply> refuse(const Exchange& exchange, Ipv4 address) {
  auto header = header_of(exchange, {}, {});
  header.flags = kBroadcastFlag;
  Composer composer(room(exchange), header);
  put_type(composer, MessageType::nak, exchange.arrival.server);
  put_echoes(composer, exchange.packet);
  const auto octets = composer.finish();
  if (!octets) return std::unexpected(octets.error());
  return LeaseReply{.kind = LeaseReply::Kind::nak,
                    .address = address,
                    .to = destination(exchange, {}),
                    .octets = *octets};
}

LeaseRecord record_of(const Exchange& exchange, const LeaseAsk& ask, std::chrono::seconds length) {
  return {.network = exchange.network.network,
          .address = ask.wanted,
          .client = ask.client,
          .mac = ask.mac,
          .expires_ms = ask.now.unix_ms + std::chrono::milliseconds(length).count()};
}

LeaseAsk ask_of(const Exchange& exchange, Ipv4 wanted, BootPolicy& policy) {
  const auto& packet = exchange.packet;
  const auto id = packet.options.find(Option::client_id);
  return {.client = ClientId::of(packet.mac, id.value_or(ByteView())),
          .mac = packet.mac,
          .wanted = wanted,
          .reserved = policy.reserved_address(packet.mac),
          .now = exchange.arrival.now};
}

// The form matters to a firmware's own PXE only.
Boot boot_of(const Exchange& exchange, const Client* client, BootPolicy& policy) {
  if (client == nullptr) return {};
  auto asks = *client;
  asks.address = {};  // here a renewal may have one, which is no request to port 4011
  Boot boot{.client = client};
  if (is_firmware_pxe(asks)) {
    const auto style = policy.offer_style(asks);
    if (style != OfferStyle::automatic) boot.style = style;
  }
  boot.file = policy.boot_file(asks, exchange.arrival.server);
  return boot;
}

bool is_ours(Ipv4 server, const Exchange& exchange) {
  const auto& own = exchange.leases.settings().own;
  return server == exchange.arrival.server || std::ranges::find(own, server) != own.end();
}

Result<LeaseReply> on_discover(const Exchange& exchange, const Client* client, BootPolicy& policy) {
  const auto ask =
      ask_of(exchange, address_option(exchange.packet, Option::requested_address), policy);
  const auto address = exchange.leases.offer(ask, exchange.network, policy);
  if (!address) return std::unexpected(make_error_code(Errc::pool_empty));
  return give(exchange, {.kind = LeaseReply::Kind::offer, .address = *address},
              exchange.leases.settings().length, boot_of(exchange, client, policy));
}

Result<LeaseReply> on_request(const Exchange& exchange, const Client* client, BootPolicy& policy) {
  const auto& packet = exchange.packet;
  const auto server = address_option(packet, Option::server_id);
  const auto requested = address_option(packet, Option::requested_address);
  const auto ask = ask_of(exchange, requested.is_zero() ? packet.ciaddr : requested, policy);
  if (!server.is_zero() && !is_ours(server, exchange)) {
    exchange.leases.forget_offer(ask.client, ask.now.steady);
    return std::unexpected(make_error_code(Errc::other_server));
  }
  const auto claimed = exchange.leases.claim(ask, exchange.network, !server.is_zero(), policy);
  switch (claimed.claim) {
    case Claim::refused: return refuse(exchange, ask.wanted);
    case Claim::unknown: return std::unexpected(make_error_code(Errc::no_lease));
    case Claim::pending: return std::unexpected(make_error_code(Errc::pending));
    case Claim::keep:
    case Claim::repeat: break;
  }
  auto reply = give(exchange, {.kind = LeaseReply::Kind::ack, .address = ask.wanted},
                    claimed.length, boot_of(exchange, client, policy));
  if (claimed.claim == Claim::repeat) return reply;
  if (!reply) {
    exchange.leases.kept(ask.wanted, false, ask.now.steady);
    return reply;
  }
  reply->record = record_of(exchange, ask, claimed.length);
  return reply;
}

// RFC 2131 s.4.3.4 and s.4.3.3. There is no answer to either.
Result<LeaseReply> on_end(const Exchange& exchange, BootPolicy& policy) {
  const bool declined = exchange.packet.type == MessageType::decline;
  const auto address = declined ? address_option(exchange.packet, Option::requested_address)
                                : exchange.packet.ciaddr;
  auto ask = ask_of(exchange, address, policy);
  const auto now = ask.now.steady;
  const bool done = declined ? exchange.leases.decline(ask.client, address, now)
                             : exchange.leases.release(ask.client, address, now);
  if (!done) return std::unexpected(make_error_code(Errc::no_lease));
  return LeaseReply{.kind = declined ? LeaseReply::Kind::declined : LeaseReply::Kind::released,
                    .address = address,
                    .record = record_of(exchange, ask, std::chrono::seconds(0))};
}

// RFC 2131 s.4.3.5: whoever has an address is told the rest; no lease, so no times of one.
Result<LeaseReply> on_inform(const Exchange& exchange, const Client* client, BootPolicy& policy) {
  if (exchange.packet.ciaddr.is_zero()) {
    return std::unexpected(make_error_code(Errc::other_network));
  }
  return give(exchange, {.kind = LeaseReply::Kind::information}, {},
              boot_of(exchange, client, policy));
}

// Whose network the client is in: the relay's, that of the address which it has, or ours.
Ipv4 link_of(const Packet& packet, Ipv4 server) {
  if (!packet.giaddr.is_zero()) return packet.giaddr;
  const bool has_address = packet.type != MessageType::discover && !packet.ciaddr.is_zero();
  return has_address ? packet.ciaddr : server;
}

}  // namespace

Result<LeaseReply> respond_lease(const Packet& packet, const Client* client,
                                 const LeaseArrival& arrival, Leases& leases, BootPolicy& policy,
                                 std::span<std::uint8_t> out) {
  if (packet.op != Op::request) return std::unexpected(make_error_code(Errc::not_a_request));
  if (arrival.server.is_zero()) return std::unexpected(make_error_code(Errc::no_address));
  const auto* network = leases.network_at(link_of(packet, arrival.server));
  if (network == nullptr) return std::unexpected(make_error_code(Errc::other_network));
  const Exchange exchange{packet, arrival, leases, *network, out};
  switch (packet.type) {
    case MessageType::discover: return on_discover(exchange, client, policy);
    case MessageType::request: return on_request(exchange, client, policy);
    case MessageType::decline:
    case MessageType::release: return on_end(exchange, policy);
    case MessageType::inform: return on_inform(exchange, client, policy);
    case MessageType::offer:
    case MessageType::ack:
    case MessageType::nak: break;
  }
  return std::unexpected(make_error_code(Errc::wrong_type));
}

}  // namespace slipway::dhcp
