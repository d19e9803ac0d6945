#include "service/inventory_change.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <tuple>

#include "service/operator_client.hpp"

namespace slipway::service {

namespace json = boost::json;
namespace prov = slipway::provisioning;

bool say_mistakes(Common& common, prov::Mistakes mistakes, const std::filesystem::path& file) {
  std::erase_if(mistakes, [&](const prov::Mistake& mistake) {
    return mistake.is_warning && mistake.mark.file != file.string();
  });
  std::ranges::sort(mistakes, {}, [](const prov::Mistake& mistake) {
    return std::tuple(mistake.mark.file, mistake.mark.line, mistake.mark.column, mistake.text);
  });
  const auto [first, last] = std::ranges::unique(mistakes, {}, &prov::Mistake::line);
  mistakes.erase(first, last);
  for (const auto& mistake : mistakes) std::cerr << mistake.line() << "\n";
  const bool good = std::ranges::all_of(mistakes, &prov::Mistake::is_warning);
  if (!good) common.exit_code = 1;
  return good;
}

void say_draft(const Common& common, const prov::InventoryDraft& draft) {
  json::array paths;
  for (const auto& file : draft.files()) paths.emplace_back(file.path.string());
  if (common.json) {
    std::cout << json::serialize(json::object{{"would_write", std::move(paths)}}) << "\n";
    return;
  }
  for (const auto& path : paths) std::cout << "would write " << path.as_string().c_str() << "\n";
}

std::optional<json::object> write_and_reload(Common& common, const prov::Config& config,
                                             const prov::InventoryDraft& draft) {
  const auto written = prov::write_additions(draft);
  if (!written) {
    common.failed(written.error());
    return std::nullopt;
  }
  json::array paths;
  for (const auto& path : *written) {
    paths.emplace_back(path.string());
    if (!common.json) std::cout << "wrote " << path.string() << "\n";
  }
  OperatorClient client(config);
  const bool running = client.is_running();
  if (running) {
    const auto reloaded = client.post("reload", json::object{});
    if (!reloaded) {
      common.failed(reloaded.error().within("the files are written, but not in force"));
      return std::nullopt;
    }
  }
  return json::object{{"written", std::move(paths)}, {"reloaded", running}};
}

}  // namespace slipway::service
