#include "http/connection.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
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
// What one connection may send before the others get their turn.
constexpr std::size_t kTurnOctets = 1U << 20U;

// The reply to one request, as the handler holds it. Dropped uncalled, it answers 500.
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  Ticket(Ticket&&) noexcept = default;
  Ticket& operator=(Ticket&&) = delete;
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!exchange_) return;
    exchange_->deliver(Response::problem(500, reason_of(500),
                                         "the request was dropped without an answer: see the log"));
  }

  void operator()(Response response) {
    if (!exchange_) return;  // a second call
    std::exchange(exchange_, nullptr)->deliver(std::move(response));
  }

 private:
  std::shared_ptr<Exchange> exchange_;
};

Response status_problem(int status, std::string_view detail) {
  return Response::problem(status, reason_of(status), detail);
}

Response unrouted(const Match& match) {
  if (match.status != 405) return status_problem(404, "nothing is published under this path");
  auto response = status_problem(405, "the path takes only " + match.allow);
  response.headers.push_back({"Allow", match.allow});
  return response;
}

Response too_large(const Match& match) {
  return status_problem(413, "this path takes bodies of at most " +
                                 std::to_string(match.max_body_octets) + " octets");
}

// Whether the kernel asks to try again: at once, or (EAGAIN) when the socket is writable.
enum class Sent { some, interrupted, full, broken };

Sent classify(ssize_t result) {
  if (result > 0) return Sent::some;
  if (result == 0) return Sent::broken;  // sendfile: the file became shorter
  if (errno == EINTR) return Sent::interrupted;
  return errno == EAGAIN ? Sent::full : Sent::broken;
}

}  // namespace

void Exchange::deliver(Response answer) {
  if (response) return;
  response = std::move(answer);
  if (waiter != nullptr) waiter->wake();
}

Connection::Connection(asio::io_context& io, int descriptor, std::shared_ptr<Hub> hub, Ends ends)
    : descriptor_(io, descriptor), wake_(io), hub_(std::move(hub)), ends_(ends) {
  hub_->connections.insert(this);
  ++hub_->per_address[ends_.peer.address.number()];
  allow(hub_->limits.header);  // who connects has something to say
}

Connection::~Connection() {
  if (exchange_) exchange_->waiter = nullptr;  // the event loop ended before the reply came
  hub_->connections.erase(this);
  const auto found = hub_->per_address.find(ends_.peer.address.number());
  if (--found->second == 0) hub_->per_address.erase(found);
}

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  bool goes_on = true;
  while (goes_on && !self->is_aborted_) goes_on = co_await self->serve_one();
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
  if (!is_idle_ || is_first_) ++hub_->cut_off;  // who only kept a connection did nothing wrong
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

void Connection::wake() { wake_.cancel(); }

void Connection::allow(milliseconds limit) { deadline_ = std::chrono::steady_clock::now() + limit; }

void Connection::note_progress(std::size_t octets) {
  sent_octets_ += octets;
  total_octets_ += octets;
}

// Reads up to `octets` more.
Connection::GoesOn Connection::fill(std::size_t octets) {
  if (is_aborted_) co_return false;
  const auto before = in_.size();
  in_.resize(before + octets);
  const auto buffer = asio::buffer(in_.data() + before, octets);
  auto result = co_await descriptor_.async_read_some(buffer, kNoThrow);
  auto& [error, received] = result;
  in_.resize(before + received);
  // A reset after the last answer is how EDK2 says good-bye. What arrived before an abort must not
  // reach a handler any more.
  co_return !error && !is_aborted_;
}

asio::awaitable<std::optional<RequestHead>> Connection::read_head() {
  if (!is_first_) allow(hub_->limits.idle);
  bool has_begun = false;
  while (true) {
    auto parsed = parse_request_head(in_);
    head_received_at_ = std::chrono::steady_clock::now();
    if (!parsed) {
      const auto error = parsed.error();
      auto problem = status_problem(status_of(error), error.message());
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

// The body ends up at the start of in_.
Connection::GoesOn Connection::read_body(std::uint64_t octets, bool expects_continue) {
  allow(hub_->limits.body);
  if (expects_continue && in_.size() < octets) {
    std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const bool is_sent = co_await send_text(std::move(go_on), false);
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
  const bool has_body = co_await read_body(body_octets, expects_continue);
  if (!has_body) co_return false;
  exchange->request.body = in_.substr(0, body_octets);
  in_.erase(0, body_octets);
  if (in_.capacity() > kMaxReadOctets)
    in_.shrink_to_fit();  // one large body, then a long idle time
  auto response = co_await decide(exchange, std::move(match));
  if (is_aborted_) co_return false;
  co_return co_await answer(exchange, std::move(response), keep_alive);
}

// Calls the handler and waits until it replies, which it mostly does before it returns.
asio::awaitable<Response> Connection::decide(std::shared_ptr<Exchange> exchange, Match match) {
  exchange->request.captures = std::move(match.captures);
  deadline_ = TimePoint::max();
  (*match.handler)(exchange->request, Ticket(exchange));
  if (!exchange->response && !is_aborted_) {
    exchange->waiter = this;
    exchange_ = exchange;
    wake_.expires_after(hub_->limits.handler);
    auto result = co_await wake_.async_wait(kNoThrow);
    (void)result;  // cancelled or not: what counts is whether there is an answer
    exchange->waiter = nullptr;
    exchange_ = nullptr;
  }
  if (!exchange->response) {
    exchange->response = status_problem(503, "the answer took too long: try again");
  }
  co_return *std::move(exchange->response);
}

Connection::GoesOn Connection::answer(std::shared_ptr<Exchange> exchange, Response response,
                                      bool keep_alive) {
  Delivery delivery;
  delivery.date = hub_->date();
  delivery.keep_alive = keep_alive && !hub_->draining;
  delivery.is_http_1_0 = is_http_1_0_;
  auto wire = respond(exchange->request, std::move(response), delivery);
  const int status = wire.status;
  const bool is_sent = co_await send(std::move(wire));
  observe(exchange->request, status, is_sent);
  co_return is_sent&& delivery.keep_alive;
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
  (void)::shutdown(descriptor_.native_handle(), SHUT_WR);  // fails only if the client is gone
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
Connection::GoesOn Connection::send(Wire wire) {
  sent_octets_ = 0;
  is_sending_ = true;
  allow(hub_->limits.stall);
  bool is_sent = true;
  for (std::size_t i = 0; i < wire.pieces.size() && is_sent; ++i) {
    const bool more_follows = i + 1 < wire.pieces.size();
    if (auto* text = std::get_if<std::string>(&wire.pieces[i])) {
      is_sent = co_await send_text(std::move(*text), more_follows);
    } else {
      is_sent = co_await send_file(std::get<FileSlice>(wire.pieces[i]));
    }
  }
  is_sending_ = false;
  co_return is_sent;
}

Connection::GoesOn Connection::send_text(std::string text, bool more_follows) {
  const int flags = MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto count = ::send(descriptor_.native_handle(), rest.data(), rest.size(), flags);
    const auto sent = classify(count);
    if (sent == Sent::broken) co_return false;
    if (sent == Sent::some) {
      rest.remove_prefix(static_cast<std::size_t>(count));
      note_progress(static_cast<std::size_t>(count));
    }
    if (sent != Sent::full) continue;
    const bool is_writable = co_await wait_writable();
    if (!is_writable) co_return false;
  }
  co_return true;
}

Connection::GoesOn Connection::send_file(FileSlice slice) {
  auto offset = static_cast<off_t>(slice.offset);
  while (slice.octets > 0) {
    const auto wanted = std::min<std::uint64_t>(slice.octets, kTurnOctets);
    const auto count =
        ::sendfile(descriptor_.native_handle(), slice.file->descriptor(), &offset, wanted);
    const auto sent = classify(count);
    if (sent == Sent::broken || is_aborted_) co_return false;
    if (sent == Sent::some) {
      slice.octets -= static_cast<std::uint64_t>(count);
      note_progress(static_cast<std::size_t>(count));
    }
    if (sent == Sent::full) {
      const bool is_writable = co_await wait_writable();
      if (!is_writable) co_return false;
    } else if (slice.octets > 0) {
      co_await asio::post(descriptor_.get_executor(), asio::use_awaitable);
    }
  }
  co_return true;
}

Connection::GoesOn Connection::wait_writable() {
  if (is_aborted_) co_return false;
  auto result =
      co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_write, kNoThrow);
  auto& [error] = result;
  co_return !error;
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
