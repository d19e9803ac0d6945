// service/depot_server.hpp -- the composition root: the one place that knows every module.
//
// Builds the parts in order, plugs them together, and takes them down in the reverse order. It
// decides nothing about hosts.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "dhcp/leases.hpp"
#include "dhcp/server.hpp"
#include "http/access_log.hpp"
#include "http/server.hpp"
#include "provisioning/config.hpp"
#include "provisioning/provisioning.hpp"
#include "service/artifacts.hpp"
#include "service/event_loop.hpp"
#include "service/http_meter.hpp"
#include "service/interfaces.hpp"
#include "service/inventory_keeper.hpp"
#include "service/metrics.hpp"
#include "service/neighbours.hpp"
#include "tftp/server.hpp"

namespace slipway::service {

class DepotServer {
 public:
  explicit DepotServer(provisioning::Config config);

  // Opens the store and every socket. Fails with the first thing that is wrong; nothing is served
  // then.
  [[nodiscard]] Fallible<void> open();

  // Serves until SIGTERM or SIGINT, then drains. SIGHUP, or a change of its files, reads the
  // inventory again.
  void run();

  // Where it listens, one sentence part each: "dhcp 67,4011 on eth1".
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  [[nodiscard]] Fallible<void> find_interfaces();
  [[nodiscard]] Fallible<void> open_store();
  [[nodiscard]] Fallible<void> open_leases(std::span<const dhcp::LeaseRecord> kept);
  [[nodiscard]] Fallible<void> open_boot_plane();
  [[nodiscard]] Fallible<void> open_dhcp(const Interface& interface);
  [[nodiscard]] Fallible<void> open_operator_plane();
  [[nodiscard]] std::optional<Mac> neighbour(Ipv4 peer);
  [[nodiscard]] std::string metrics();
  void answered(const dhcp::Seen& seen);
  void hear(const dhcp::Overheard& heard);
  void await_signal();
  void stop();

  provisioning::Config config_;
  boost::asio::io_context io_{1};
  EventLoop loop_{io_};
  boost::asio::signal_set signals_{io_};
  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  HttpMeter boot_meter_{"boot"}, operator_meter_{"operator"};
  http::AccessLog boot_access_, operator_access_{false};
  slipway::metrics::Histogram answering_ = answer_histogram();  // of DHCP
  std::vector<Interface> interfaces_;
  Neighbours neighbours_;
  std::unique_ptr<StoreArtifacts> artifacts_;
  std::unique_ptr<provisioning::Store> store_;
  std::unique_ptr<provisioning::Provisioning> provisioning_;
  std::unique_ptr<InventoryKeeper> inventory_;
  std::unique_ptr<dhcp::Leases> leases_;  // null: a proxy
  std::vector<std::unique_ptr<dhcp::Server>> dhcp_;
  std::vector<std::unique_ptr<tftp::Server>> tftp_;
  std::unique_ptr<http::Server> boot_http_, operator_http_;
};

}  // namespace slipway::service
