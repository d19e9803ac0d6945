#include "service/import_network.hpp"

#include <chrono>

#include "service/progress_bar.hpp"

namespace slipway::service {
namespace {

images::WebOptions web_options(const NetworkOptions& options) {
  images::WebOptions web;
  web.proxies.named = options.proxy;
  web.ca_file = options.ca;
  web.patience = std::chrono::seconds(options.patience_seconds);
  return web;
}

}  // namespace

void add_network_options(CLI::App& import, NetworkOptions& options) {
  import.add_option("--proxy", options.proxy,
                    "fetch through this proxy; default: the environment's");
  import.add_option("--ca", options.ca, "PEM file of authorities, besides the system's")
      ->check(CLI::ExistingFile);
  import
      .add_option("--patience", options.patience_seconds,
                  "seconds that a server may be silent before it is asked again")
      ->check(CLI::Range(1U, 3600U))
      ->capture_default_str();
}

bool is_url(std::string_view source) {
  return source.starts_with("https://") || source.starts_with("http://");
}

Fallible<images::Downloaded> fetch_url(const std::string& url, const std::filesystem::path& folder,
                                       const std::optional<Sha256>& sha256,
                                       const NetworkOptions& options) {
  ProgressBar bar;
  const images::DownloadRequest request{
      .source = {.url = url},
      .folder = folder,
      .sha256 = sha256,
      .progress = [&bar](std::uint64_t done, std::uint64_t total) {
        bar.show("fetch", done, total);
        return true;
      }};
  auto downloaded = images::download(web_options(options), request);
  bar.finish();
  return downloaded;
}

}  // namespace slipway::service
