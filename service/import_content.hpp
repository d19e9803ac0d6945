// service/import_content.hpp -- `slipway image import FILE... --kind content`: files of the store
// that go onto a disk beside the image.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "images/store.hpp"

namespace slipway::service {

struct ContentSource {
  std::filesystem::path path;
  std::optional<Sha256> expected_sha256;
};

struct ContentRequest {
  images::ImageName name;
  std::vector<ContentSource> files;
};

// Stores the files as they are, each under its own name without a folder, and publishes them as one
// content. Shows a progress bar. Fails, and publishes nothing, for what is no regular file, a name
// that is not 1..200 of [A-Za-z0-9._+@-] or starts with '.', a name twice, or another digest.
[[nodiscard]] Fallible<images::FileSetInfo> import_content(images::Store& store,
                                                           const ContentRequest& request);

}  // namespace slipway::service
