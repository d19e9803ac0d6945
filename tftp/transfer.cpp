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
constexpr std::size_t kMaxDatagramOctets = kDataHeaderOctets + kMaxBlockOctets;
// Datagrams taken before other transfers get a turn.
constexpr int kBatch = 32;
}  // namespace

Transfer::Transfer(asio::io_context& io, Route route, Session session, Files& files)
    : route_(std::move(route)),
      session_(std::move(session)),
      files_(files),
      socket_(io),
      timer_(io),
      started_at_(std::chrono::steady_clock::now()) {}

Fallible<std::shared_ptr<Transfer>> Transfer::open(asio::io_context& io, Route route,
                                                   Session session, Files& files) {
  const auto fd = open_udp({.interface = route.interface,
                            .local = {.address = route.local, .port = 0},
                            .report_icmp = true});
  if (!fd) return fail(fd.error(), "TFTP transfer");
  auto transfer = std::make_shared<Transfer>(io, std::move(route), std::move(session), files);
  transfer->socket_.assign(udp::v4(), *fd);
  return transfer;
}

void Transfer::start(Ended ended) {
  ended_ = std::move(ended);
  send_all();
  const auto executor = socket_.get_executor();
  spawn(executor, "tftp.receive", receive(shared_from_this()));
  spawn(executor, "tftp.watch", watch(shared_from_this()));
}

void Transfer::stop() {
  ended_ = nullptr;
  finish();
}

bool Transfer::running() const { return socket_.is_open() && session_.status() == Status::running; }

asio::awaitable<void> Transfer::receive(std::shared_ptr<Transfer> self) {
  while (self->running()) {
    const auto waited = co_await self->socket_.async_wait(udp::socket::wait_read, kNoThrow);
    const auto& [error] = waited;
    if (error) break;
    self->drain();
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

void Transfer::drain() {
  std::array<std::uint8_t, 600> in;  // an ACK has 4 octets; an ERROR's text may be cut
  Arrived arrived;
  for (int i = 0; i < kBatch && running(); ++i) {
    const auto got = receive_udp(socket_.native_handle(), in, arrived);
    if (got == Receive::nothing) break;
    if (got == Receive::datagram) take_datagram(ByteView(in).first(arrived.octets), arrived.from);
  }
  check_unreachable();
}

void Transfer::take_datagram(ByteView wire, Endpoint from) {
  if (from != route_.peer) return refuse_stranger(from);
  session_.on_datagram(wire, std::chrono::steady_clock::now());
  send_all();
}

// RFC 1350 s.4: an ERROR to the stray sender, and the transfer goes on. A sender that we do not
// know gets nothing.
void Transfer::refuse_stranger(Endpoint from) {
  if (!files_.may_ask(from.address)) return;
  std::array<std::uint8_t, 64> out;
  Writer writer(out);
  write_error(writer, ErrorCode::unknown_transfer_id, "unknown transfer ID");
  (void)send_udp(socket_.native_handle(), writer.written(), {.to = from});  // loss is harmless
}

// ICMP errors about our ERROR to a stranger come here too and mean nothing.
void Transfer::check_unreachable() {
  while (const auto about = unreachable_peer(socket_.native_handle())) {
    if (*about == route_.peer) unreachable_ = true;
  }
  if (unreachable_) finish();
}

void Transfer::send_all() {
  std::array<std::uint8_t, kMaxDatagramOctets> out;
  if (!socket_.is_open()) return;
  for (auto octets = session_.take(out); octets > 0; octets = session_.take(out)) {
    // A failed send and a lost datagram look the same to the protocol: it will be sent again.
    (void)send_udp(socket_.native_handle(), ByteView(out).first(octets), {.to = route_.peer});
  }
}

// Closing the socket and the timer wakes both coroutines, which then let go of this object.
void Transfer::finish() {
  boost::system::error_code ignored;  // a socket that fails to close is closed all the same
  (void)socket_.close(ignored);
  timer_.cancel();
  auto ended = std::exchange(ended_, nullptr);
  if (ended) ended(*this);
}

}  // namespace slipway::tftp
