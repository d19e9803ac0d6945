// The whole lease server: a series of datagrams, the time between them, reservations and a store
// that may fail come from the input; its claims are checked after each.
//
// Octets: 1 of settings; then for each step 1 that says how many seconds pass and whether records
// reach the disk, 2 of length, and a datagram of that length.

#include <cstdlib>
#include <map>
#include <string>

#include "dhcp/lease_respond.hpp"

using namespace slipway;
using namespace slipway::dhcp;

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

constexpr Ipv4 kServer{{10, 77, 0, 2}};
constexpr Ipv4 kReserved{{10, 77, 0, 20}};

class Policy : public BootPolicy {
 public:
  explicit Policy(std::uint8_t settings) : settings_(settings) {}
  std::string_view boot_file(const Client& client, Ipv4 server) override {
    if (client.mac.octets[5] == 0xff) return {};
    name_ = "http://" + server.text() + "/" + std::string(client.mac.octets[5], 'x');
    return name_;
  }
  OfferStyle offer_style(const Client& /*client*/) override {
    return OfferStyle{static_cast<std::uint8_t>(settings_ & 3U)};
  }
  std::optional<Ipv4> reserved_address(const Mac& client) override {
    return client.octets[5] == 1 ? std::optional(kReserved) : std::nullopt;
  }
  bool is_reserved(Ipv4 address) override { return address == kReserved; }

 private:
  std::uint8_t settings_;
  std::string name_;
};

LeaseSettings settings_of(std::uint8_t octet) {
  LeaseSettings settings;
  const std::uint8_t last = (octet & 4U) != 0 ? 103 : 250;
  settings.networks.push_back(
      {{{{10, 77, 0, 0}}, 24}, {{{{10, 77, 0, 100}}, {{10, 77, 0, last}}}}, {{{10, 77, 0, 1}}}});
  if ((octet & 8U) != 0) {
    settings.networks.push_back(
        {{{{10, 98, 0, 0}}, 24}, {{{{10, 98, 0, 50}}, {{10, 98, 0, 52}}}}, {}});
  }
  settings.length = std::chrono::seconds((octet & 16U) != 0 ? 60 : 43'200);
  settings.dns = {{{9, 9, 9, 9}}};
  settings.domain = "bench";
  settings.own = {kServer};
  return settings;
}

// Who was told that an address is its own, and until when.
struct Held {
  ClientId client;
  Mac mac;
  TimePoint until;
};
using Book = std::map<Ipv4, Held>;

void check_acknowledged(const LeaseRecord& record, Moment now, Book& book,
                        std::chrono::seconds length) {
  require(record.address != kServer);
  const auto held = book.find(record.address);
  // Nobody else was promised it; the machine that it is reserved for may have another name now.
  const bool free = held == book.end() || held->second.until <= now.steady;
  const bool same = !free && (held->second.client == record.client ||
                              (record.address == kReserved && held->second.mac == record.mac));
  require(free || same);
  require(record.address != kReserved || record.mac.octets[5] == 1);
  book[record.address] = {record.client, record.mac, now.steady + length};
}

void check_reply(const Packet& packet, const LeaseReply& reply, const Leases& leases,
                 ByteView wire) {
  require(wire.size() >= kMinimumOctets && wire.size() <= kMaxReplyOctets);
  const auto parsed = parse(wire);
  require(parsed.has_value());
  require(parsed->op == Op::reply && parsed->xid == packet.xid && parsed->mac == packet.mac);
  require(parsed->giaddr == packet.giaddr);
  const auto* network = leases.network_at(parsed->yiaddr);
  const bool gives = reply.kind == LeaseReply::Kind::offer || reply.kind == LeaseReply::Kind::ack;
  require(gives == !parsed->yiaddr.is_zero());
  require(!gives || (network != nullptr && parsed->yiaddr == reply.address));
  require(packet.giaddr.is_zero() || reply.to == Endpoint{packet.giaddr, 67});
}

class Run {
 public:
  explicit Run(std::uint8_t octet)
      : policy_(octet), leases_(settings_of(octet), 7), length_(leases_.settings().length) {}

  void step(std::uint8_t how, ByteView datagram) {
    now_.steady += std::chrono::seconds((how & 0x7fU) * (how & 0x7fU) * 4);
    const auto packet = parse(datagram);
    if (!packet) return;
    const auto client = identify(*packet);
    const LeaseArrival arrival{.server = kServer, .from = {{{10, 77, 0, 100}}, 68}, .now = now_};
    const auto reply =
        respond_lease(*packet, client ? &*client : nullptr, arrival, leases_, policy_, out_);
    if (!reply) return;
    if (reply->octets > 0)
      check_reply(*packet, *reply, leases_, ByteView(out_).first(reply->octets));
    const bool ends =
        reply->kind == LeaseReply::Kind::released || reply->kind == LeaseReply::Kind::declined;
    if (ends) {
      book_.erase(reply->address);
    } else if (reply->record) {
      const bool on_disk = (how & 0x80U) == 0;
      leases_.kept(reply->address, on_disk, now_.steady);
      if (on_disk) check_acknowledged(*reply->record, now_, book_, length_);
    }
  }

 private:
  Policy policy_;
  Leases leases_;
  std::chrono::seconds length_;
  Moment now_{TimePoint(std::chrono::hours(1000)), 1'700'000'000'000};
  Book book_;
  std::array<std::uint8_t, kMaxReplyOctets> out_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader reader({data, size});
  Run run(reader.u8());
  while (reader.left() >= 3) {
    const auto how = reader.u8();
    const auto octets = std::min<std::size_t>(reader.u16(), reader.left());
    run.step(how, reader.take(octets));
  }
  return 0;
}
