#include "service/depot_server.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include "base/log.hpp"
#include "dhcp/seed.hpp"
#include "service/health.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

prov::Now both_clocks() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::steady_clock::now(),
          std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()};
}

http::Limits limits_of(const prov::HttpSettings& settings) {
  http::Limits limits;
  limits.connections = settings.connections;
  limits.reserve = settings.connections / 4;
  limits.connections_per_address = settings.connections_per_address;
  limits.header = settings.header_time;
  limits.min_octets_per_second = static_cast<std::uint32_t>(settings.min_rate);  // it is <= 1 MiB
  return limits;
}

// Logs each answer and counts it.
http::Observer observer_of(HttpMeter& meter, http::AccessLog& log) {
  return [&meter, &log](const http::Access& access) {
    log.note(access, std::chrono::steady_clock::now());
    meter.observe(access);
  };
}

}  // namespace

DepotServer::DepotServer(prov::Config config)
    : config_(std::move(config)), boot_access_(config_.boot_http.access_log) {}

Fallible<void> DepotServer::open() {
  using Step = Fallible<void> (DepotServer::*)();
  for (const Step step : {&DepotServer::find_interfaces, &DepotServer::open_store,
                          &DepotServer::open_boot_plane, &DepotServer::open_operator_plane}) {
    const auto done = (this->*step)();
    if (!done) return done;
  }
  // Before anyone is told "ready": from then on a signal is a request and not a death.
  for (const int number : {SIGHUP, SIGTERM, SIGINT}) signals_.add(number);
  provisioning_->start();
  inventory_->watch();
  return {};
}

// A boot server on the interface of the default route answers the office's hosts, not the bench's:
// nearly always a mistake, and one that reaches strangers.
Fallible<void> DepotServer::find_interfaces() {
  const auto default_route = default_route_interface();
  if (!default_route) return std::unexpected(default_route.error());
  for (const auto& name : config_.interfaces) {
    auto found = find_interface(name);
    if (!found) return std::unexpected(found.error());
    if (name == *default_route && !config_.allow_default_route) {
      return fail("interface " + name +
                  " carries the default route; name the bench's interface, or say "
                  "allow_default_route: true");
    }
    interfaces_.push_back(std::move(*found));
  }
  return {};
}

Fallible<void> DepotServer::open_store() {
  std::error_code error;
  std::filesystem::create_directories(config_.data_dir, error);
  if (error) return fail("making " + config_.data_dir.string() + ": " + error.message());
  auto artifacts = StoreArtifacts::open(config_);
  if (!artifacts) return std::unexpected(artifacts.error());
  artifacts_ = std::move(*artifacts);
  auto store = prov::Store::open(config_.store_place());
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  auto state = store_->load(both_clocks());
  if (!state) return std::unexpected(state.error());
  if (auto opened = open_leases(state->leases); !opened) return opened;
  const prov::Surroundings surroundings{
      .config = config_, .scheduler = loop_, .now = both_clocks, .neighbour = [this](Ipv4 peer) {
        return neighbour(peer);
      }};
  provisioning_ =
      std::make_unique<prov::Provisioning>(surroundings, *store_, std::move(*state), *artifacts_);
  inventory_ = std::make_unique<InventoryKeeper>(
      io_, config_.inventory, [this](std::shared_ptr<const prov::Inventory> inventory) {
        auto unfollowed = provisioning_->use_inventory(std::move(inventory));
        for (const auto& [file, who] : provisioning_->missing_programs()) {
          log::warn("loader.missing", {{"name", file}, {"wanted_by", who}});
        }
        return unfollowed;
      });
  if (!inventory_->reload().good) return fail("the inventory has mistakes; see `slipway check`");
  return {};
}

// With the leases that were acknowledged before this start.
Fallible<void> DepotServer::open_leases(std::span<const dhcp::LeaseRecord> kept) {
  if (config_.dhcp_mode != prov::DhcpMode::server) return {};
  std::vector<Cidr> served;
  for (const auto& interface : interfaces_) {
    if (interface.address.is_zero()) {
      return fail("interface " + interface.name + " has no IPv4 address to give leases from");
    }
    served.push_back({interface.address, interface.prefix_bits});
  }
  auto settings = dhcp::settle(config_.leases, served);
  if (!settings) return std::unexpected(settings.error());
  leases_ = std::make_unique<dhcp::Leases>(*std::move(settings), dhcp::random_seed());
  const auto now = both_clocks();
  for (const auto& lease : kept) leases_->restore(lease, {now.steady, now.unix_ms});
  return {};
}

Fallible<void> DepotServer::open_boot_plane() {
  http::Router router;
  provisioning_->add_boot_plane(router);
  boot_http_ = std::make_unique<http::Server>(io_, std::move(router), limits_of(config_.boot_http),
                                              observer_of(boot_meter_, boot_access_));
  boot_http_->expect([this](Ipv4 peer) { return provisioning_->expects(peer); });
  for (const auto& interface : interfaces_) {
    auto listener = http::Listener::open_tcp({}, config_.boot_http_port, interface.name);
    if (!listener) return std::unexpected(listener.error());
    boot_http_->serve(std::move(*listener));

    tftp_.push_back(std::make_unique<tftp::Server>(
        io_,
        tftp::ServerSettings{.interface = interface.name,
                             .port = config_.tftp_port,
                             .max_block_octets = config_.tftp_max_blksize,
                             .single_port = config_.tftp_single_port},
        provisioning_->tftp_files()));
    const auto tftp = tftp_.back()->start();
    if (!tftp) return tftp;

    const auto dhcp = open_dhcp(interface);
    if (!dhcp) return dhcp;
  }
  return {};
}

Fallible<void> DepotServer::open_dhcp(const Interface& interface) {
  dhcp_.push_back(std::make_unique<dhcp::Server>(
      io_,
      dhcp::ServerSettings{.interface = interface.name,
                           .proxy_port = config_.dhcp_port,
                           .boot_server_port = config_.binl_port},
      provisioning_->boot_policy(), [this](const dhcp::Seen& seen) { answered(seen); },
      [this](const dhcp::Overheard& heard) { hear(heard); }));
  if (leases_) {
    dhcp_.back()->give_leases({.leases = *leases_,
                               .store = provisioning_->lease_store(),
                               .policy = provisioning_->boot_policy(),
                               .scheduler = loop_,
                               .now = [] {
                                 const auto now = both_clocks();
                                 return dhcp::Moment{now.steady, now.unix_ms};
                               }});
  }
  return dhcp_.back()->start();
}

Fallible<void> DepotServer::open_operator_plane() {
  constexpr mode_t kOwnerAndGroup = 0660;  // who may do what is decided by the peer's user
  auto listener = http::Listener::open_unix(config_.data_dir / "slipway.sock", kOwnerAndGroup);
  if (!listener) return std::unexpected(listener.error());
  http::Router router;
  provisioning_->add_operator_plane(router, {.reload = [this] { return inventory_->reload(); },
                                             .status = [this] { return inventory_->status(); }});
  add_health(router, provisioning_->ledger(), [this] { return metrics(); });
  operator_http_ = std::make_unique<http::Server>(io_, std::move(router), http::Limits{},
                                                  observer_of(operator_meter_, operator_access_));
  operator_http_->serve(std::move(*listener));
  return {};
}

std::optional<Mac> DepotServer::neighbour(Ipv4 peer) {
  for (const auto& interface : interfaces_) {
    if (const auto mac = neighbours_.mac_of(peer, interface.index)) return mac;
  }
  return std::nullopt;
}

void DepotServer::answered(const dhcp::Seen& seen) {
  answering_.observe(seen.took);
  if (leases_) {  // ours is the DHCP server that answered it
    provisioning_->lookout().hear(seen.client.mac, prov::Heard::lease,
                                  {seen.server, {}, std::chrono::steady_clock::now()});
  }
  if (seen.offer == dhcp::OfferStyle::automatic) return;
  provisioning_->lookout().offered(seen.client.mac, seen.offer, seen.offer_changed);
}

// Our own answers are overheard, too.
void DepotServer::hear(const dhcp::Overheard& heard) {
  const bool is_ours = std::ranges::any_of(
      interfaces_, [&](const Interface& each) { return each.address == heard.ip; });
  if (is_ours) return;
  using Kind = dhcp::Overheard::Kind;
  const auto what = heard.kind == Kind::proxy       ? prov::Heard::proxy
                    : heard.kind == Kind::pxe_lease ? prov::Heard::pxe_lease
                                                    : prov::Heard::lease;
  provisioning_->lookout().hear(heard.client, what,
                                {heard.ip, heard.mac, std::chrono::steady_clock::now()});
}

std::string DepotServer::metrics() {
  std::vector<DhcpReading> dhcp;
  std::vector<TftpReading> tftp;
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    dhcp.push_back({interfaces_[i].name, &dhcp_[i]->counters()});
    tftp.push_back({interfaces_[i].name, &tftp_[i]->counters(), tftp_[i]->running_transfers(),
                    tftp_[i]->half_open_transfers()});
  }
  slipway::metrics::Text text;
  write_dhcp(text, dhcp, answering_);
  std::vector<LeaseReading> desks;
  for (std::size_t i = 0; i < dhcp_.size() && leases_; ++i) {
    desks.push_back({interfaces_[i].name, dhcp_[i]->desk()});
  }
  if (leases_) write_leases(text, desks, leases_->count(both_clocks().steady));
  write_tftp(text, tftp);
  const std::array<const HttpMeter*, 2> meters{&boot_meter_, &operator_meter_};
  HttpMeter::write(text, meters);
  const std::array<HttpReading, 2> planes{
      {{"boot", &boot_http_->refusals(), boot_http_->connections()},
       {"operator", &operator_http_->refusals(), operator_http_->connections()}}};
  write_http(text, planes);
  write_hosts(text, provisioning_->ledger());
  write_store(text, provisioning_->ledger(), config_.data_dir);
  write_process(text, started_);
  return std::move(text).take();
}

std::vector<std::string> DepotServer::addresses() const {
  std::vector<std::string> lines;
  lines.reserve(interfaces_.size() + 1);
  for (const auto& interface : interfaces_) {
    lines.push_back("dhcp " + std::to_string(config_.dhcp_port) + "," +
                    std::to_string(config_.binl_port) + " tftp " +
                    std::to_string(config_.tftp_port) + " http " + interface.address.text() + ":" +
                    std::to_string(config_.boot_http_port) + " on " + interface.name);
  }
  lines.push_back("operators at " + (config_.data_dir / "slipway.sock").string());
  return lines;
}

void DepotServer::run() {
  await_signal();
  io_.run();
}

void DepotServer::await_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    if (number != SIGHUP) return stop();
    (void)inventory_->reload();  // what is wrong stands in the log
    await_signal();
  });
}

void DepotServer::stop() {
  log::info("service.stopping");
  signals_.clear();  // a second signal ends the process at once
  loop_.stop();
  inventory_->stop();
  for (const auto& server : dhcp_) server->stop();
  for (const auto& server : tftp_) server->stop();
  boot_http_->stop();
  operator_http_->stop();
}

}  // namespace slipway::service
