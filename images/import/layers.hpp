// images/import/layers.hpp -- layers of a container image, read as streams by libarchive, and what
// they come to as one tar stream.
//
// Twice over the layers: first their names make a LayerTree, then the content of what is still
// there goes out, in the order of the layers. Nothing is unpacked anywhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "images/import/layer_tree.hpp"

namespace slipway::images {

struct LayerLimits {
  std::uint64_t max_octets = std::uint64_t{64} << 30;  // of all files of all layers
  // Container layers pack at 1:2 to 1:5. What is beyond `free_octets` and this ratio is a bomb.
  std::uint64_t max_ratio = 200;
  std::uint64_t free_octets = std::uint64_t{256} << 20;
  TreeLimits tree = {};
};

struct ReadLayers {
  LayerTree tree;
  std::uint64_t left_out = 0;  // device nodes, pipes and sockets
  std::int64_t newest = 0;     // of all times, seconds since 1970
};

// The tree of `layers`, the lowest first: tar, plain or packed by gzip or zstd. The error names the
// layer and the member.
[[nodiscard]] Fallible<ReadLayers> read_layers(const std::vector<std::filesystem::path>& layers,
                                               const LayerLimits& limits = {});

struct TreeSink {
  std::function<Fallible<void>(ByteView)> tar;
  // The content of each file, as it passes; may be empty.
  std::function<Fallible<void>(const Node&, ByteView)> content = {};
};

// The tree as one pax archive: folders and symbolic links by name, then files in the order of their
// layers, each followed by its hard links. The same layers give the same octets. `layers` are those
// that the tree was made of.
[[nodiscard]] Fallible<void> write_tree(const LayerTree& tree,
                                        const std::vector<std::filesystem::path>& layers,
                                        const TreeSink& sink);

}  // namespace slipway::images
