// images/export.hpp -- what the store holds, given back as files.
#pragma once

#include <filesystem>

#include "images/store.hpp"
#include "images/verify.hpp"

namespace slipway::images {

enum class ExportForm { raw, packed };

// Writes a disk image into `target`, raw (sparse) or as its zstd blob. Each chunk is checked. The
// file has its name when all of it is there, and else does not exist; an older one is replaced.
[[nodiscard]] Fallible<void> export_image(const Store& store, const ImageInfo& image,
                                          ExportForm form, const std::filesystem::path& target,
                                          const VerifyProgress& progress);

// Writes the files of a set into the new folder `target`, under their names, each checked. The
// folder has its name when all of it is there, and else does not exist.
[[nodiscard]] Fallible<void> export_set(const Store& store, const FileSet& set,
                                        const std::filesystem::path& target,
                                        const VerifyProgress& progress);

}  // namespace slipway::images
