#include "http/connection.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <utility>

#include "http/target.hpp"

namespace slipway::http {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kReadOctets = 4'096;  // a head of firmware or curl has 100 to 400
constexpr std::size_t kMaxReadOctets = 65'536;

}  // namespace

Connection::Connection(asio::io_context& io, int descriptor, std::unique_ptr<Transport> transport,
                       std::shared_ptr<Hub> hub, Ends ends)
    : descriptor_(io, descriptor),
      transport_(std::move(transport)),
      wake_(io),
      hub_(std::move(hub)),
      ends_(ends) {
  hub_->connections.insert(this);
  ++hub_->per_address[ends_.peer.address.number()];
  allow(hub_->limits.header);  // who connects has something to say
}

Connection::~Connection() {
  if (exchange_) exchange_->wake = nullptr;  // the event loop ended before the reply came
  hub_->connections.erase(this);
  const auto found = hub_->per_address.find(ends_.peer.address.number());
  if (--found->second == 0) hub_->per_address.erase(found);
}

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  bool goes_on = co_await self->shake_hands();
  while (goes_on && !self->is_aborted_) goes_on = co_await self->serve_one();
  self->transport_->finish();
}

Connection::GoesOn Connection::shake_hands() {
  auto step = transport_->handshake();
  bool is_ready = true;
  while (is_ready && (step == Step::wants_read || step == Step::wants_write)) {
    is_ready = co_await wait(step);
    if (is_ready) step = transport_->handshake();
  }
  if (step == Step::foreign) ++hub_->refusals.wrong_protocol;
  if (step == Step::over) ++hub_->refusals.bad_handshake;
  co_return step == Step::done;
}

void Connection::sweep(TimePoint now) {
  const auto& limits = hub_->limits;
  const bool makes_room = is_idle_ && !is_first_ && hub_->is_crowded();
  const auto deadline = makes_room ? deadline_ - limits.idle + limits.header : deadline_;
  if (now < deadline) return;
  if (is_sending_ && is_fast_enough()) return allow(limits.stall);
  cut_off();
}

// What the peer's kernel has acknowledged. What waits in ours says nothing of the peer: there may
// be megabytes of it.
std::uint64_t Connection::taken_octets() {
  int waiting = 0;
  if (::ioctl(descriptor_.native_handle(), SIOCOUTQ, &waiting) != 0 || waiting < 0) waiting = 0;
  return total_octets_ - std::min(total_octets_, static_cast<std::uint64_t>(waiting));
}

bool Connection::is_fast_enough() {
  const auto& limits = hub_->limits;
  const auto taken = taken_octets();
  const auto moved = taken - std::exchange(taken_before_, taken);
  const auto milliseconds = static_cast<std::uint64_t>(limits.stall.count());
  return moved * 1'000 >= limits.min_octets_per_second * milliseconds;
}

void Connection::cut_off() {
  if (!is_idle_ || is_first_)
    ++hub_->refusals.cut_off;  // who only kept a connection did nothing wrong
  if (is_sending_) {
    // Else the kernel would keep what was not taken for minutes, in case he comes round.
    const ::linger none{.l_onoff = 1, .l_linger = 0};
    (void)::setsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  }
  descriptor_.cancel();
}

void Connection::drain() {
  if (is_idle_) abort();
}

void Connection::abort() {
  is_aborted_ = true;
  descriptor_.cancel();
  wake_.cancel();
}

void Connection::allow(milliseconds limit) { deadline_ = std::chrono::steady_clock::now() + limit; }

// Waits until the socket is what `step` wants. False: the connection is over.
Connection::GoesOn Connection::wait(Step step) {
  using Descriptor = asio::posix::stream_descriptor;
  if (is_aborted_ || (step != Step::wants_read && step != Step::wants_write)) co_return false;
  const auto kind = step == Step::wants_read ? Descriptor::wait_read : Descriptor::wait_write;
  auto result = co_await descriptor_.async_wait(kind, kNoThrow);
  auto& [error] = result;
  // What arrived before an abort must not reach a handler any more.
  co_return !error && !is_aborted_;
}

// Appends to in_ what the transport has, at most `octets`.
Step Connection::take_in(std::size_t octets) {
  const auto before = in_.size();
  Moved moved;
  in_.resize_and_overwrite(before + octets, [&](char* text, std::size_t) {
    moved = transport_->receive({text + before, octets});
    return before + moved.octets;
  });
  may_hold_more_ = moved.octets == octets;
  return moved.step;
}

// Reads up to `octets` more. Waits first: a client mostly has not sent its next request when it has
// just got an answer.
Connection::GoesOn Connection::fill(std::size_t octets) {
  auto step = may_hold_more_ ? take_in(octets) : Step::wants_read;
  while (step != Step::done) {
    const bool is_ready = co_await wait(step);
    if (!is_ready) co_return false;  // a reset after the last answer is how EDK2 says good-bye
    step = take_in(octets);
  }
  co_return true;
}

asio::awaitable<std::optional<RequestHead>> Connection::read_head() {
  if (!is_first_) allow(hub_->limits.idle);
  bool has_begun = false;
  while (true) {
    auto parsed = parse_request_head(in_);
    head_received_at_ = std::chrono::steady_clock::now();
    if (!parsed) {
      auto problem = answer_to(parsed.error());
      co_await refuse(make_exchange(RequestHead()), std::move(problem));
      co_return std::nullopt;
    }
    if (*parsed) {
      in_.erase(0, (*parsed)->octets);
      co_return *std::move(parsed);
    }
    if (!in_.empty() && !has_begun) allow(hub_->limits.header);
    has_begun = !in_.empty();
    is_idle_ = !has_begun;
    if (is_idle_ && hub_->draining) co_return std::nullopt;
    const bool is_filled = co_await fill(kReadOctets);
    is_idle_ = false;
    if (!is_filled) co_return std::nullopt;
  }
}

// A head that cannot be read.
Response Connection::answer_to(std::error_code error) {
  if (error == Errc::tls) ++hub_->refusals.wrong_protocol;
  return status_problem(status_of(error), error.message());
}

// The body ends up at the start of in_.
Connection::GoesOn Connection::read_body(std::uint64_t octets, bool expects_continue) {
  allow(hub_->limits.body);
  if (expects_continue && in_.size() < octets) {
    Wire go_on;
    go_on.pieces.emplace_back("HTTP/1.1 100 Continue\r\n\r\n");
    Outgoing outgoing(std::move(go_on));
    const bool is_sent = co_await send(std::move(outgoing));
    if (!is_sent) co_return false;
    allow(hub_->limits.body);
  }
  while (in_.size() < octets) {
    // Room for as much as has come already: who announces much and sends little holds little.
    const auto room = std::clamp(in_.size(), kReadOctets, kMaxReadOctets);
    const bool is_filled = co_await fill(std::min<std::uint64_t>(octets - in_.size(), room));
    if (!is_filled) co_return false;
  }
  co_return true;
}

std::shared_ptr<Exchange> Connection::make_exchange(RequestHead head) {
  auto exchange = std::make_shared<Exchange>();
  auto& request = exchange->request;
  request.method = head.method;
  request.path = std::move(head.path);
  request.query = std::move(head.query);
  request.headers = std::move(head.headers);
  request.peer = ends_.peer;
  request.local_address = ends_.local_address;
  request.local_port = ends_.local_port;
  return exchange;
}

// One request and its answer.
Connection::GoesOn Connection::serve_one() {
  auto head = co_await read_head();
  if (!head) co_return false;
  is_first_ = false;
  is_http_1_0_ = head->is_http_1_0;
  const auto body_octets = head->content_length;
  const bool expects_continue = head->expects_continue;
  const bool keep_alive = head->keep_alive;
  auto match = hub_->router.match(head->method, head->path);
  auto exchange = make_exchange(*std::move(head));
  if (match.handler == nullptr && body_octets == 0) {
    co_return co_await answer(exchange, unrouted(match), keep_alive);
  }
  if (match.handler == nullptr || body_octets > match.max_body_octets) {
    co_await refuse(exchange, match.handler == nullptr ? unrouted(match) : too_large(match));
    co_return false;
  }
  if (body_octets > 0) {
    const bool has_body = co_await read_body(body_octets, expects_continue);
    if (!has_body) co_return false;
    take_body(exchange->request, body_octets);
  }
  exchange->request.captures = std::move(match.captures);
  deadline_ = TimePoint::max();
  (*match.handler)(exchange->request, reply_to(exchange));
  if (!exchange->response) co_await await_reply(exchange);  // mostly it is there already
  if (is_aborted_) co_return false;
  co_return co_await answer(exchange, *std::move(exchange->response), keep_alive);
}

void Connection::take_body(Request& request, std::size_t octets) {
  request.body = in_.substr(0, octets);
  in_.erase(0, octets);
  if (in_.capacity() > kMaxReadOctets)
    in_.shrink_to_fit();  // one large body, then a long idle time
}

// Afterwards there is an answer, unless the connection was aborted.
asio::awaitable<void> Connection::await_reply(std::shared_ptr<Exchange> exchange) {
  if (is_aborted_) co_return;
  exchange->wake = [this] { wake_.cancel(); };
  exchange_ = exchange;
  wake_.expires_after(hub_->limits.handler);
  auto result = co_await wake_.async_wait(kNoThrow);
  (void)result;  // cancelled or not: what counts is whether there is an answer
  exchange->wake = nullptr;
  exchange_ = nullptr;
  if (!exchange->response) {
    exchange->response = status_problem(503, "the answer took too long: try again");
  }
}

Connection::GoesOn Connection::answer(std::shared_ptr<Exchange> exchange, Response response,
                                      bool keep_alive) {
  Delivery delivery;
  delivery.date = hub_->date();
  delivery.keep_alive = keep_alive && !hub_->draining;
  delivery.is_http_1_0 = is_http_1_0_;
  auto wire = respond(exchange->request, std::move(response), delivery);
  const int status = wire.status;
  Outgoing outgoing(std::move(wire));
  sent_octets_ = 0;
  const bool is_sent = co_await send(std::move(outgoing));
  observe(exchange->request, status, is_sent);
  const bool goes_on = is_sent && delivery.keep_alive;
  co_return goes_on;
}

// Answers a request whose rest is not wanted, and ends the connection.
asio::awaitable<void> Connection::refuse(std::shared_ptr<Exchange> exchange, Response response) {
  const bool is_open = co_await answer(std::move(exchange), std::move(response), false);
  (void)is_open;  // it was told to close
  co_await linger();
}

// Closing with unread octets makes the kernel send RST, which can destroy the answer on its way:
// so the client gets some time to read it and to stop sending.
asio::awaitable<void> Connection::linger() {
  constexpr std::uint64_t kMaxDiscardedOctets = 1U << 20U;
  transport_->finish();
  allow(milliseconds(2'000));
  std::uint64_t discarded = 0;
  bool goes_on = true;
  while (goes_on && discarded < kMaxDiscardedOctets) {
    in_.clear();
    goes_on = co_await fill(kMaxReadOctets);
    discarded += in_.size();
    if (std::chrono::steady_clock::now() >= deadline_) goes_on = false;
  }
}

// A client may be slow, or pause, but not hold an answer for ever by taking an octet now and then:
// sweep() looks after its rate.
Connection::GoesOn Connection::send(Outgoing outgoing) {
  is_sending_ = true;
  allow(hub_->limits.stall);
  std::size_t turn_octets = 0;
  bool is_open = true;
  while (is_open && !outgoing.is_done()) {
    const auto moved = outgoing.push(*transport_);
    sent_octets_ += moved.octets;
    total_octets_ += moved.octets;
    turn_octets += moved.octets;
    if (moved.step != Step::done) {
      is_open = co_await wait(moved.step);
      turn_octets = 0;
    } else if (turn_octets >= Outgoing::kTurnOctets && !outgoing.is_done()) {
      co_await asio::post(descriptor_.get_executor(), asio::use_awaitable);
      is_open = !is_aborted_;
      turn_octets = 0;
    }
  }
  is_sending_ = false;
  co_return is_open;
}

void Connection::observe(const Request& request, int status, bool complete) const {
  if (!hub_->observer) return;
  Access access;
  access.method = to_text(request.method);
  access.path = path_for_log(request.path);
  access.status = status;
  access.octets = sent_octets_;
  access.complete = complete;
  access.peer = ends_.peer;
  access.agent = request.header("User-Agent").value_or("");
  access.elapsed = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() -
                                                            head_received_at_);
  hub_->observer(access);
}

}  // namespace slipway::http
