// service/flash_source.hpp -- the image that `slipway flash` was asked for, wherever it is.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "images/manifest.hpp"
#include "images/writer.hpp"
#include "service/progress_bar.hpp"

namespace slipway::service {

struct FlashImage {
  std::string name;  // for messages
  images::VerifiedManifest manifest;
  std::unique_ptr<images::Fetcher> fetcher;
};

struct FlashImageRequest {
  std::string image;  // an URL, a file, or NAME@VERSION
  // Of the image file, or of the file that was imported: what the manifest says, then.
  std::optional<Sha256> expected_sha256 = {};
  // Of the data blob, for an URL; without it image.zst beside the manifest is taken.
  std::optional<Sha256> data_sha256 = {};
  std::filesystem::path store = {};  // of NAME@VERSION; empty: there are no settings
};

// http://ADDRESS[:PORT]/artifacts/SHA256/manifest.json: the manifest must hash to what its URL
// says. A file is read once, to make its manifest. Fails with a sentence, before anything else is
// touched.
[[nodiscard]] Fallible<FlashImage> open_flash_image(const FlashImageRequest& request,
                                                    ProgressBar& bar);

}  // namespace slipway::service
