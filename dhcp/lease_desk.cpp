#include "dhcp/lease_desk.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace slipway::dhcp {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
constexpr std::chrono::seconds kLogInterval{2};  // of one client
constexpr std::uint32_t kLinesASecond = 20;      // of one event
constexpr std::uint8_t kUnkept = 100, kUnsent = 101;

struct Line {
  std::string_view event;
  log::Level level;
};

Line line_of(LeaseReply::Kind kind) {
  using Kind = LeaseReply::Kind;
  switch (kind) {
    case Kind::offer: return {"dhcp.lease_offered", log::Level::debug};
    case Kind::ack: return {"dhcp.leased", log::Level::info};
    case Kind::nak: return {"dhcp.lease_refused", log::Level::info};
    case Kind::information: return {"dhcp.informed", log::Level::debug};
    case Kind::released: return {"dhcp.lease_released", log::Level::info};
    case Kind::declined: return {"dhcp.lease_declined", log::Level::warn};
    case Kind::nothing: break;
  }
  return {};
}

}  // namespace

LeaseDesk::LeaseDesk(LeaseOffice office, LeaseDoor door)
    : office_(std::move(office)),
      door_(std::move(door)),
      limiter_(kLogInterval),
      quota_(kLinesASecond) {}

void LeaseDesk::start() {
  watch_.start(office_.now().steady);
  look();
}

// Runs as long as it is not settled whether leases may be given.
void LeaseDesk::look() {
  looking_ = false;
  if (stopped_) return;
  const auto now = office_.now().steady;
  if (watch_.asks(now)) door_.ask_around();
  said(watch_.look(now), nullptr);
  if (watch_.may_lease()) return;
  looking_ = true;
  office_.scheduler.after(kLookEvery, [self = weak_from_this()] {
    if (const auto desk = self.lock()) desk->look();
  });
}

void LeaseDesk::hear(const Overheard& heard) {
  const auto& own = office_.leases.settings().own;
  const bool is_server = heard.kind != Overheard::Kind::proxy;
  if (!is_server || std::ranges::find(own, heard.ip) != own.end()) return;
  said(watch_.hear(heard.ip, office_.now().steady), &heard);
  if (!looking_) look();
}

void LeaseDesk::said(RivalWatch::Change change, const Overheard* heard) {
  using Change = RivalWatch::Change;
  if (change == Change::rival) {
    log::warn("dhcp.leases_withheld", {{"ip", heard->ip.text()},
                                       {"server_mac", heard->mac.text()},
                                       {"interface", door_.interface}});
  } else if (change != Change::none) {
    log::info("dhcp.leases_given", {{"interface", door_.interface}});
  }
}

Result<void> LeaseDesk::take(const Packet& packet, const Client* client, Ipv4 server,
                             Endpoint from) {
  if (!watch_.may_lease()) return std::unexpected(make_error_code(Errc::withheld));
  const bool crowded = packet.type == MessageType::request && pending_ >= kMostPending;
  if (crowded) return std::unexpected(make_error_code(Errc::pending));
  const LeaseArrival arrival{
      .server = server, .from = from, .now = office_.now(), .client_port = door_.client_port};
  const auto reply = respond_lease(packet, client, arrival, office_.leases, office_.policy, out_);
  if (!reply) return std::unexpected(reply.error());
  if (reply->octets == 0) {
    ended(*reply);
    report(*reply, packet.mac);
  } else if (reply->record) {
    keep(*reply, packet.mac, server);
  } else {
    finish(*reply, packet.mac, server, ByteView(out_).first(reply->octets));
  }
  return {};
}

// The answer waits in memory until the lease is on the disk: what was acknowledged is never lost.
void LeaseDesk::keep(const LeaseReply& reply, const Mac& mac, Ipv4 server) {
  ++pending_;
  auto waiting = reply;
  waiting.file = {};  // a view; it stands in the datagram
  office_.store.keep(*reply.record, [self = weak_from_this(), waiting, mac, server,
                                     wire = Bytes(out_.begin(), out_.begin() + reply.octets)](
                                        bool kept) {
    const auto desk = self.lock();
    if (!desk) return;
    --desk->pending_;
    const auto now = desk->office_.now().steady;
    desk->office_.leases.kept(waiting.address, kept, now);
    if (desk->stopped_) return;
    if (kept) return desk->finish(waiting, mac, server, wire);
    ++desk->counters_.unkept;
    if (desk->quota_.allow(kUnkept, now)) {
      log::error("dhcp.lease_unkept", {{"mac", mac.text()}, {"address", waiting.address.text()}});
    }
  });
}

// There is nobody to tell: should it be lost, the lease ends by its time.
void LeaseDesk::ended(const LeaseReply& reply) {
  if (!reply.record) return;
  office_.store.keep(*reply.record, [self = weak_from_this()](bool kept) {
    if (const auto desk = self.lock(); desk && !kept) ++desk->counters_.unkept;
  });
}

void LeaseDesk::finish(const LeaseReply& reply, const Mac& mac, Ipv4 server, ByteView wire) {
  if (reply.kind == LeaseReply::Kind::ack) office_.policy.leased(mac, reply.address, server);
  if (!door_.send(wire, reply.to, server)) {
    ++counters_.unsent;
    const bool shown = quota_.allow(kUnsent, office_.now().steady);
    log::write(shown ? log::Level::warn : log::Level::debug, "dhcp.unsent",
               {{"to", reply.to.text()}, {"interface", door_.interface}});
  }
  report(reply, mac);
}

void LeaseDesk::report(const LeaseReply& reply, const Mac& mac) {
  const auto kind = static_cast<std::uint8_t>(reply.kind);
  ++counters_.done[kind];
  const auto line = line_of(reply.kind);
  const auto now = office_.now().steady;
  const bool shown = line.level != log::Level::debug && limiter_.allow(mac.octets, kind, now) &&
                     quota_.allow(kind, now);
  const auto level = shown ? line.level : log::Level::debug;
  if (!log::enabled(level)) return;
  log::write(level, line.event,
             {{"mac", mac.text()},
              {"address", reply.address.text()},
              {"file", reply.file},
              {"interface", door_.interface}});
}

}  // namespace slipway::dhcp
