#include "tftp/server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <vector>

#include "base/log.hpp"
#include "base/log_limiter.hpp"
#include "base/spawn.hpp"
#include "base/udp.hpp"
#include "tftp/name.hpp"
#include "tftp/transfer.hpp"

namespace slipway::tftp {

namespace asio = boost::asio;
using asio::ip::udp;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr int kBatch = 64;  // datagrams taken before other work of the thread gets a turn
constexpr std::uint32_t kHeaderOctets = 32;  // IP 20, UDP 8, TFTP 4
constexpr std::uint32_t kMinMtuOctets = 576;

enum Event : std::uint8_t { stranger, missing, refused, failed };
constexpr std::array<std::string_view, 4> kEventNames{"tftp.stranger", "tftp.missing",
                                                      "tftp.refused", "tftp.failed"};

// A request that is answered with an ERROR datagram.
struct Refusal {
  ErrorCode code;
  std::string_view text;
};

}  // namespace

struct Server::State {
  // `request` tells a repetition, which the running transfer answers, from a new request of a
  // client that reuses its port.
  struct Running {
    Endpoint peer;
    std::shared_ptr<Transfer> transfer;
    std::size_t request;
  };

  State(asio::io_context& context, ServerSettings wanted, Files& publishes)
      : io(context), settings(std::move(wanted)), files(publishes), socket(context) {}

  Fallible<void> open();
  void close();
  void drain();
  void handle(ByteView wire, const Arrived& arrived);
  bool pass_on(ByteView wire, Endpoint from);
  void check_unreachable();
  std::vector<Running>::iterator find(Endpoint peer);
  void begin(const Request& request, ByteView wire, const Arrived& arrived);
  void run(Route route, std::shared_ptr<const Source> source, const Terms& terms,
           std::size_t request);
  void refuse(const Arrived& arrived, std::string_view name, Refusal refusal);
  bool make_room(Endpoint peer);
  bool evict_oldest_unanswered(std::optional<Ipv4> peer);
  bool is_repetition(Endpoint peer, std::size_t request);
  void on_ended(const Transfer& transfer);
  void report(const Transfer& transfer);
  void log_limited(log::Level level, Event event, Ipv4 peer, std::string_view name,
                   std::string_view why);

  static asio::awaitable<void> serve(std::shared_ptr<State> state);

  asio::io_context& io;
  ServerSettings settings;
  Files& files;
  udp::socket socket;
  Outbox outbox;
  std::vector<Running> running;
  Counters counters;
  LogLimiter limiter{std::chrono::seconds(2)};
  std::array<std::uint8_t, 2048> in{};
};

Fallible<void> Server::State::open() {
  const auto mtu = interface_mtu(settings.interface);
  if (!mtu) return fail(mtu.error(), "TFTP");
  const auto fits = std::max(*mtu, kMinMtuOctets) - kHeaderOctets;
  settings.max_block_octets = static_cast<std::uint16_t>(
      std::min({std::uint32_t{settings.max_block_octets}, fits, std::uint32_t{kMaxBlockOctets}}));
  const auto fd = open_udp({.interface = settings.interface,
                            .local = {.address = {}, .port = settings.port},
                            .report_icmp = settings.single_port});
  if (!fd) return fail(fd.error(), "TFTP");
  socket.assign(udp::v4(), *fd);
  running.reserve(settings.max_transfers);
  return {};
}

void Server::State::close() {
  boost::system::error_code ignored;  // a socket that fails to close is closed all the same
  (void)socket.close(ignored);
  const auto cut = std::exchange(running, {});
  for (const auto& one : cut) one.transfer->stop();
}

asio::awaitable<void> Server::State::serve(std::shared_ptr<State> state) {
  while (state->socket.is_open()) {
    const auto waited = co_await state->socket.async_wait(udp::socket::wait_read, kNoThrow);
    const auto& [error] = waited;
    if (error) co_return;  // stop() closed the socket
    state->drain();
  }
}

void Server::State::drain() {
  Arrived arrived;
  // Files may stop the server, so the socket is asked for each time.
  for (int i = 0; i < kBatch && socket.is_open(); ++i) {
    const auto got = receive_udp(socket.native_handle(), in, arrived);
    if (got == Receive::datagram) {
      handle(ByteView(in).first(arrived.octets), arrived);
    } else {
      check_unreachable();
    }
    if (got == Receive::nothing) return;
  }
}

// In single-port mode the ICMP errors about all transfers come here.
void Server::State::check_unreachable() {
  while (settings.single_port && socket.is_open()) {
    const auto about = unreachable_peer(socket.native_handle());
    if (!about) return;
    const auto found = find(*about);
    if (found == running.end()) continue;
    const auto transfer = found->transfer;  // it leaves `running` when it ends
    transfer->give_up();
  }
}

std::vector<Server::State::Running>::iterator Server::State::find(Endpoint peer) {
  return std::ranges::find(running, peer, &Running::peer);
}

// In single-port mode, what is no request belongs to the transfer of its sender, if there is one.
bool Server::State::pass_on(ByteView wire, Endpoint from) {
  if (!settings.single_port || !parse_answer(wire)) return false;
  const auto found = find(from);
  if (found == running.end()) return false;
  const auto transfer = found->transfer;  // it leaves `running` when it ends
  transfer->hear(wire);
  return true;
}

void Server::State::handle(ByteView wire, const Arrived& arrived) {
  if (pass_on(wire, arrived.from)) return;
  ++counters.requests;
  if (!files.may_ask(arrived.from.address)) {
    ++counters.strangers;
    return log_limited(log::Level::warn, stranger, arrived.from.address, {},
                       "no network boot of this address was seen");
  }
  const auto request = parse_request(wire);
  if (!request || arrived.from.port == 0) {
    ++counters.malformed;
    return;
  }
  begin(*request, wire, arrived);
}

void Server::State::begin(const Request& request, ByteView wire, const Arrived& arrived) {
  if (request.write) {
    return refuse(arrived, request.name, {ErrorCode::access_violation, "this server only reads"});
  }
  // netascii would change the octets of a boot program.
  if (!is_octet_mode(request.mode)) {
    return refuse(arrived, request.name, {ErrorCode::illegal_operation, "only mode octet"});
  }
  const auto fingerprint = std::hash<std::string_view>{}(as_text(wire));
  if (is_repetition(arrived.from, fingerprint)) {
    ++counters.repeated;
    return;
  }
  std::array<char, kMaxNameOctets> name_room{};
  const auto name = normalise_name(request.name, name_room);
  if (!name) return refuse(arrived, request.name, {ErrorCode::access_violation, "bad file name"});
  auto source = files.open(*name, arrived.from.address, arrived.to);
  if (!source) return refuse(arrived, *name, {ErrorCode::not_found, "file not found"});
  if (!make_room(arrived.from)) {
    return refuse(arrived, *name, {ErrorCode::undefined, "too many transfers, try again"});
  }
  const auto terms = agree(request.options, settings.max_block_octets);
  run({.interface = settings.interface,
       .local = arrived.to,
       .peer = arrived.from,
       .name = std::string(*name),
       .interface_index = arrived.interface_index},
      std::move(source), terms, fingerprint);
}

void Server::State::run(Route route, std::shared_ptr<const Source> source, const Terms& terms,
                        std::size_t request) {
  Session session(std::move(source), terms, std::chrono::steady_clock::now());
  const auto peer = route.peer;
  const int shared = settings.single_port ? socket.native_handle() : -1;
  auto transfer = Transfer::open({.io = io, .files = files, .outbox = outbox, .descriptor = shared},
                                 std::move(route), std::move(session));
  if (!transfer) {
    ++counters.failed;
    log::error("tftp.failed", {{"peer", peer.address.text()}, {"why", transfer.error().text()}});
    return;
  }
  ++counters.started;
  running.push_back({peer, *transfer, request});
  (*transfer)->start([this](const Transfer& ended) { on_ended(ended); });
}

// From port 69: clients that have no transfer ID of ours yet accept it from there.
void Server::State::refuse(const Arrived& arrived, std::string_view name, Refusal refusal) {
  ++counters.refused;
  std::array<std::uint8_t, 128> out;
  Writer writer(out);
  write_error(writer, refusal.code, refusal.text);
  (void)send_udp(
      socket.native_handle(), writer.written(),  // if it is lost, the client asks again
      {.to = arrived.from, .from = arrived.to, .interface_index = arrived.interface_index});
  // Boot programs probe for files that need not exist, and a 404 is what they expect.
  const bool probe = refusal.code == ErrorCode::not_found;
  log_limited(probe ? log::Level::info : log::Level::warn, probe ? missing : refused,
              arrived.from.address, name, refusal.text);
}

// The same request again, while its transfer has not been answered: our own repetition is on its
// way. A different request from the same port means that the client gave the old transfer up.
bool Server::State::is_repetition(Endpoint peer, std::size_t request) {
  const auto found = find(peer);
  if (found == running.end()) return false;
  if (found->request == request && !found->transfer->session().answered()) return true;
  const auto old = std::move(found->transfer);
  running.erase(found);
  ++counters.aborted;
  old->stop();
  return false;
}

bool Server::State::make_room(Endpoint peer) {
  const auto of_peer = std::ranges::count_if(
      running, [&](const Running& one) { return one.peer.address == peer.address; });
  if (static_cast<std::size_t>(of_peer) >= settings.max_transfers_per_peer &&
      !evict_oldest_unanswered(peer.address)) {
    return false;
  }
  return running.size() < settings.max_transfers || evict_oldest_unanswered(std::nullopt);
}

// `running` is in the order of the starts. A transfer that was answered is never pushed out.
bool Server::State::evict_oldest_unanswered(std::optional<Ipv4> peer) {
  const auto found = std::ranges::find_if(running, [&](const Running& one) {
    return !one.transfer->session().answered() && (!peer || one.peer.address == *peer);
  });
  if (found == running.end()) return false;
  const auto old = std::move(found->transfer);
  running.erase(found);
  ++counters.evicted;
  old->stop();
  return true;
}

void Server::State::on_ended(const Transfer& transfer) {
  const auto found = std::ranges::find_if(
      running, [&](const Running& one) { return one.transfer.get() == &transfer; });
  // The coroutine that calls us holds the transfer, so it outlives this line.
  if (found != running.end()) running.erase(found);
  report(transfer);
}

void Server::State::report(const Transfer& transfer) {
  const auto& route = transfer.route();
  const auto& session = transfer.session();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - transfer.started_at());
  if (session.status() == Status::done) {
    ++counters.completed;
    counters.octets += session.size_octets();
    log::info("tftp.sent", {{"peer", route.peer.address.text()},
                            {"file", route.name},
                            {"octets", session.size_octets()},
                            {"ms", took.count()}});
    files.sent(route.name, route.peer.address, session.size_octets());
  } else if (session.status() == Status::client_aborted) {
    ++counters.aborted;  // every size probe ends so (RFC 2347 error 8)
    log::debug("tftp.aborted", {{"peer", route.peer.address.text()},
                                {"file", route.name},
                                {"code", static_cast<int>(session.client_error())}});
  } else {
    const bool answered = session.answered();
    files.broke_off(route.name, route.peer.address, answered);
    ++(answered || transfer.unreachable() ? counters.failed : counters.unanswered);
    log_limited(log::Level::warn, failed, route.peer.address, route.name,
                transfer.unreachable()                      ? "the client's port is closed"
                : session.status() == Status::source_failed ? "the file could not be read"
                : answered                                  ? "the client went silent"
                                                            : "the client never answered");
  }
}

void Server::State::log_limited(log::Level level, Event event, Ipv4 peer, std::string_view name,
                                std::string_view why) {
  if (!limiter.allow(peer.octets, event, std::chrono::steady_clock::now())) {
    level = log::Level::debug;
  }
  if (!log::enabled(level)) return;
  log::write(
      level, kEventNames[event],
      {{"peer", peer.text()}, {"file", name}, {"why", why}, {"interface", settings.interface}});
}

Server::Server(asio::io_context& io, ServerSettings settings, Files& files)
    : state_(std::make_shared<State>(io, std::move(settings), files)) {}

Server::~Server() { stop(); }

Fallible<void> Server::start() {
  auto opened = state_->open();
  if (!opened) return opened;
  const auto executor = state_->socket.get_executor();
  spawn(executor, "tftp.serve", State::serve(state_));
  log::info("tftp.started", {{"interface", state_->settings.interface},
                             {"port", port()},
                             {"max_block_octets", state_->settings.max_block_octets}});
  return {};
}

void Server::stop() { state_->close(); }

std::uint16_t Server::port() const {
  boost::system::error_code error;
  const auto local = state_->socket.local_endpoint(error);
  return error ? std::uint16_t{0} : local.port();
}

std::size_t Server::running_transfers() const { return state_->running.size(); }
const Counters& Server::counters() const { return state_->counters; }

}  // namespace slipway::tftp
