#include "service/doctor/lan.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

#include "base/crypto.hpp"
#include "dhcp/packet.hpp"

namespace slipway::service {
namespace {

using dhcp::Overheard;
using Kind = Overheard::Kind;
using Level = Finding::Level;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

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

// What EDK2 sends, as far as servers look at it; broadcast, so that the answers are heard.
Bytes discover(const Mac& mac, std::uint32_t xid) {
  constexpr std::array<std::uint8_t, 1> kDiscover{1};
  constexpr std::array<std::uint8_t, 2> kUefiX64{0, 7};
  constexpr std::array<std::uint8_t, 8> kWanted{1, 3, 6, 43, 54, 60, 66, 67};
  constexpr dhcp::Option kParameters{55};
  std::array<std::uint8_t, 548> room{};
  dhcp::Header header;
  header.op = dhcp::Op::request;
  header.xid = xid;
  header.flags = dhcp::kBroadcastFlag;
  header.mac = mac;
  dhcp::Composer composer(room, header);
  composer.option(dhcp::Option::message_type, kDiscover);
  composer.option(kParameters, kWanted);
  composer.option(dhcp::Option::client_arch, kUefiX64);
  composer.option(dhcp::Option::vendor_class, "PXEClient:Arch:00007:UNDI:003000");
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

Fallible<void> broadcast(const Interface& interface, ByteView packet) {
  const Descriptor fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return fail_errno("opening a packet socket", errno);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_IP);
  to.sll_ifindex = static_cast<int>(interface.index);
  to.sll_halen = 6;
  std::fill_n(std::begin(to.sll_addr), 6, std::uint8_t{0xff});
  const auto sent = ::sendto(fd.get(), packet.data(), packet.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent < 0) return fail_errno("sending on " + interface.name, errno);
  return {};
}

// What arrives on `ear` until then and answers `client`.
void collect(const dhcp::Ear& ear, const Mac& client, Clock::time_point until,
             std::vector<Overheard>& answers) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (left <= milliseconds(0)) return;
    pollfd waiting{.fd = ear.descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
    std::optional<Overheard> heard;
    const auto got = dhcp::listen(ear.descriptor(), heard);
    const bool is_new =
        heard && heard->client == client && std::ranges::find(answers, *heard) == answers.end();
    if (got == Receive::datagram && is_new) answers.push_back(*heard);
  }
}

std::string text_of(const Overheard& server) {
  return server.ip.text() + " (" + server.mac.text() + ")";
}

Finding about_proxy(const Interface& interface, const Overheard& server) {
  return {Level::error, "another-proxy",
          "another boot server, " + text_of(server) + ", answers on " + interface.name,
          "switch it off, or keep it from this network: hosts boot from whichever they hear first"};
}

Finding about_lease(const Interface& interface, const Overheard& server) {
  const auto who = "the DHCP server " + text_of(server) + " on " + interface.name;
  if (server.kind == Kind::pxe_lease) {
    return {Level::error, "dhcp-option-60", who + " sets option 60 itself",
            "remove that option there: UEFI firmware asks that server on port 4011 and gives up"};
  }
  if (server.names_file) {
    return {Level::warning, "dhcp-boot-file", who + " names a boot file in its leases",
            "remove it there: shim and GRUB prefer it to ours"};
  }
  const bool third = !server.next_server.is_zero() && server.next_server != server.ip &&
                     server.next_server != interface.address;
  if (third) {
    return {Level::warning, "dhcp-next-server",
            who + " names " + server.next_server.text() + " as the next server (siaddr)",
            "remove it there, or name " + interface.address.text() +
                ": GRUB 2.06 (Debian 12) loads from that machine"};
  }
  const bool itself = server.next_server == server.ip;
  return {
      Level::ok, "dhcp-server",
      who + " leases addresses and leaves booting to others" +
          (itself
               ? "; GRUB 2.06 would load from it (siaddr), which iPXE, GRUB 2.12 and a UKI do not"
               : ""),
      ""};
}

}  // namespace

Fallible<std::vector<Overheard>> ask_lan(const Interface& interface, milliseconds listen) {
  const auto ear = dhcp::Ear::open(interface.name);
  if (!ear) return std::unexpected(ear.error());
  const auto mac = random_mac();
  std::array<std::uint8_t, 4> xid{};
  random_octets(xid);
  const auto packet = ip_packet(discover(mac, Reader(xid).u32()));
  std::vector<Overheard> answers;
  const auto began = Clock::now();
  // A switch port that learns the MAC, or a server that pings the address first, may eat the first.
  for (const auto until : {listen / 2, listen}) {
    const auto sent = broadcast(interface, packet);
    if (!sent) return std::unexpected(sent.error());
    collect(*ear, mac, began + until, answers);
  }
  return answers;
}

Findings judge_lan(const Interface& interface, std::span<const Overheard> answers) {
  Findings findings;
  std::map<Ipv4, Overheard> lease_servers, proxies;
  for (const auto& answer : answers) {
    if (answer.ip == interface.address || answer.kind == Kind::choice) continue;
    (answer.kind == Kind::proxy ? proxies : lease_servers).try_emplace(answer.ip, answer);
  }
  for (const auto& [ip, server] : proxies) findings.push_back(about_proxy(interface, server));
  for (const auto& [ip, server] : lease_servers) findings.push_back(about_lease(interface, server));
  if (lease_servers.empty()) {
    findings.push_back({Level::error, "no-dhcp-server",
                        "no DHCP server gave an address on " + interface.name,
                        "look whether one runs there and has addresses left: hosts get none from "
                        "the boot server"});
  }
  if (lease_servers.size() > 1) {
    findings.push_back(
        {Level::warning, "several-dhcp-servers",
         std::to_string(lease_servers.size()) + " DHCP servers answer on " + interface.name,
         "make sure that they know of each other: two that do not give one address "
         "twice"});
  }
  return findings;
}

}  // namespace slipway::service
