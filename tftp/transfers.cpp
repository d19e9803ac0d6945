#include "tftp/transfers.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "base/spawn.hpp"
#include "base/udp.hpp"

namespace slipway::tftp {

namespace asio = boost::asio;
using asio::ip::udp;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr int kBatch = 64;  // datagrams taken before other work of the thread gets a turn
// A client that uses one port for all that it fetches must not take what is left of one transfer
// for the next, so that one comes from another port of ours.
constexpr std::size_t kPorts = 8;
// Thousands of deadlines are looked at in as many rounds at most.
constexpr std::chrono::milliseconds kRound{20};
constexpr std::string_view kClosed = "the client's port is closed";

TransferEnd end_of(std::string_view name, Endpoint peer, const Session& session,
                   std::string_view trouble) {
  return {.name = name,
          .peer = peer.address,
          .status = session.status(),
          .answered = session.answered(),
          .size_octets = session.size_octets(),
          .client_error = session.client_error(),
          .started_at = session.started_at(),
          .trouble = trouble};
}

}  // namespace

Transfers::Transfers(Owner owner, Ended ended)
    : owner_(owner),
      ended_(std::move(ended)),
      half_open_(owner.settings.max_half_open),
      timer_(owner.io) {
  running_.reserve(owner.settings.max_transfers);
}

Fallible<void> Transfers::open(int port69) {
  if (owner_.settings.single_port) {
    port69_ = port69;
    return {};
  }
  for (std::size_t i = 0; i < kPorts; ++i) {
    const auto fd = open_udp(
        {.interface = owner_.settings.interface, .share_among_own = true, .report_icmp = true});
    if (!fd) return fail(fd.error(), "TFTP transfers");
    ports_.push_back({udp::socket(owner_.io, udp::v4(), *fd), 0});
    const auto local = local_endpoint(*fd);
    if (!local) return fail(local.error(), "TFTP transfers");
    ports_.back().number = local->port;
  }
  for (std::size_t i = 0; i < kPorts; ++i) {
    spawn(timer_.get_executor(), "tftp.transfers", serve(shared_from_this(), i));
  }
  return {};
}

void Transfers::close() {
  boost::system::error_code ignored;  // a socket that fails to close is closed all the same
  for (auto& port : ports_) (void)port.socket.close(ignored);
  timer_.cancel();
  half_open_.clear();
  const auto cut = std::exchange(running_, {});
  for (const auto& one : cut) one.transfer->stop();
}

asio::awaitable<void> Transfers::serve(std::shared_ptr<Transfers> self, std::size_t port) {
  while (self->ports_[port].socket.is_open()) {
    const auto waited =
        co_await self->ports_[port].socket.async_wait(udp::socket::wait_read, kNoThrow);
    const auto& [error] = waited;
    if (error) co_return;  // close() closed the socket
    self->drain(port);
  }
}

void Transfers::drain(std::size_t port) {
  std::array<std::uint8_t, 600> in;  // an ACK has 4 octets; an ERROR's text may be cut
  Arrived arrived;
  auto& socket = ports_[port].socket;
  for (int i = 0; i < kBatch && socket.is_open(); ++i) {
    const auto got = receive_udp(socket.native_handle(), in, arrived);
    if (got != Receive::datagram) {
      check_unreachable(socket.native_handle());
    } else if (!hear(ByteView(in).first(arrived.octets), arrived.from, port)) {
      refuse_stray(arrived, port);
    }
    if (got == Receive::nothing) return;
  }
}

// RFC 1350 s.4: an ERROR to the stray sender. One that we do not know gets nothing.
void Transfers::refuse_stray(const Arrived& arrived, std::size_t port) {
  if (!owner_.files.may_ask(arrived.from.address)) return;
  std::array<std::uint8_t, 64> out;
  Writer writer(out);
  write_error(writer, ErrorCode::unknown_transfer_id, "unknown transfer ID");
  (void)send_udp(  // loss is harmless
      descriptor_of(port), writer.written(),
      {.to = arrived.from, .from = arrived.to, .interface_index = arrived.interface_index});
}

int Transfers::descriptor_of(std::size_t port) {
  return ports_.empty() ? port69_ : ports_[port].socket.native_handle();
}

bool Transfers::is_repetition(Endpoint peer, std::size_t request) {
  if (const auto* entry = half_open_.find(peer)) {
    if (entry->request == request) return true;
    (void)half_open_.remove(*entry);
    ++owner_.counters.aborted;
    return false;
  }
  const auto found = std::ranges::find(running_, peer, &Running::peer);
  if (found == running_.end()) return false;
  const auto old = std::move(found->transfer);
  running_.erase(found);
  ++owner_.counters.aborted;
  old->stop();
  return false;
}

bool Transfers::make_room(Endpoint peer) {
  const auto running = std::ranges::count_if(
      running_, [&](const Running& one) { return one.peer.address == peer.address; });
  const auto of_peer = static_cast<std::size_t>(running) + half_open_.count_of(peer.address);
  if (of_peer >= owner_.settings.max_transfers_per_peer) {
    const auto* oldest = half_open_.oldest(peer.address);
    if (oldest == nullptr) return false;
    evict(*oldest);
  }
  if (running_.size() >= owner_.settings.max_transfers) return false;
  if (half_open_.full()) evict(*half_open_.oldest());
  return true;
}

void Transfers::evict(const HalfOpen& entry) {
  (void)half_open_.remove(entry);
  ++owner_.counters.evicted;
}

void Transfers::begin(HalfOpen opening) {
  ++owner_.counters.started;
  next_port_ = ports_.empty() ? 0 : (next_port_ + 1) % ports_.size();
  opening.our_port = static_cast<std::uint8_t>(next_port_);
  auto& entry = half_open_.add(std::move(opening));
  send(entry);
  settle(entry);
  arm();
}

void Transfers::send(HalfOpen& entry) {
  const Departure departure{
      .to = entry.peer, .from = entry.local, .interface_index = entry.interface_index};
  for (auto burst = entry.session.take(outbox_); burst.datagrams > 0;
       burst = entry.session.take(outbox_)) {
    // A failed send and a lost datagram look the same to the protocol: it will be sent again.
    (void)sender_.send(descriptor_of(entry.our_port), burst, departure);
  }
}

bool Transfers::hear(ByteView wire, Endpoint peer, std::size_t port) {
  if (auto* entry = half_open_.find(peer)) {
    if (entry->our_port != port) return false;
    entry->session.on_datagram(wire, Clock::now());
    settle(*entry);
    return true;
  }
  const auto found = std::ranges::find_if(
      running_, [&](const Running& one) { return one.peer == peer && one.port == port; });
  if (found == running_.end()) return false;
  const auto transfer = found->transfer;  // it leaves `running_` when it ends
  transfer->hear(wire);
  return true;
}

// What has become of a half-open transfer.
void Transfers::settle(const HalfOpen& entry) {
  if (entry.session.status() != Status::running) {
    const auto over = half_open_.remove(entry);
    ended_(end_of(over.name.text(), over.peer, over.session, {}));
  } else if (entry.session.answered()) {
    promote(half_open_.remove(entry));
  }
}

void Transfers::promote(HalfOpen entry) {
  auto end = end_of(entry.name.text(), entry.peer, entry.session, "too many transfers");
  if (running_.size() >= owner_.settings.max_transfers) return ended_(end);
  const auto peer = entry.peer;
  const auto port = entry.our_port;
  Route route{.interface = owner_.settings.interface,
              .local = {entry.local, ports_.empty() ? std::uint16_t{0} : ports_[port].number},
              .peer = peer,
              .name = std::string(entry.name.text()),
              .interface_index = entry.interface_index};
  auto transfer = Transfer::open({.io = owner_.io, .outbox = outbox_, .descriptor = port69_},
                                 std::move(route), std::move(entry.session));
  if (!transfer) {
    const auto why = transfer.error().text();
    end.trouble = why;
    return ended_(end);
  }
  running_.push_back({peer, port, *transfer});
  (*transfer)->start([this](const Transfer& ended) { on_ended(ended); });
}

void Transfers::on_ended(const Transfer& transfer) {
  const auto found = std::ranges::find_if(
      running_, [&](const Running& one) { return one.transfer.get() == &transfer; });
  // The coroutine that calls us holds the transfer, so it outlives this line.
  if (found != running_.end()) running_.erase(found);
  const auto& route = transfer.route();
  ended_(end_of(route.name, route.peer, transfer.session(),
                transfer.unreachable() ? kClosed : std::string_view{}));
}

void Transfers::check_unreachable(int descriptor) {
  while (const auto about = unreachable_peer(descriptor)) give_up(*about);
}

void Transfers::give_up(Endpoint peer) {
  if (const auto* entry = half_open_.find(peer)) {
    const auto over = half_open_.remove(*entry);
    return ended_(end_of(over.name.text(), over.peer, over.session, kClosed));
  }
  const auto found = std::ranges::find(running_, peer, &Running::peer);
  if (found == running_.end()) return;
  const auto transfer = found->transfer;  // it leaves `running_` when it ends
  transfer->give_up();
}

// No deadline of a transfer that begins meanwhile lies before the end of this wait.
void Transfers::arm() {
  const auto first = half_open_.deadline();
  if (armed_ || !first) return;
  armed_ = true;
  const auto now = Clock::now();
  timer_.expires_at(std::clamp<TimePoint>(*first, now + kRound,
                                          now + std::chrono::seconds(Session::kRetryAfter)));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    self->armed_ = false;
    if (error) return;  // close() cancelled it
    self->on_deadlines();
    self->arm();
  });
}

void Transfers::on_deadlines() {
  const auto now = Clock::now();
  // From the end, because what is removed makes room for the last one. `ended_` may close us.
  for (auto i = half_open_.size(); i-- > 0;) {
    if (i >= half_open_.size()) continue;
    auto& entry = half_open_.at(i);
    if (entry.session.deadline() > now) continue;
    entry.session.on_deadline(now);
    send(entry);
    settle(entry);
  }
}

}  // namespace slipway::tftp
