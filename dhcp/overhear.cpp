#include "dhcp/overhear.hpp"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "dhcp/client.hpp"
#include "dhcp/packet.hpp"

namespace slipway::dhcp {
namespace {

constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kUdpHeaderOctets = 8;
constexpr std::size_t kIpHeaderOctets = 20;
constexpr std::uint16_t kFragmentBits = 0x3fff;  // "more follow" and the offset (RFC 791 s.3.1)

// Only a server names itself this way; the architecture behind the word belongs to requests.
bool has_boot_class(const Packet& packet) {
  const auto value = packet.options.find(Option::vendor_class);
  return value && !boot_class(as_text(*value)).empty();
}

// Zero when the option is absent or of another size.
Ipv4 address_option(const Packet& packet, Option code) {
  const auto value = packet.options.find(code);
  return value && value->size() == 4 ? Ipv4::from_number(Reader(*value).u32()) : Ipv4{};
}

bool names_file(const Packet& packet) {
  const auto option = packet.options.find(Option::boot_file);
  return !packet.file.empty() || (option && !option->empty() && option->front() != 0);
}

Overheard::Kind kind_of(const Overheard& heard, bool boot_class) {
  if (boot_class) {
    return heard.lease.is_zero() ? Overheard::Kind::proxy : Overheard::Kind::pxe_lease;
  }
  // dnsmasq names itself as the next server of every lease; that alone leads nobody astray.
  const bool sends_away = !heard.next_server.is_zero() && heard.next_server != heard.ip;
  return heard.names_file || sends_away ? Overheard::Kind::boot_lease : Overheard::Kind::lease;
}

// UDP to `port`, whole, as the kernel's classic filter: everything else on the interface must not
// wake us. X is the length of the IP header.
std::array<sock_filter, 9> filter_for(std::uint16_t port) {
  return {{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kUdp, 0, 6),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kFragmentBits, 4, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
}

// Before the bind: a packet socket that is opened with a protocol hears every interface at once.
bool attach_filter(int fd, std::uint16_t port) {
  auto code = filter_for(port);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

}  // namespace

std::string_view name_of(Overheard::Kind kind) {
  switch (kind) {
    case Overheard::Kind::choice: return "choice";
    case Overheard::Kind::lease: return "lease";
    case Overheard::Kind::boot_lease: return "boot-lease";
    case Overheard::Kind::pxe_lease: return "pxe-lease";
    case Overheard::Kind::proxy: return "proxy";
  }
  return {};
}

std::optional<Overheard> overhear(ByteView udp_payload, Ipv4 from, const Mac& sender) {
  const auto packet = parse(udp_payload);
  if (!packet || packet->op != Op::reply) return std::nullopt;
  const bool acknowledges = packet->type == MessageType::ack;
  if (!acknowledges && packet->type != MessageType::offer) return std::nullopt;
  const bool boot_class = has_boot_class(*packet);
  // An ACK without both answers an INFORM: configuration, for somebody who has an address.
  if (packet->yiaddr.is_zero() && !boot_class) return std::nullopt;
  const auto server = address_option(*packet, Option::server_id);
  Overheard heard{.ip = server.is_zero() ? from : server,
                  .mac = sender,
                  .xid = packet->xid,
                  .client = packet->mac,
                  .lease = packet->yiaddr,
                  .next_server = packet->siaddr,
                  .names_file = names_file(*packet),
                  .acknowledges = acknowledges};
  heard.kind = kind_of(heard, boot_class);
  return heard;
}

std::optional<Overheard> choice_of(const Packet& request) {
  if (request.op != Op::request || request.type != MessageType::request) return std::nullopt;
  const auto server = address_option(request, Option::server_id);
  if (server.is_zero()) return std::nullopt;
  return Overheard{.kind = Overheard::Kind::choice,
                   .ip = server,
                   .xid = request.xid,
                   .client = request.mac,
                   .lease = address_option(request, Option::requested_address)};
}

std::optional<Datagram> udp_in(ByteView ip_packet) {
  Reader reader(ip_packet);
  const auto version_and_length = reader.u8();
  const auto header_octets = std::size_t{version_and_length & 15U} * 4;
  reader.skip(1);
  const auto total_octets = reader.u16();
  reader.skip(2);
  const auto fragment = reader.u16();
  reader.skip(1);
  const auto protocol = reader.u8();
  reader.skip(2);
  Datagram datagram;
  datagram.from.address = Ipv4::from_number(reader.u32());
  datagram.to.address = Ipv4::from_number(reader.u32());
  const bool is_whole_udp = version_and_length >> 4U == 4 && header_octets >= kIpHeaderOctets &&
                            (fragment & kFragmentBits) == 0 && protocol == kUdp;
  if (reader.failed() || !is_whole_udp) return std::nullopt;
  if (total_octets < header_octets || total_octets > ip_packet.size()) return std::nullopt;
  Reader udp(ip_packet.subspan(header_octets, total_octets - header_octets));
  datagram.from.port = udp.u16();
  datagram.to.port = udp.u16();
  const auto octets = udp.u16();
  udp.skip(2);
  if (udp.failed() || octets < kUdpHeaderOctets) return std::nullopt;
  datagram.payload = udp.take(octets - kUdpHeaderOctets);
  if (udp.failed()) return std::nullopt;
  return datagram;
}

Fallible<Ear> Ear::open(const std::string& interface, std::uint16_t client_port) {
  const auto index = if_nametoindex(interface.c_str());
  if (index == 0) return fail_errno("listening on " + interface, errno);
  Descriptor fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return fail_errno("opening a packet socket", errno);
  if (!attach_filter(fd.get(), client_port)) return fail_errno("filtering packets", errno);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_IP);
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno("listening on " + interface, errno);
  }
  return Ear(std::move(fd));
}

Receive listen(int descriptor, std::optional<Overheard>& heard) {
  heard.reset();
  std::array<std::uint8_t, 2048> buffer;  // left unset: only what arrived is read
  sockaddr_ll from{};
  socklen_t length = sizeof from;
  const auto got = ::recvfrom(descriptor, buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&from), &length);
  if (got < 0) {
    const bool empty = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return empty ? Receive::nothing : Receive::failed;
  }
  const auto datagram = udp_in(ByteView(buffer).first(static_cast<std::size_t>(got)));
  if (!datagram) return Receive::datagram;
  Mac sender;
  if (from.sll_halen == sender.octets.size()) {
    std::copy_n(std::begin(from.sll_addr), sender.octets.size(), sender.octets.begin());
  }
  heard = overhear(datagram->payload, datagram->from.address, sender);
  return Receive::datagram;
}

}  // namespace slipway::dhcp
