#include "http/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/spawn.hpp"
#include "http/connection.hpp"

namespace slipway::http {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

// A listener that the event loop watches. Lets go of the descriptor before the listener closes it.
struct Door {
  Listener listener;
  std::shared_ptr<const Tls> tls;  // null: plain HTTP
  asio::posix::stream_descriptor watch;

  Door(asio::io_context& io, Listener opened, std::shared_ptr<const Tls> spoken)
      : listener(std::move(opened)), tls(std::move(spoken)), watch(io, listener.descriptor()) {}
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  ~Door() { (void)watch.release(); }
};

Ends ends_of_tcp(int descriptor, const sockaddr_in& remote) {
  Ends ends;
  ends.peer.address = Ipv4::from_number(ntohl(remote.sin_addr.s_addr));
  ends.peer.port = ntohs(remote.sin_port);
  sockaddr_in local{};
  socklen_t octets = sizeof(local);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&local), &octets) == 0) {
    ends.local_address = Ipv4::from_number(ntohl(local.sin_addr.s_addr));
    ends.local_port = ntohs(local.sin_port);
  }
  return ends;
}

// Without credentials the peer is nobody (65534), never root.
Ends ends_of_unix(int descriptor) {
  constexpr std::uint32_t kNobody = 65534;
  ucred user{};
  socklen_t octets = sizeof(user);
  const bool known = ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &user, &octets) == 0;
  Ends ends;
  ends.peer.unix_user = known ? user.uid : kNobody;
  return ends;
}

Ends ends_of(int descriptor, const sockaddr_in& remote) {
  if (remote.sin_family != AF_INET) return ends_of_unix(descriptor);
  // Answers are whole when they are sent: waiting for more (Nagle) only delays their tails.
  const int yes = 1;
  (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  return ends_of_tcp(descriptor, remote);
}

// Who speaks TLS is not told why: a handshake for that would cost more than the connection.
void turn_away(int descriptor, const Tls* tls) {
  constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  // A courtesy: it fits the empty send buffer or is lost.
  if (tls == nullptr) (void)::send(descriptor, kBusy.data(), kBusy.size(), MSG_NOSIGNAL);
  (void)::close(descriptor);
}

// How often deadlines are looked at: a quarter of the shortest, within 10 ms and 1 s.
milliseconds sweep_period(const Limits& limits) {
  const auto shortest = std::min({limits.header, limits.idle, limits.body, limits.stall});
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(1'000));
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::io_context& context, std::shared_ptr<Hub> shared)
      : io(context), hub(std::move(shared)), tick(context) {}

  asio::io_context& io;
  std::shared_ptr<Hub> hub;
  asio::steady_timer tick;
  std::vector<std::shared_ptr<Door>> doors;
  TimePoint drained_at = TimePoint::max();  // when what still runs is cut
  Refusals said;                            // what the log has been told of

  static asio::awaitable<void> accept(std::shared_ptr<State> self, std::shared_ptr<Door> door);
  static asio::awaitable<void> sweep(std::shared_ptr<State> self);

  int accept_waiting(const Door& door);
  void admit(const Door& door, int descriptor, const Ends& ends);
  void sweep_once(TimePoint now);
  void say_refusals();
  void close_doors();
  void abort();
};

asio::awaitable<void> Server::State::accept(std::shared_ptr<State> self,
                                            std::shared_ptr<Door> door) {
  asio::steady_timer pause(self->io);
  while (!self->hub->draining) {
    auto result =
        co_await door->watch.async_wait(asio::posix::stream_descriptor::wait_read, kNoThrow);
    auto& [error] = result;
    if (error) co_return;  // the door was closed
    const int failure = self->accept_waiting(*door);
    if (failure == 0) continue;
    log::error("http.accept_failed", {{"listener", door->listener.text()},
                                      {"why", std::generic_category().message(failure)}});
    pause.expires_after(milliseconds(1'000));  // out of descriptors or memory: spinning makes none
    auto paused = co_await pause.async_wait(kNoThrow);
    (void)paused;  // nobody cancels it
  }
}

// Takes what waits, at most a batch so that connections get their turn. Gives the error
// number when the kernel has no room for a connection, else 0: a client that hung up in the queue
// is no failure of ours.
int Server::State::accept_waiting(const Door& door) {
  constexpr int kBatch = 64;
  for (int i = 0; i < kBatch; ++i) {
    sockaddr_in remote{};
    socklen_t octets = sizeof(remote);
    const int descriptor =
        ::accept4(door.listener.descriptor(), reinterpret_cast<sockaddr*>(&remote), &octets,
                  SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      admit(door, descriptor, ends_of(descriptor, remote));
      continue;
    }
    const bool is_full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return is_full ? errno : 0;
  }
  return 0;
}

void Server::State::admit(const Door& door, int descriptor, const Ends& ends) {
  auto transport = !hub->has_room(ends.peer) ? nullptr
                   : door.tls                ? door.tls->accept(descriptor)
                                             : plain_transport(descriptor);
  if (!transport) {
    ++hub->refusals.turned_away;
    return turn_away(descriptor, door.tls.get());
  }
  auto connection = std::make_shared<Connection>(io, descriptor, std::move(transport), hub, ends);
  const auto executor = io.get_executor();
  spawn(executor, "http.connection", Connection::run(std::move(connection)));
}

// One timer for all deadlines: a timer for each wait would cost more than most requests do.
asio::awaitable<void> Server::State::sweep(std::shared_ptr<State> self) {
  const auto period = sweep_period(self->hub->limits);
  while (!self->hub->draining || !self->hub->connections.empty()) {
    self->tick.expires_after(self->hub->draining ? milliseconds(10) : period);
    auto result = co_await self->tick.async_wait(kNoThrow);
    (void)result;  // stop() cancels the wait to shorten it
    self->sweep_once(std::chrono::steady_clock::now());
  }
}

void Server::State::sweep_once(TimePoint now) {
  for (auto* connection : hub->connections) connection->sweep(now);
  if (now >= drained_at) abort();
  say_refusals();
}

void Server::State::say_refusals() {
  const auto say = [&](std::string_view event, std::uint64_t Refusals::* kind) {
    const auto& all = hub->refusals.*kind;
    const auto fresh = all - std::exchange(said.*kind, all);
    if (fresh == 0) return;
    log::warn(event, {{"connections", fresh}, {"served", hub->connections.size()}});
  };
  say("http.turned_away", &Refusals::turned_away);
  say("http.cut_off", &Refusals::cut_off);
  say("http.wrong_protocol", &Refusals::wrong_protocol);
  say("http.bad_handshake", &Refusals::bad_handshake);
}

void Server::State::close_doors() {
  for (const auto& door : doors) door->watch.cancel();
  doors.clear();
}

void Server::State::abort() {
  for (auto* connection : hub->connections) connection->abort();
}

Server::Server(asio::io_context& io, Router router, Limits limits, Observer observer) {
  (void)std::signal(SIGPIPE, SIG_IGN);  // cannot fail for this signal
  auto hub = std::make_shared<Hub>();
  hub->router = std::move(router);
  hub->limits = limits;
  hub->observer = std::move(observer);
  state_ = std::make_shared<State>(io, std::move(hub));
  const auto executor = io.get_executor();
  spawn(executor, "http.sweep", State::sweep(state_));
}

Server::~Server() {
  stop();
  state_->abort();
}

void Server::expect(Expected expected) { state_->hub->expected = std::move(expected); }

void Server::serve(Listener listener, std::shared_ptr<const Tls> tls) {
  auto door = std::make_shared<Door>(state_->io, std::move(listener), std::move(tls));
  state_->doors.push_back(door);
  const auto executor = state_->io.get_executor();
  spawn(executor, "http.accept", State::accept(state_, std::move(door)));
}

void Server::stop() {
  if (state_->hub->draining) return;
  state_->hub->draining = true;
  state_->drained_at = std::chrono::steady_clock::now() + state_->hub->limits.drain;
  state_->close_doors();
  for (auto* connection : state_->hub->connections) connection->drain();
  state_->tick.cancel();
}

std::size_t Server::connections() const { return state_->hub->connections.size(); }

const Refusals& Server::refusals() const { return state_->hub->refusals; }

}  // namespace slipway::http
