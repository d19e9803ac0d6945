// dhcp/lease_desk.hpp -- the lease server of one interface: what comes to port 67 there, the
// records that must be kept before an answer leaves, and whether another server is there.
//
// Runs on the deciding thread, and logs; sockets and clock are given to it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log_limiter.hpp"
#include "base/scheduler.hpp"
#include "dhcp/lease_respond.hpp"
#include "dhcp/overhear.hpp"
#include "dhcp/rival_watch.hpp"

namespace slipway::dhcp {

// What the desks of all interfaces share; everything outlives them.
struct LeaseOffice {
  Leases& leases;
  LeaseStore& store;
  BootPolicy& policy;
  Scheduler& scheduler;
  std::function<Moment()> now;
};

// What an interface does for its desk.
struct LeaseDoor {
  std::string interface{};
  // Sends an answer from that address of ours; false when the kernel did not take it.
  std::function<bool(ByteView, Endpoint to, Ipv4 from)> send{};
  std::function<void()> ask_around{};  // sends a question of our own, probe.hpp
  std::uint16_t client_port = 68;
};

struct LeaseCounters {
  std::array<std::uint64_t, kLeaseReplyKinds> done{};  // by LeaseReply::Kind
  std::uint64_t unkept = 0;                            // records that did not reach the disk
  std::uint64_t unsent = 0;                            // answers that the kernel did not take
};

class LeaseDesk : public std::enable_shared_from_this<LeaseDesk> {
 public:
  // Records that are on their way to the disk, at most: what comes then is asked again.
  static constexpr unsigned kMostPending = 256;

  // Made with std::make_shared(): what is on the way to the disk may come back after the end.
  LeaseDesk(LeaseOffice office, LeaseDoor door);

  // Asks around, and gives no lease before nobody answered.
  void start();
  void stop() { stopped_ = true; }

  // One well-formed packet to port 67. Fails as respond_lease() does, and with withheld.
  [[nodiscard]] Result<void> take(const Packet& packet, const Client* client, Ipv4 server,
                                  Endpoint from);
  // What another server answered, or which one a client chose; our own answers are none.
  void hear(const Overheard& heard);

  [[nodiscard]] bool may_lease() const { return watch_.may_lease(); }
  [[nodiscard]] const LeaseCounters& counters() const { return counters_; }

 private:
  void look();
  void said(RivalWatch::Change change, const Overheard* heard);
  void keep(const LeaseReply& reply, const Mac& mac, Ipv4 server);
  void ended(const LeaseReply& reply);
  void finish(const LeaseReply& reply, const Mac& mac, Ipv4 server, ByteView wire);
  void report(const LeaseReply& reply, const Mac& mac);

  LeaseOffice office_;
  LeaseDoor door_;
  RivalWatch watch_;
  LeaseCounters counters_;
  bool looking_ = false, stopped_ = false;
  unsigned pending_ = 0;
  LogLimiter limiter_;
  LogQuota quota_;
  std::array<std::uint8_t, kMaxReplyOctets> out_{};
};

}  // namespace slipway::dhcp
