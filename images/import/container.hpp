// images/import/container.hpp -- a container image -> an installer: kernel, initrd and root file
// system.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "images/file_set.hpp"
#include "images/import/layers.hpp"
#include "images/store.hpp"

namespace slipway::images {

struct ContainerRequest {
  ImageName name;
  SourceFile source;  // where it came from; the digest of its manifest
  std::string cmdline = {};
  std::vector<std::string> found = {};        // lines for people, before what is found here
  std::vector<std::filesystem::path> layers;  // the lowest first
  std::filesystem::path folder;               // for what is being made; emptied again
  LayerLimits limits = {};
};

// Publishes the files `kernel`, `initrd` and `rootfs` (squashfs) of the flattened layers: of kind
// `kairos` when it looks like one, else `generic`. A refusal says what was looked for.
[[nodiscard]] Fallible<FileSetInfo> import_container(Store& store, const ContainerRequest& request);

// What a container is started with, by its names.
struct ContainerBoot {
  std::string kernel, initrd;  // paths in the tree, links not followed
  bool is_kairos = false;
};
[[nodiscard]] Fallible<ContainerBoot> find_boot(const LayerTree& tree);

}  // namespace slipway::images
