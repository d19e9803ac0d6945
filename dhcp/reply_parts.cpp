#include "dhcp/reply_parts.hpp"

namespace slipway::dhcp {

void set_file(Header& header, std::string_view file) {
  if (file.size() <= kFileFieldOctets) header.file = file;
}

void put_long_file(Composer& composer, std::string_view file) {
  if (file.size() > kFileFieldOctets) composer.option(Option::boot_file, file);
}

void put_type(Composer& composer, MessageType type, Ipv4 server) {
  const auto type_octet = static_cast<std::uint8_t>(type);
  composer.option(Option::message_type, ByteView(&type_octet, 1));
  composer.option(Option::server_id, server.octets);
}

void put_boot_identity(Composer& composer, const Packet& packet, const Client& client) {
  composer.option(Option::vendor_class, client.arch == Arch::http_x64 ? "HTTPClient" : "PXEClient");
  if (const auto uuid = packet.options.find(Option::client_uuid)) {
    composer.option(Option::client_uuid, *uuid);
  }
}

void put_relay_info(Composer& composer, const Packet& packet) {
  const auto info = packet.options.find(Option::relay_info);
  if (info && !packet.giaddr.is_zero()) composer.option(Option::relay_info, *info);
}

}  // namespace slipway::dhcp
