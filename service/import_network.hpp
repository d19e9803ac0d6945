// service/import_network.hpp -- `slipway image import` from https://, http:// and oci://: the
// options, and what is fetched before the store sees it.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/import/download.hpp"
#include "images/import/oci_import.hpp"
#include "images/store.hpp"
#include "provisioning/config.hpp"

namespace slipway::service {

struct NetworkOptions {
  std::string proxy, ca;
  unsigned patience_seconds = 30;
  std::string registry_config;
  std::vector<std::string> mirrors;  // REGISTRY=URL
  bool insecure = false;
};

// Adds them to `image import`. `options` must outlive the parsing.
void add_network_options(CLI::App& import, NetworkOptions& options);

[[nodiscard]] bool is_url(std::string_view source);       // http:// or https://
[[nodiscard]] bool is_registry(std::string_view source);  // oci://

// Where parts of downloads are kept.
[[nodiscard]] std::filesystem::path downloads_folder(const images::Store& store);

// Fetches `url` into `folder`, with a progress bar; what a former call left there is gone on with.
// With `sha256` nothing else is taken.
[[nodiscard]] Fallible<images::Downloaded> fetch_url(const std::string& url,
                                                     const std::filesystem::path& folder,
                                                     const std::optional<Sha256>& sha256,
                                                     const NetworkOptions& options);

// What `options` leave open, from the settings and the environment.
void complete_options(NetworkOptions& options, const provisioning::ImageSources& sources);

// The same from a registry: a file, or an installer that has been published under `name`.
[[nodiscard]] Fallible<images::OciResult> fetch_oci(images::Store& store, const std::string& source,
                                                    const images::ImageName& name,
                                                    const std::string& cmdline,
                                                    const NetworkOptions& options);

}  // namespace slipway::service
