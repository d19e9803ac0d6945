#include "tftp/server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "base/log.hpp"
#include "base/log_limiter.hpp"
#include "base/second_quota.hpp"
#include "base/spawn.hpp"
#include "base/udp.hpp"
#include "tftp/name.hpp"
#include "tftp/transfers.hpp"

namespace slipway::tftp {

namespace asio = boost::asio;
using asio::ip::udp;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr int kBatch = 64;  // datagrams taken before other work of the thread gets a turn
constexpr std::uint32_t kHeaderOctets = 32;  // IP 20, UDP 8, TFTP 4
constexpr std::uint32_t kMinMtuOctets = 576;

// A request waits here while we answer those before it: some 4000 of them, whoever sent them.
constexpr int kReceiveOctets = 4 << 20;
// New peers on the link whose link address the kernel must ask for. It keeps such a question for
// three seconds and, by default, 1024 entries for all that live on the link. A client's own
// question for our address makes it known, so few need this.
constexpr std::uint32_t kUnknownNeighboursASecond = 100;
// Of many clients at once, or of a flood with forged addresses.
constexpr std::uint32_t kSentLinesASecond = 20;
constexpr std::uint32_t kTroubleLinesASecond = 1;

enum Event : std::uint8_t { stranger, missing, refused, failed, sent };
constexpr std::array<std::string_view, 4> kEventNames{"tftp.stranger", "tftp.missing",
                                                      "tftp.refused", "tftp.failed"};

// A request that is answered with an ERROR datagram.
struct Refusal {
  ErrorCode code;
  std::string_view text;
};

}  // namespace

struct Server::State {
  State(asio::io_context& context, ServerSettings wanted, Files& publishes)
      : settings(std::move(wanted)), files(publishes), socket(context) {
    transfers = std::make_shared<Transfers>(Transfers::Owner{context, settings, files, counters},
                                            [this](const TransferEnd& end) { report(end); });
  }

  Fallible<void> open();
  void close();
  void drain();
  void handle(ByteView wire, const Arrived& arrived);
  bool may_answer(Ipv4 peer);
  void begin(const Request& request, ByteView wire, const Arrived& arrived);
  void refuse(const Arrived& arrived, std::string_view name, Refusal refusal);
  void report(const TransferEnd& end);
  void report_sent(const TransferEnd& end);
  void log_limited(log::Level level, Event event, Ipv4 peer, std::string_view name,
                   std::string_view why);

  static asio::awaitable<void> serve(std::shared_ptr<State> state);

  ServerSettings settings;
  Files& files;
  udp::socket socket;
  Counters counters;
  std::shared_ptr<Transfers> transfers;
  std::optional<Cidr> link;  // whose hosts the kernel asks for by ARP
  SecondQuota unknown_neighbours;
  LogLimiter limiter{std::chrono::seconds(2)};
  LogQuota sent_lines{kSentLinesASecond}, troubles{kTroubleLinesASecond};
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
                            .report_icmp = settings.single_port,
                            .receive_octets = kReceiveOctets});
  if (!fd) return fail(fd.error(), "TFTP");
  socket.assign(udp::v4(), *fd);
  const auto network = interface_network(settings.interface);
  if (!network) return fail(network.error(), "TFTP");
  link = *network;
  return transfers->open(*fd);
}

void Server::State::close() {
  boost::system::error_code ignored;  // a socket that fails to close is closed all the same
  (void)socket.close(ignored);
  transfers->close();
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
    } else if (settings.single_port) {
      transfers->check_unreachable(socket.native_handle());
    }
    if (got == Receive::nothing) return;
  }
}

void Server::State::handle(ByteView wire, const Arrived& arrived) {
  // In single-port mode, what is no request belongs to the transfer of its sender, if there is one.
  if (settings.single_port && parse_answer(wire) && transfers->hear(wire, arrived.from)) return;
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
  if (!may_answer(arrived.from.address)) {
    ++counters.deferred;
    return;
  }
  begin(*request, wire, arrived);
}

bool Server::State::may_answer(Ipv4 peer) {
  if (!link || !link->contains(peer) || files.is_neighbour(peer)) return true;
  return unknown_neighbours.allow(kUnknownNeighboursASecond, std::chrono::steady_clock::now());
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
  if (transfers->is_repetition(arrived.from, fingerprint)) {
    ++counters.repeated;
    return;
  }
  std::array<char, kMaxNameOctets> name_room{};
  const auto name = normalise_name(request.name, name_room);
  if (!name) return refuse(arrived, request.name, {ErrorCode::access_violation, "bad file name"});
  auto source = files.open(*name, arrived.from.address, arrived.to);
  if (!source) return refuse(arrived, *name, {ErrorCode::not_found, "file not found"});
  if (!transfers->make_room(arrived.from)) {
    return refuse(arrived, *name, {ErrorCode::undefined, "too many transfers, try again"});
  }
  const auto terms = agree(request.options, settings.max_block_octets);
  transfers->begin({.session = Session(std::move(source), terms, std::chrono::steady_clock::now()),
                    .request = fingerprint,
                    .interface_index = arrived.interface_index,
                    .local = arrived.to,
                    .peer = arrived.from,
                    .our_port = 0,
                    .name = ShownName(*name)});
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

void Server::State::report(const TransferEnd& end) {
  if (end.status == Status::done) return report_sent(end);
  if (end.status == Status::client_aborted) {
    ++counters.aborted;  // every size probe ends so (RFC 2347 error 8)
    if (!log::enabled(log::Level::debug)) return;
    return log::debug("tftp.aborted", {{"peer", end.peer.text()},
                                       {"file", end.name},
                                       {"code", static_cast<int>(end.client_error)}});
  }
  files.broke_off(end.name, end.peer, end.answered);
  ++(end.answered || !end.trouble.empty() ? counters.failed : counters.unanswered);
  log_limited(log::Level::warn, failed, end.peer, end.name,
              !end.trouble.empty()                  ? end.trouble
              : end.status == Status::source_failed ? "the file could not be read"
              : end.answered                        ? "the client went silent"
                                                    : "the client never answered");
}

void Server::State::report_sent(const TransferEnd& end) {
  const auto now = std::chrono::steady_clock::now();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - end.started_at);
  ++counters.completed;
  counters.octets += end.size_octets;
  const auto level = sent_lines.allow(sent, now) ? log::Level::info : log::Level::debug;
  if (log::enabled(level)) {
    log::write(level, "tftp.sent",
               {{"peer", end.peer.text()},
                {"file", end.name},
                {"octets", end.size_octets},
                {"ms", took.count()}});
  }
  files.sent(end.name, end.peer, end.size_octets);
}

void Server::State::log_limited(log::Level level, Event event, Ipv4 peer, std::string_view name,
                                std::string_view why) {
  const auto now = std::chrono::steady_clock::now();
  if (!limiter.allow(peer.octets, event, now) || !troubles.allow(event, now)) {
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

std::size_t Server::running_transfers() const { return state_->transfers->size(); }
std::size_t Server::half_open_transfers() const { return state_->transfers->half_open(); }
const Counters& Server::counters() const { return state_->counters; }

}  // namespace slipway::tftp
