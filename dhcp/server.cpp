#include "dhcp/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "base/log.hpp"
#include "base/log_limiter.hpp"
#include "base/spawn.hpp"
#include "base/udp.hpp"
#include "dhcp/offer_styles.hpp"
#include "dhcp/probe.hpp"
#include "dhcp/seed.hpp"

namespace slipway::dhcp {

namespace asio = boost::asio;
using asio::ip::udp;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
// Datagrams taken before other work of the thread gets a turn.
constexpr int kBatch = 64;
// Kinds of lines: 0.. by Reply::Kind, 100.. by Errc, 200.. by Overheard::Kind, and this.
constexpr std::uint8_t kUnsentEvent = 50;
// A client that repeats its request gets a line again after this time.
constexpr std::chrono::seconds kLogInterval{2};
// Another server answers every boot, and a machine that we cannot boot asks at each of its own: one
// line is enough for a while.
constexpr std::chrono::minutes kSeldomInterval{10};
// Of many clients at once, or of a flood with forged addresses.
constexpr std::uint32_t kAnswerLinesASecond = 20;
constexpr std::uint32_t kTroubleLinesASecond = 1;

// By Reply::Kind.
constexpr std::array<std::string_view, 3> kAnswerEvents{"dhcp.offered", "dhcp.acknowledged",
                                                        "dhcp.ignored"};

struct RivalEvent {
  std::string_view name;
  log::Level level;
};

RivalEvent event_of(Overheard::Kind kind) {
  switch (kind) {
    case Overheard::Kind::choice: return {"dhcp.chosen", log::Level::debug};
    case Overheard::Kind::lease: return {"dhcp.lease_server", log::Level::info};
    case Overheard::Kind::boot_lease: return {"dhcp.rival_file", log::Level::warn};
    case Overheard::Kind::pxe_lease: return {"dhcp.rival_class", log::Level::warn};
    case Overheard::Kind::proxy: return {"dhcp.rival_proxy", log::Level::warn};
  }
  return {};
}

std::string hex(std::uint32_t xid) {
  std::array<std::uint8_t, 4> octets{};
  Writer(octets).u32(xid);
  return to_hex(octets);
}

}  // namespace

struct Server::State {
  struct Port {
    Service service;
    udp::socket socket;
  };

  State(asio::io_context& io, ServerSettings wanted, BootPolicy& decides)
      : settings(std::move(wanted)),
        policy(decides),
        proxy{Service::proxy, udp::socket(io)},
        boot_server{Service::boot_server, udp::socket(io)},
        ear(io) {}

  Fallible<void> open(Port& port, std::uint16_t number);
  Fallible<void> open_ear();
  void open_desk(LeaseOffice office);
  void ask_around();
  void close();
  void drain(Port& port);
  void drain_ear();
  void report_heard(const Overheard& heard);
  void handle(Port& port, ByteView wire, const Arrived& arrived);
  Result<void> answer(Port& port, const Packet& packet, const Arrived& arrived);
  Result<void> answer_lease(const Packet& packet, const Arrived& arrived);
  void send(Port& port, const Reply& reply, const Arrived& arrived);
  OfferStyle choose_offer(const Client& client, const OfferStyles::Ask& ask, Service service);
  void report(const Packet& packet, const Seen& seen);
  void drop(const Packet* packet, std::error_code why);

  static asio::awaitable<void> serve(std::shared_ptr<State> state, Port& port);
  static asio::awaitable<void> attend(std::shared_ptr<State> state);

  ServerSettings settings;
  BootPolicy& policy;
  Observer observer;
  Bystander bystander;
  Port proxy;
  Port boot_server;
  asio::posix::stream_descriptor ear;
  std::shared_ptr<LeaseDesk> desk;  // null: a proxy
  Counters counters;
  OfferStyles styles{random_seed()};
  LogLimiter limiter{kLogInterval}, seldom{kSeldomInterval};
  LogQuota answers{kAnswerLinesASecond}, troubles{kTroubleLinesASecond};
  std::array<std::uint8_t, 2048> in{};
  std::array<std::uint8_t, kMaxReplyOctets> out{};
};

Fallible<void> Server::State::open(Port& port, std::uint16_t number) {
  const auto fd = open_udp({.interface = settings.interface,
                            .local = {.address = {}, .port = number},
                            .broadcast = true,
                            .share_port = number != 0});
  if (!fd) return fail(fd.error(), "DHCP");
  port.socket.assign(udp::v4(), *fd);
  return {};
}

Fallible<void> Server::State::open_ear() {
  auto opened = Ear::open(settings.interface, settings.client_port);
  if (opened) {
    ear.assign(opened->release());
  } else if (desk) {
    return fail(opened.error(), "no leases without hearing other DHCP servers");
  } else {
    log::warn("dhcp.deaf", {{"interface", settings.interface}, {"why", opened.error().text()}});
  }
  return {};
}

// The desk is this object's; it is stopped before the sockets close.
void Server::State::open_desk(LeaseOffice office) {
  desk = std::make_shared<LeaseDesk>(
      std::move(office), LeaseDoor{.interface = settings.interface,
                                   .send =
                                       [this](ByteView wire, Endpoint to, Ipv4 from) {
                                         return send_udp(proxy.socket.native_handle(), wire,
                                                         {.to = to, .from = from});
                                       },
                                   .ask_around = [this] { ask_around(); },
                                   .client_port = settings.client_port});
}

void Server::State::ask_around() {
  const auto asked = ask(settings.interface, new_question(Question::As::client));
  if (asked) return;
  const bool first = troubles.allow(kUnsentEvent, std::chrono::steady_clock::now());
  log::write(
      first ? log::Level::warn : log::Level::debug, "dhcp.unsent",
      {{"to", "everybody"}, {"why", asked.error().text()}, {"interface", settings.interface}});
}

void Server::State::close() {
  if (desk) desk->stop();
  boost::system::error_code ignored;  // a socket that fails to close is closed all the same
  (void)proxy.socket.close(ignored);
  (void)boot_server.socket.close(ignored);
  (void)ear.close(ignored);
}

asio::awaitable<void> Server::State::attend(std::shared_ptr<State> state) {
  while (state->ear.is_open()) {
    const auto waited =
        co_await state->ear.async_wait(asio::posix::stream_descriptor::wait_read, kNoThrow);
    const auto& [error] = waited;
    if (error) co_return;  // stop() closed the socket
    state->drain_ear();
  }
}

void Server::State::drain_ear() {
  std::optional<Overheard> heard;
  for (int i = 0; i < kBatch && ear.is_open(); ++i) {
    if (listen(ear.native_handle(), heard) == Receive::nothing) return;
    if (heard) report_heard(*heard);
  }
}

void Server::State::report_heard(const Overheard& heard) {
  const auto kind = static_cast<std::uint8_t>(heard.kind);
  ++counters.overheard[kind];
  const auto event = event_of(heard.kind);
  const auto number = static_cast<std::uint8_t>(200 + kind);
  const auto now = std::chrono::steady_clock::now();
  const bool first = seldom.allow(heard.ip.octets, number, now) && troubles.allow(number, now);
  const auto level = first ? event.level : log::Level::debug;
  if (log::enabled(level)) {
    log::write(level, event.name,
               {{"ip", heard.ip.text()},
                {"server_mac", heard.mac.text()},
                {"mac", heard.client.text()},
                {"xid", hex(heard.xid)},
                {"next_server", heard.next_server.text()},
                {"interface", settings.interface}});
  }
  if (desk) desk->hear(heard);
  if (bystander) bystander(heard);
}

// `port` is a member of `*state`.
asio::awaitable<void> Server::State::serve(std::shared_ptr<State> state, Port& port) {
  while (port.socket.is_open()) {
    const auto waited = co_await port.socket.async_wait(udp::socket::wait_read, kNoThrow);
    const auto& [error] = waited;
    if (error) co_return;  // stop() closed the socket
    state->drain(port);
  }
}

void Server::State::drain(Port& port) {
  Arrived arrived;
  // The policy may stop the server, so the socket is asked for each time.
  for (int i = 0; i < kBatch && port.socket.is_open(); ++i) {
    const auto got = receive_udp(port.socket.native_handle(), in, arrived);
    if (got == Receive::nothing) return;
    if (got == Receive::datagram) handle(port, ByteView(in).first(arrived.octets), arrived);
  }
}

void Server::State::handle(Port& port, ByteView wire, const Arrived& arrived) {
  ++counters.received;
  const auto packet = parse(wire);
  if (!packet) return drop(nullptr, packet.error());
  const auto answered = answer(port, *packet, arrived);
  if (!answered) drop(&*packet, answered.error());
}

Result<void> Server::State::answer(Port& port, const Packet& packet, const Arrived& arrived) {
  if (desk && port.service == Service::proxy) return answer_lease(packet, arrived);
  const auto began = std::chrono::steady_clock::now();
  Arrival arrival{.service = port.service,
                  .server = arrived.to,
                  .from = arrived.from,
                  .client_port = settings.client_port};
  if (const auto accepted = accept(packet, arrival); !accepted) {
    if (const auto choice = choice_of(packet); choice && port.service == Service::proxy) {
      report_heard(*choice);
    }
    return accepted;
  }
  const auto client = identify(packet);
  if (!client) return std::unexpected(client.error());
  const OfferStyles::Ask ask{client->mac, client->arch, packet.xid,
                             std::chrono::steady_clock::now()};
  arrival.offer = choose_offer(*client, ask, port.service);
  const auto reply = respond(packet, *client, arrival, policy, out);
  if (!reply) return std::unexpected(reply.error());
  send(port, *reply, arrived);
  const bool counts = reply->kind == Reply::Kind::offer && arrival.offer != OfferStyle::automatic;
  const bool changed = counts && styles.offered(ask, arrival.offer);
  counters.offer_changes += changed ? 1 : 0;
  const auto took = std::chrono::steady_clock::now() - began;
  report(packet, {*client, reply->kind, reply->file, arrived.to, arrival.offer, changed, took});
  return {};
}

// Who is no boot client, or one that nothing fits, needs an address all the same.
Result<void> Server::State::answer_lease(const Packet& packet, const Arrived& arrived) {
  if (const auto choice = choice_of(packet)) report_heard(*choice);
  const auto began = std::chrono::steady_clock::now();
  const auto client = identify(packet);
  if (!client && client.error() == Errc::unknown_arch) drop(&packet, client.error());
  const auto taken = desk->take(packet, client ? &*client : nullptr, arrived.to, arrived.from);
  const bool offered = taken && client && packet.type == MessageType::discover;
  if (!offered || !observer) return taken;
  const auto took = std::chrono::steady_clock::now() - began;
  const auto form = is_firmware_pxe(*client) ? OfferStyle::leased : OfferStyle::automatic;
  observer({*client, Reply::Kind::offer, {}, arrived.to, form, false, took});
  return taken;
}

// Automatic where the form does not matter. Whoever asks port 4011, or is an iPXE by now, took the
// offer before.
OfferStyle Server::State::choose_offer(const Client& client, const OfferStyles::Ask& ask,
                                       Service service) {
  if (service == Service::boot_server || client.ipxe) styles.went_on(ask.mac);
  if (service == Service::boot_server || !is_firmware_pxe(client)) return OfferStyle::automatic;
  return styles.choose(client, ask, policy);
}

void Server::State::send(Port& port, const Reply& reply, const Arrived& arrived) {
  if (reply.kind == Reply::Kind::silent) {
    ++counters.silent;
    return;
  }
  const bool sent =
      send_udp(port.socket.native_handle(), ByteView(out).first(reply.octets),
               {.to = reply.to, .from = arrived.to, .interface_index = arrived.interface_index});
  if (!sent) {
    ++counters.unsent;
    const auto now = std::chrono::steady_clock::now();
    const bool first = limiter.allow(reply.to.address.octets, kUnsentEvent, now) &&
                       troubles.allow(kUnsentEvent, now);
    log::write(first ? log::Level::warn : log::Level::debug, "dhcp.unsent",
               {{"to", reply.to.text()}, {"interface", settings.interface}});
  }
  ++(reply.kind == Reply::Kind::offer ? counters.offers : counters.acks);
}

void Server::State::report(const Packet& packet, const Seen& seen) {
  const auto event = static_cast<std::uint8_t>(seen.kind);
  const auto now = std::chrono::steady_clock::now();
  const bool shown = seen.kind != Reply::Kind::silent &&
                     limiter.allow(seen.client.mac.octets, event, now) && answers.allow(event, now);
  const auto level = shown ? log::Level::info : log::Level::debug;
  if (log::enabled(level)) {
    log::write(level, kAnswerEvents[event],
               {{"mac", seen.client.mac.text()},
                {"xid", hex(packet.xid)},
                {"arch", seen.client.arch_code},
                {"class", seen.client.vendor_class},
                {"user_class", seen.client.user_class},
                {"ipxe", seen.client.ipxe},
                {"file", seen.file},
                {"offer", seen.offer == OfferStyle::automatic ? "any" : name_of(seen.offer)},
                {"interface", settings.interface}});
  }
  if (observer) observer(seen);
}

// Malformed packets and those for others are counted and shown at debug level only; a boot client
// that we have nothing for, or an interface without an address, is worth a person's attention.
void Server::State::drop(const Packet* packet, std::error_code why) {
  ++counters.dropped[static_cast<std::size_t>(why.value())];
  const auto mac = packet != nullptr ? packet->mac : Mac{};
  const bool unknown = why == Errc::unknown_arch;
  if (packet != nullptr && unknown) {
    const auto codes = packet->options.find(Option::client_arch);
    if (codes && codes->size() >= 2) policy.unknown_arch(mac, Reader(*codes).u16());
  }
  const bool notable =
      unknown || fault(Errc{static_cast<std::uint8_t>(why.value())}) == Fault::our_failure;
  const auto event = static_cast<std::uint8_t>(100 + why.value());
  const auto now = std::chrono::steady_clock::now();
  const bool shown = notable && (unknown ? seldom : limiter).allow(mac.octets, event, now) &&
                     troubles.allow(event, now);
  const auto level = shown ? log::Level::warn : log::Level::debug;
  if (!log::enabled(level)) return;
  log::write(level, "dhcp.dropped",
             {{"mac", packet != nullptr ? mac.text() : std::string("unknown")},
              {"why", why.message()},
              {"interface", settings.interface}});
}

Server::Server(asio::io_context& io, ServerSettings settings, BootPolicy& policy, Observer observer,
               Bystander bystander)
    : state_(std::make_shared<State>(io, std::move(settings), policy)) {
  state_->observer = std::move(observer);
  state_->bystander = std::move(bystander);
}

Server::~Server() { stop(); }

Fallible<void> Server::start() {
  auto proxy = state_->open(state_->proxy, state_->settings.proxy_port);
  if (!proxy) return proxy;
  auto boot_server = state_->open(state_->boot_server, state_->settings.boot_server_port);
  if (!boot_server) {
    state_->close();
    return boot_server;
  }
  if (auto heard = state_->open_ear(); !heard) {
    state_->close();
    return heard;
  }
  const auto executor = state_->proxy.socket.get_executor();
  spawn(executor, "dhcp.proxy", State::serve(state_, state_->proxy));
  spawn(executor, "dhcp.boot_server", State::serve(state_, state_->boot_server));
  spawn(executor, "dhcp.ear", State::attend(state_));
  if (state_->desk) state_->desk->start();
  log::info("dhcp.started", {{"interface", state_->settings.interface},
                             {"proxy_port", proxy_port()},
                             {"boot_server_port", boot_server_port()}});
  return {};
}

void Server::give_leases(LeaseOffice office) { state_->open_desk(std::move(office)); }

void Server::stop() { state_->close(); }

namespace {
std::uint16_t bound_port(const udp::socket& socket) {
  boost::system::error_code error;
  const auto local = socket.local_endpoint(error);
  return error ? std::uint16_t{0} : local.port();
}
}  // namespace

std::uint16_t Server::proxy_port() const { return bound_port(state_->proxy.socket); }
std::uint16_t Server::boot_server_port() const { return bound_port(state_->boot_server.socket); }
const Counters& Server::counters() const { return state_->counters; }
const LeaseDesk* Server::desk() const { return state_->desk.get(); }

}  // namespace slipway::dhcp
