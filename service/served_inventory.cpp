#include "service/served_inventory.hpp"

#include <chrono>
#include <ctime>
#include <thread>

#include "base/json.hpp"
#include "service/inventory_digest.hpp"
#include "service/operator_client.hpp"

namespace slipway::service {
namespace {

std::string clock_text(std::uint64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return std::to_string(unix_ms);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local));
  return text;
}

}  // namespace

std::string served_otherwise(const provisioning::Config& config) {
  constexpr int kLooks = 5;
  constexpr std::chrono::milliseconds kPause{500};
  OperatorClient client(config);
  for (int look = 1;; ++look) {
    const auto answer = client.get("inventory");
    if (!answer) return {};  // none runs, or it does not answer us
    const JsonView served(*answer);
    const auto digest = inventory_digest(config.inventory).text();
    if (served.text_or("digest", "") == digest) return {};
    const auto refused = served.number_or("refused_ms", 0);
    if (look < kLooks && refused == 0) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    auto text = "the running service still serves the inventory of " +
                clock_text(served.number_or("loaded_ms", 0)) + ", " +
                std::to_string(served.number_or("hosts", 0)) + " hosts";
    if (refused != 0) return text + "; since " + clock_text(refused) + " it refuses the files";
    return text + "; `slipway serve` reads the files again on SIGHUP";
  }
}

}  // namespace slipway::service
