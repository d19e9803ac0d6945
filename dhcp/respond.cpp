#include "dhcp/respond.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "dhcp/offer_styles.hpp"
#include "dhcp/reply_parts.hpp"

namespace slipway::dhcp {
namespace {

constexpr Option kBootItem{71};  // within option 43: boot server type and layer
constexpr std::size_t kBootItemOctets = 4;

std::optional<ByteView> boot_item(const Packet& packet) {
  const auto vendor_info = packet.options.find(Option::vendor_info);
  if (!vendor_info) return std::nullopt;
  return find_option(*vendor_info, kBootItem);
}

// Menus of other servers have items of other types; we offer no menu, so type 0, the plain
// bootstrap, is all that a client can want of us.
bool wants_other_item(const Packet& packet) {
  const auto item = boot_item(packet);
  return item && (item->size() != kBootItemOctets || (*item)[0] != 0 || (*item)[1] != 0);
}

bool boots_offered_file(const Client& client, OfferStyle style) {
  if (!is_firmware_pxe(client)) return false;
  const bool told = style == OfferStyle::binl || style == OfferStyle::direct;
  return (told ? style : first_style(client.arch)) == OfferStyle::direct;
}

// A dotted address in the caller's array.
std::string_view write_text(Ipv4 address, std::array<char, 16>& out) {
  char* at = out.data();
  for (const auto octet : address.octets) {
    if (at != out.data()) *at++ = '.';
    at = std::to_chars(at, out.data() + out.size(), octet).ptr;
  }
  return {out.data(), at};
}

// The fields that an offer and an ACK share. siaddr must be ours: EDK2 sends its 4011 request
// there, iPXE ignores an offer without it and shim dies of it.
Header reply_header(const Packet& packet, Ipv4 server, std::string_view file) {
  Header header;
  header.op = Op::reply;
  header.xid = packet.xid;
  header.siaddr = server;
  header.giaddr = packet.giaddr;
  header.mac = packet.mac;
  set_file(header, file);
  return header;
}

// Options up to 97. EDK2 drops an answer without 54.
void put_identity(Composer& composer, MessageType type, const Packet& packet, const Client& client,
                  Ipv4 server) {
  put_type(composer, type, server);
  put_boot_identity(composer, packet, client);
}

Result<std::size_t> compose_offer(const Packet& packet, const Client& client,
                                  const Arrival& arrival, std::string_view file,
                                  std::span<std::uint8_t> out) {
  auto header = reply_header(packet, arrival.server, file);
  // The client has no address yet, so on the link only a broadcast reaches it, whatever it asks
  // for. Behind a relay its own flag stands: some relays unicast into the void without it.
  header.flags = packet.giaddr.is_zero()
                     ? kBroadcastFlag
                     : static_cast<std::uint16_t>(packet.flags & kBroadcastFlag);
  Composer composer(out, header);
  put_identity(composer, MessageType::offer, packet, client, arrival.server);
  if (boots_offered_file(client, arrival.offer)) {
    composer.option(Option::vendor_info, kBootOfferedFile);
  }
  put_long_file(composer, file);
  put_relay_info(composer, packet);
  return composer.finish();
}

// The item that was asked for, in an option 43 of its own; iPXE checks that it is the same.
void put_boot_item(Composer& composer, const Packet& packet) {
  const auto item = boot_item(packet);
  if (!item) return;
  std::array<std::uint8_t, kBootItemOctets + 3> wire{};
  Writer writer(wire);
  writer.u8(static_cast<std::uint8_t>(kBootItem));
  writer.u8(kBootItemOctets);
  writer.bytes(*item);
  writer.u8(static_cast<std::uint8_t>(Option::end));
  composer.option(Option::vendor_info, writer.written());
}

Result<std::size_t> compose_ack(const Packet& packet, const Client& client, Ipv4 server,
                                std::string_view file, std::span<std::uint8_t> out) {
  std::array<char, 16> server_text{};
  auto header = reply_header(packet, server, file);
  header.ciaddr = packet.ciaddr;
  header.sname = write_text(server, server_text);
  Composer composer(out, header);
  put_identity(composer, MessageType::ack, packet, client, server);
  put_boot_item(composer, packet);
  put_long_file(composer, file);
  return composer.finish();
}

Endpoint offer_destination(const Packet& packet, const Arrival& arrival) {
  if (!packet.giaddr.is_zero()) return {packet.giaddr, kRelayPort};
  return {kEveryone, arrival.client_port};
}

}  // namespace

Result<void> accept(const Packet& packet, const Arrival& arrival) {
  if (packet.op != Op::request) return std::unexpected(make_error_code(Errc::not_a_request));
  const bool proxy = arrival.service == Service::proxy;
  const bool type_fits =
      proxy ? packet.type == MessageType::discover
            : packet.type == MessageType::request || packet.type == MessageType::inform;
  if (!type_fits) return std::unexpected(make_error_code(Errc::wrong_type));
  if (!proxy && wants_other_item(packet)) {
    return std::unexpected(make_error_code(Errc::other_boot_item));
  }
  if (arrival.server.is_zero()) return std::unexpected(make_error_code(Errc::no_address));
  return {};
}

Result<Reply> respond(const Packet& packet, const Client& client, const Arrival& arrival,
                      BootPolicy& policy, std::span<std::uint8_t> out) {
  const auto file = policy.boot_file(client, arrival.server);
  if (file.empty()) return Reply{};
  const auto room = out.first(std::min(out.size(), kMaxReplyOctets));
  if (arrival.service == Service::proxy) {
    const auto octets = compose_offer(packet, client, arrival, file, room);
    if (!octets) return std::unexpected(octets.error());
    return Reply{Reply::Kind::offer, file, offer_destination(packet, arrival), *octets};
  }
  const auto octets = compose_ack(packet, client, arrival.server, file, room);
  if (!octets) return std::unexpected(octets.error());
  // To where it came from: EDK2 asks from port 4011, iPXE from 68.
  return Reply{Reply::Kind::ack, file, arrival.from, *octets};
}

}  // namespace slipway::dhcp
