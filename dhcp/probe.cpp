#include "dhcp/probe.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/crypto.hpp"
#include "base/descriptor.hpp"
#include "dhcp/packet.hpp"

namespace slipway::dhcp {
namespace {

constexpr std::size_t kIpHeaderOctets = 20;
constexpr std::size_t kUdpHeaderOctets = 8;

// RFC 1071; the header's own sum is zero while it is taken.
std::uint16_t checksum(ByteView header) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < header.size(); i += 2) {
    sum += std::uint32_t{header[i]} << 8U | header[i + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

Mac random_mac() {
  Mac mac;
  random_octets(mac.octets);
  mac.octets[0] = static_cast<std::uint8_t>((mac.octets[0] & 0xfcU) | 0x02U);  // local, of one
  return mac;
}

// As firmware, what EDK2 sends, as far as servers look at it; broadcast, so that the answers are
// heard.
Bytes discover(const Mac& mac, std::uint32_t xid, Question::As as) {
  constexpr std::array<std::uint8_t, 1> kDiscover{1};
  constexpr std::array<std::uint8_t, 2> kUefiX64{0, 7};
  constexpr std::array<std::uint8_t, 8> kWanted{1, 3, 6, 43, 54, 60, 66, 67};
  constexpr Option kParameters{55};
  std::array<std::uint8_t, 548> room{};
  Header header;
  header.op = Op::request;
  header.xid = xid;
  header.flags = kBroadcastFlag;
  header.mac = mac;
  Composer composer(room, header);
  composer.option(Option::message_type, kDiscover);
  composer.option(kParameters, kWanted);
  if (as == Question::As::firmware) {
    composer.option(Option::client_arch, kUefiX64);
    composer.option(Option::vendor_class, "PXEClient:Arch:00007:UNDI:003000");
  }
  const auto octets = composer.finish().value_or(0);  // it is far below the room
  return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(octets)};
}

// From 0.0.0.0, port 68, to everybody, port 67. UDP's sum may be left out (RFC 768).
Bytes ip_packet(ByteView payload) {
  Bytes packet(kIpHeaderOctets + kUdpHeaderOctets + payload.size());
  Writer ip(packet);
  ip.u8(0x45);
  ip.u8(0);
  ip.u16(static_cast<std::uint16_t>(packet.size()));
  ip.u32(0);  // no fragments
  ip.u8(64);  // hops
  ip.u8(IPPROTO_UDP);
  ip.u16(0);  // its sum, below
  ip.u32(0);  // no address yet
  ip.u32(0xffffffff);
  const auto sum = checksum(ByteView(packet).first(kIpHeaderOctets));
  packet[10] = static_cast<std::uint8_t>(sum >> 8U);
  packet[11] = static_cast<std::uint8_t>(sum & 0xffU);
  Writer udp(std::span(packet).subspan(kIpHeaderOctets));
  udp.u16(68);
  udp.u16(67);
  udp.u16(static_cast<std::uint16_t>(kUdpHeaderOctets + payload.size()));
  udp.u16(0);
  udp.bytes(payload);
  return packet;
}

}  // namespace

Question new_question(Question::As as) {
  Question question{.mac = random_mac(), .xid = 0, .wire = {}};
  std::array<std::uint8_t, 4> xid{};
  random_octets(xid);
  question.xid = Reader(xid).u32();
  question.wire = discover(question.mac, question.xid, as);
  return question;
}

Fallible<void> ask(const std::string& interface, const Question& question) {
  const auto index = if_nametoindex(interface.c_str());
  if (index == 0) return fail_errno("asking on " + interface, errno);
  const Descriptor fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return fail_errno("opening a packet socket", errno);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_IP);
  to.sll_ifindex = static_cast<int>(index);
  to.sll_halen = 6;
  std::fill_n(std::begin(to.sll_addr), 6, std::uint8_t{0xff});
  const auto packet = ip_packet(question.wire);
  const auto sent = ::sendto(fd.get(), packet.data(), packet.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent < 0) return fail_errno("sending on " + interface, errno);
  return {};
}

}  // namespace slipway::dhcp
