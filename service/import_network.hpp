// service/import_network.hpp -- `slipway image import` from https://, http:// and oci://: the
// options, and what is fetched before the store sees it.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/import/download.hpp"

namespace slipway::service {

struct NetworkOptions {
  std::string proxy, ca;
  unsigned patience_seconds = 30;
};

// Adds them to `image import`. `options` must outlive the parsing.
void add_network_options(CLI::App& import, NetworkOptions& options);

[[nodiscard]] bool is_url(std::string_view source);  // http:// or https://

// Fetches `url` into `folder`, with a progress bar; what a former call left there is gone on with.
// With `sha256` nothing else is taken.
[[nodiscard]] Fallible<images::Downloaded> fetch_url(const std::string& url,
                                                     const std::filesystem::path& folder,
                                                     const std::optional<Sha256>& sha256,
                                                     const NetworkOptions& options);

}  // namespace slipway::service
