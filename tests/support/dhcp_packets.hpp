// tests/support/dhcp_packets.hpp -- hand-made DHCP packets, and packets as text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "dhcp/client.hpp"
#include "dhcp/packet.hpp"
#include "dhcp/policy.hpp"

namespace slipway::test {

using namespace std::string_literals;

// The octets of a message, field by field as on the wire and not through our own encoder, so that
// a mistake there cannot hide itself.
struct RawPacket {
  std::uint8_t op = 1, htype = 1, hlen = 6;
  std::uint32_t xid = 0x12345678;
  std::uint16_t flags = 0;
  std::uint32_t ciaddr = 0, yiaddr = 0, siaddr = 0, giaddr = 0;
  std::array<std::uint8_t, 6> mac{0x52, 0x54, 0x00, 0xaa, 0x00, 0x01};
  std::string sname, file;
  std::vector<std::pair<int, std::string>> options;
  bool end = true;

  RawPacket& with(int code, std::string value) {
    options.emplace_back(code, std::move(value));
    return *this;
  }
  RawPacket& without(int code) {
    std::erase_if(options, [&](const auto& option) { return option.first == code; });
    return *this;
  }
  RawPacket& replace(int code, std::string value) { return without(code).with(code, value); }

  [[nodiscard]] Bytes wire() const {
    Bytes out;
    const auto big = [&](std::uint64_t value, int octets) {
      for (int i = octets - 1; i >= 0; --i)
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    const auto text = [&](std::string_view value, std::size_t octets) {
      for (std::size_t i = 0; i < octets; ++i) {
        out.push_back(i < value.size() ? static_cast<std::uint8_t>(value[i]) : std::uint8_t{0});
      }
    };
    big(op, 1), big(htype, 1), big(hlen, 1), big(0, 1), big(xid, 4), big(0, 2), big(flags, 2);
    big(ciaddr, 4), big(yiaddr, 4), big(siaddr, 4), big(giaddr, 4);
    out.insert(out.end(), mac.begin(), mac.end());
    text({}, 10), text(sname, 64), text(file, 128), big(0x63825363, 4);
    for (const auto& [code, value] : options) {
      big(static_cast<std::uint64_t>(code), 1), big(value.size(), 1), text(value, value.size());
    }
    if (end) out.push_back(255);
    return out;
  }
};

// Features that make an iPXE good enough: HTTP and bzImage.
inline const std::string kGoodIpxe = "\x13\x01\x01\x18\x01\x01"s;

// What a plain BIOS PXE ROM sends (RFC 4578).
inline RawPacket bios_discover() {
  RawPacket packet;
  packet.with(53, "\x01"s).with(60, "PXEClient:Arch:00000:UNDI:002001").with(93, "\0\0"s);
  packet.with(94, "\x01\x02\x01"s)
      .with(97, "\0\x78\x56\x34\x12\x34\x12\x78\x56"s + "\x9a\xbc\xde\xf0\x12\x34\x56\x78");
  return packet;
}

inline RawPacket uefi_discover() {
  return bios_discover().replace(60, "PXEClient:Arch:00007:UNDI:003000").replace(93, "\0\x07"s);
}

inline RawPacket http_discover() {
  return bios_discover().replace(60, "HTTPClient:Arch:00016:UNDI:003000").replace(93, "\0\x10"s);
}

inline RawPacket ipxe_discover() { return bios_discover().with(77, "iPXE").with(175, kGoodIpxe); }

// What the DHCP server 10.88.0.1 offers: a lease and nothing about booting.
inline RawPacket lease_offer() {
  RawPacket packet;
  packet.op = 2;
  packet.yiaddr = 0x0a580066;
  packet.siaddr = 0x0a580001;
  return packet.with(53, "\x02"s).with(54, "\x0a\x58\0\x01"s).with(51, "\0\0\x0e\x10"s);
}

// What the boot server 10.88.0.3 offers.
inline RawPacket proxy_offer() {
  RawPacket packet;
  packet.op = 2;
  packet.siaddr = 0x0a580003;
  return packet.with(53, "\x02"s).with(54, "\x0a\x58\0\x03"s).with(60, "PXEClient");
}

// The choice of boot files of the whole service, in small.
class FixedPolicy : public dhcp::BootPolicy {
 public:
  std::string_view boot_file(const dhcp::Client& client, Ipv4 server) override {
    ++calls;
    if (silent) return {};
    const auto base = "http://" + server.text() + ":8080/";
    if (client.ipxe_can_boot) return answer = base + "boot.ipxe";
    if (client.arch == dhcp::Arch::http_x64) return answer = base + "loader/ipxe.efi";
    return answer = client.arch == dhcp::Arch::bios ? "undionly.kpxe" : "ipxe.efi";
  }
  dhcp::OfferStyle offer_style(const dhcp::Client& /*client*/) override { return style; }
  bool has_fetched(const Mac& /*mac*/, TimePoint since) override {
    asked_since = since;
    return fetched;
  }
  int calls = 0;
  bool silent = false, fetched = false;
  dhcp::OfferStyle style = dhcp::OfferStyle::automatic;
  std::optional<TimePoint> asked_since;
  std::string answer;
};

inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto octet = static_cast<std::uint8_t>(c);
    if (octet >= 0x20 && octet < 0x7f) {
      out += c;
    } else {
      out += "\\x" + to_hex({&octet, 1});
    }
  }
  return out + "\"";
}

inline std::string describe(const dhcp::Packet& packet) {
  std::array<std::uint8_t, 8> numbers{};
  Writer writer(numbers);
  writer.u32(packet.xid), writer.u16(packet.secs), writer.u16(packet.flags);
  const auto hex = to_hex(numbers);
  std::string text = "op " + std::to_string(static_cast<int>(packet.op)) + " type " +
                     std::to_string(static_cast<int>(packet.type)) + " xid " + hex.substr(0, 8) +
                     " secs " + hex.substr(8, 4) + " flags " + hex.substr(12) + " mac " +
                     packet.mac.text() + "\n  ciaddr " + packet.ciaddr.text() + " yiaddr " +
                     packet.yiaddr.text() + " siaddr " + packet.siaddr.text() + " giaddr " +
                     packet.giaddr.text() + "\n  sname " + quoted(packet.sname) + " file " +
                     quoted(packet.file) + "\n";
  for (const auto field : packet.options.fields()) {
    dhcp::OptionReader reader(field);
    while (const auto option = reader.next()) {
      text += "  option " + std::to_string(static_cast<int>(option->code)) + " " +
              to_hex(option->value) + "\n";
    }
  }
  return text;
}

inline std::string describe(const dhcp::Client& client) {
  const std::array<std::string, 3> archs{"bios", "uefi_x64", "http_x64"};
  return "client " + client.mac.text() + " arch " + archs[static_cast<std::size_t>(client.arch)] +
         " (" + std::to_string(client.arch_code) + ") uuid " +
         (client.uuid ? client.uuid->text() : "none") + " address " + client.address.text() +
         " ipxe " + (client.ipxe ? "yes" : "no") + " can_boot " +
         (client.ipxe_can_boot ? "yes" : "no") + " class " + quoted(client.vendor_class) +
         " user_class " + quoted(client.user_class);
}

}  // namespace slipway::test
