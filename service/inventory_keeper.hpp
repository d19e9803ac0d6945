// service/inventory_keeper.hpp -- reads the inventory's files: at the start, on request, and when
// they have changed. A mistake in them never changes what is being served.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "provisioning/api.hpp"
#include "provisioning/inventory.hpp"
#include "service/inventory_watch.hpp"

namespace slipway::service {

class InventoryKeeper {
 public:
  // Puts a good inventory in force; returns what could not be followed.
  using Use =
      std::function<std::vector<std::string>(std::shared_ptr<const provisioning::Inventory>)>;

  InventoryKeeper(boost::asio::io_context& io, std::filesystem::path folder, Use use);

  // Reads all files. A good inventory is in force when this returns; of a bad one the mistakes
  // are logged and kept for status().
  provisioning::Reloaded reload();

  [[nodiscard]] const provisioning::InventoryStatus& status() const { return status_; }

  // From now on a change of the files is a reload. Without it (no watches left) only a request is.
  void watch();
  void stop() { watch_.stop(); }

 private:
  std::filesystem::path folder_;
  Use use_;
  provisioning::InventoryStatus status_;
  InventoryWatch watch_;
};

}  // namespace slipway::service
