#include "service/import_network.hpp"

#include <chrono>
#include <cstdlib>
#include <utility>

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

// REGISTRY=URL.
Fallible<images::OciMirrors> mirrors_of(const std::vector<std::string>& texts) {
  images::OciMirrors mirrors;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return fail("--mirror: \"" + text + "\": expected REGISTRY=http[s]://HOST[:PORT][/PREFIX]");
    }
    mirrors[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return mirrors;
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
  import.add_option("--registry-config", options.registry_config,
                    "logins of registries, a docker-style config.json");
  import.add_option("--mirror", options.mirrors,
                    "REGISTRY=http[s]://HOST[:PORT][/PREFIX]: ask there in the registry's place");
  import.add_flag("--insecure", options.insecure, "plain http to a registry that has no TLS");
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

bool is_registry(std::string_view source) { return source.starts_with("oci://"); }

std::filesystem::path downloads_folder(const images::Store& store) {
  return store.tmp().parent_path() / "downloads";
}

// What stands on the command line comes last and so counts.
void complete_options(NetworkOptions& options, const provisioning::ImageSources& sources) {
  if (options.ca.empty()) options.ca = sources.ca.string();
  if (options.registry_config.empty()) options.registry_config = sources.registry_config.string();
  const char* folder = std::getenv("DOCKER_CONFIG");  // set once, by who started this program
  if (options.registry_config.empty() && folder != nullptr) {
    options.registry_config = (std::filesystem::path(folder) / "config.json").string();
  }
  std::vector<std::string> mirrors;
  for (const auto& [registry, url] : sources.mirrors) mirrors.push_back(registry + "=" + url);
  mirrors.insert(mirrors.end(), options.mirrors.begin(), options.mirrors.end());
  options.mirrors = std::move(mirrors);
}

Fallible<images::OciResult> fetch_oci(images::Store& store, const std::string& source,
                                      const images::ImageName& name, const std::string& cmdline,
                                      const NetworkOptions& options) {
  auto reference = images::OciReference::parse(source);
  if (!reference) return std::unexpected(reference.error());
  auto mirrors = mirrors_of(options.mirrors);
  if (!mirrors) return std::unexpected(mirrors.error());
  ProgressBar bar;
  const images::OciRequest request{
      .reference = std::move(*reference),
      .registry = {.web = web_options(options),
                   .config_file = options.registry_config,
                   .mirrors = std::move(*mirrors),
                   .insecure = options.insecure,
                   .folder = downloads_folder(store),
                   .progress =
                       [&bar](const std::string&, std::uint64_t done, std::uint64_t total) {
                         bar.show("fetch", done, total);
                         return true;
                       }},
      .name = name,
      .cmdline = cmdline};
  auto result = images::import_oci(store, request);
  bar.finish();
  return result;
}

}  // namespace slipway::service
