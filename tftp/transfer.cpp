#include "tftp/transfer.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/spawn.hpp"
#include "base/udp.hpp"

namespace slipway::tftp {

namespace asio = boost::asio;
using asio::ip::udp;

namespace {
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
}  // namespace

Transfer::Transfer(Shared shared, Route route, Session session)
    : shared_(shared),
      route_(std::move(route)),
      session_(std::move(session)),
      socket_(shared.io),
      timer_(shared.io) {}

Fallible<std::shared_ptr<Transfer>> Transfer::open(Shared shared, Route route, Session session) {
  if (shared.descriptor >= 0) {
    return std::make_shared<Transfer>(shared, std::move(route), std::move(session));
  }
  const auto fd = open_udp({.interface = route.interface,
                            .local = route.local,
                            .share_among_own = true,
                            .peer = route.peer,
                            .report_icmp = true,
                            .packet_info = false});
  if (!fd) return fail(fd.error(), "TFTP transfer");
  auto transfer = std::make_shared<Transfer>(shared, std::move(route), std::move(session));
  transfer->socket_.assign(udp::v4(), *fd);
  return transfer;
}

void Transfer::start(Ended ended) {
  ended_ = std::move(ended);
  send_all();
  const auto executor = timer_.get_executor();
  if (socket_.is_open()) spawn(executor, "tftp.receive", receive(shared_from_this()));
  spawn(executor, "tftp.watch", watch(shared_from_this()));
}

void Transfer::stop() {
  ended_ = nullptr;
  finish();
}

bool Transfer::running() const { return !finished_ && session_.status() == Status::running; }

// A datagram a turn: a window is answered by one ACK, so a second look would mostly find nothing.
asio::awaitable<void> Transfer::receive(std::shared_ptr<Transfer> self) {
  while (self->running()) {
    const auto waited = co_await self->socket_.async_wait(udp::socket::wait_read, kNoThrow);
    const auto& [error] = waited;
    if (error) break;
    self->take_datagram();
  }
  self->finish();
}

// The deadline moves with each ACK; the timer runs to the one it knew and then looks again, so
// that a datagram costs no work on the timer queue.
asio::awaitable<void> Transfer::watch(std::shared_ptr<Transfer> self) {
  while (self->running()) {
    self->timer_.expires_at(self->session_.deadline());
    const auto waited = co_await self->timer_.async_wait(kNoThrow);
    const auto& [error] = waited;
    if (error) break;
    self->session_.on_deadline(std::chrono::steady_clock::now());
    self->send_all();
  }
  self->finish();
}

void Transfer::take_datagram() {
  if (!running()) return;
  std::array<std::uint8_t, 600> in;  // an ACK has 4 octets; an ERROR's text may be cut
  Arrived arrived;
  // An ICMP error makes the socket ready, too, whether or not it fails the call.
  if (receive_udp(socket_.native_handle(), in, arrived) != Receive::datagram) {
    return check_unreachable();
  }
  // It came before the socket was connected. Its sender will repeat itself.
  if (arrived.from != route_.peer) return;
  session_.on_datagram(ByteView(in).first(arrived.octets), std::chrono::steady_clock::now());
  send_all();
}

void Transfer::hear(ByteView wire) {
  session_.on_datagram(wire, std::chrono::steady_clock::now());
  send_all();
  if (!running()) finish();
}

void Transfer::give_up() {
  unreachable_ = true;
  finish();
}

void Transfer::check_unreachable() {
  while (unreachable_peer(socket_.native_handle())) unreachable_ = true;
  if (unreachable_) finish();
}

void Transfer::send_all() {
  if (finished_) return;
  const bool own = socket_.is_open();
  const int descriptor = own ? socket_.native_handle() : shared_.descriptor;
  // A socket of its own is bound to address and interface.
  const Departure departure{.to = route_.peer,
                            .from = own ? Ipv4{} : route_.local.address,
                            .interface_index = own ? 0 : route_.interface_index};
  for (auto burst = session_.take(shared_.outbox); burst.datagrams > 0;
       burst = session_.take(shared_.outbox)) {
    // A failed send and a lost datagram look the same to the protocol: it will be sent again.
    (void)sender_.send(descriptor, burst, departure);
  }
}

// Closing the socket and the timer wakes the coroutines, which then let go of this object.
void Transfer::finish() {
  finished_ = true;
  boost::system::error_code ignored;  // a socket that fails to close is closed all the same
  (void)socket_.close(ignored);
  timer_.cancel();
  auto ended = std::exchange(ended_, nullptr);
  if (ended) ended(*this);
}

}  // namespace slipway::tftp
