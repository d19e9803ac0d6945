// images/import/layer_tree.hpp -- layers laid over each other: which files a container has. OCI
// image spec 1.1, "Layer Filesystem Changeset". Pure: no archive, no file system.
//
// Names are foreign. They are kept in a map and never reach the file system of this machine; all
// the same, what would lead out of the tree or through a link is refused, so that whoever unpacks
// what we make of it has nothing to fear.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace slipway::images {

enum class NodeType : std::uint8_t { folder, file, symlink };

struct Node {
  NodeType type = NodeType::folder;
  std::uint32_t mode = 0755;  // permissions, set-id and sticky bits
  std::uint32_t uid = 0, gid = 0;
  std::int64_t mtime = 0;    // seconds since 1970
  std::uint64_t octets = 0;  // of a file
  std::string target;        // of a symbolic link, as it stands
  std::vector<std::pair<std::string, std::string>> xattrs;
  // Where a file's content is: the `member`th of `layer`, both from 0.
  std::uint32_t layer = 0;
  std::uint64_t member = 0;
};

// One member of a layer's archive. A hard link has the target's name in `link`, and no content.
struct LayerMember {
  std::string name;
  Node node;
  std::string link = {};
};

struct TreeLimits {
  std::uint64_t max_members = 2'000'000;  // of all layers together
  std::size_t max_name_octets = 4'096;
};

class LayerTree {
 public:
  explicit LayerTree(TreeLimits limits = {}) : limits_(limits) {}

  // A member of the layer that is being read, or a whiteout. Fails for names that are absolute,
  // have a `..`, or a whiteout of neither a file nor a folder.
  [[nodiscard]] Fallible<void> add(LayerMember member);
  // The layer is whole: its whiteouts hide what is below it, whatever their order, and its members
  // come on top. Fails for members below a link or a file, and for hard links to what is not there.
  [[nodiscard]] Fallible<void> finish_layer();

  // By path, without a '/' at either end; the root is not among them. Hard links share their node.
  using Paths = std::map<std::string, std::shared_ptr<Node>, std::less<>>;
  [[nodiscard]] const Paths& paths() const { return paths_; }

  // The node at `path`, symbolic links on the way and at its end followed within the tree; nullptr
  // when there is none.
  [[nodiscard]] std::shared_ptr<Node> resolve(std::string_view path) const;

 private:
  struct Whiteout {
    std::string path;
    bool is_opaque;  // everything in it, not itself
  };
  [[nodiscard]] Fallible<void> place(const LayerMember& member);
  [[nodiscard]] Fallible<void> make_parents(const LayerMember& member);
  void erase_below(const std::string& folder);

  TreeLimits limits_;
  std::uint64_t members_ = 0;
  std::vector<LayerMember> pending_;
  std::vector<Whiteout> whiteouts_;
  Paths paths_;
};

// "./usr//bin/" -> "usr/bin"; the root is "". Fails for absolute names, `..` and NUL.
[[nodiscard]] Fallible<std::string> tree_path(std::string_view name);

}  // namespace slipway::images
