#include "service/inventory_keeper.hpp"

#include <chrono>

#include "base/log.hpp"
#include "service/inventory_digest.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

std::int64_t unix_ms_now() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
}

}  // namespace

InventoryKeeper::InventoryKeeper(boost::asio::io_context& io, std::filesystem::path folder, Use use)
    : folder_(std::move(folder)), use_(std::move(use)), watch_(io, folder_, [this] {
        (void)reload();  // what is wrong stands in the log and in status()
      }) {}

prov::Reloaded InventoryKeeper::reload() {
  prov::Reloaded result;
  // Before the files are read: one that changes meanwhile is read again, and must look different.
  const auto digest = inventory_digest(folder_).text();
  auto loaded = prov::load_inventory(folder_);
  for (const auto& mistake : loaded.mistakes) result.lines.push_back(mistake.line());
  result.good = loaded.good();
  if (result.good) {
    status_ = {.loaded_ms = unix_ms_now(),
               .digest = digest,
               .hosts = loaded.inventory.hosts.size(),
               .profiles = loaded.inventory.profiles.size(),
               .sites = loaded.inventory.sites.size()};
    auto shared = std::make_shared<const prov::Inventory>(std::move(loaded.inventory));
    for (auto& line : use_(std::move(shared))) result.lines.push_back(std::move(line));
    log::info("inventory.loaded", {{"hosts", status_.hosts}, {"digest", digest}});
  } else {
    // Refused since the first bad reading; the mistakes are those of the last one.
    if (status_.refused_ms == 0) status_.refused_ms = unix_ms_now();
    log::error("inventory.refused", {{"mistakes", result.lines.size()}});
  }
  status_.lines = result.lines;
  for (const auto& line : result.lines) log::warn("inventory.mistake", {{"what", line}});
  return result;
}

void InventoryKeeper::watch() {
  const auto started = watch_.start();
  if (!started) log::warn("inventory.unwatched", {{"why", started.error().text()}});
}

}  // namespace slipway::service
