#include "images/import/layer_tree.hpp"

#include <algorithm>
#include <utility>

namespace slipway::images {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kReserved = ".wh..wh.";  // of AUFS: about layers, not in them
constexpr int kMaxLinks = 40;                       // as Linux follows

// For a message: a foreign name, bounded and printable.
std::string shown(std::string_view name) {
  std::string text(name.substr(0, 200));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return "\"" + text + "\"";
}

std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string joined(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : std::string(folder) + "/" + std::string(name);
}

// The names between the slashes.
std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

}  // namespace

Fallible<std::string> tree_path(std::string_view name) {
  if (name.starts_with('/')) return fail(shown(name) + ": an absolute name");
  if (name.find('\0') != std::string_view::npos) return fail(shown(name) + ": a NUL in a name");
  std::string path;
  for (const auto& part : parts_of(name)) {
    if (part == "..") return fail(shown(name) + ": a name that leads out of its folder");
    if (part != ".") path = joined(path, part);
  }
  return path;
}

Fallible<void> LayerTree::add(LayerMember member) {
  if (++members_ > limits_.max_members) {
    return fail("more than " + std::to_string(limits_.max_members) + " members in its layers");
  }
  if (member.name.size() > limits_.max_name_octets ||
      member.node.target.size() > limits_.max_name_octets) {
    return fail(shown(member.name) + ": a name of more than " +
                std::to_string(limits_.max_name_octets) + " octets");
  }
  auto path = tree_path(member.name);
  if (!path) return std::unexpected(path.error());
  const auto folder = parent_of(*path);
  const auto base = std::string_view(*path).substr(folder.empty() ? 0 : folder.size() + 1);
  const auto inside = "/" + std::string(folder) + "/";
  if (inside.find("/" + std::string(kReserved)) != std::string::npos) return {};
  if (base == kOpaque) {
    whiteouts_.push_back({std::string(folder), true});
  } else if (base.starts_with(kReserved)) {
    return {};
  } else if (base.starts_with(kWhiteout)) {
    const auto hidden = base.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") {
      return fail(shown(member.name) + ": a whiteout of no file");
    }
    whiteouts_.push_back({joined(folder, hidden), false});
  } else {
    member.name = std::move(*path);
    pending_.push_back(std::move(member));
  }
  return {};
}

Fallible<void> LayerTree::finish_layer() {
  for (const auto& [path, is_opaque] : whiteouts_) {
    if (!is_opaque) paths_.erase(path);
    erase_below(path);
  }
  whiteouts_.clear();
  for (const auto& member : pending_) {
    auto good = place(member);
    if (!good) return good;
  }
  pending_.clear();
  return {};
}

void LayerTree::erase_below(const std::string& folder) {
  if (folder.empty()) {
    paths_.clear();
    return;
  }
  // '0' follows '/': all that starts with "folder/" lies between the two.
  paths_.erase(paths_.lower_bound(folder + "/"), paths_.lower_bound(folder + "0"));
}

// Folders that no layer names have the time of what lies in them.
Fallible<void> LayerTree::make_parents(const LayerMember& member) {
  for (std::size_t slash = member.name.find('/'); slash != std::string::npos;
       slash = member.name.find('/', slash + 1)) {
    const auto folder = member.name.substr(0, slash);
    auto& node = paths_[folder];
    if (!node) {
      node = std::make_shared<Node>(Node{.mtime = member.node.mtime, .target = {}, .xattrs = {}});
    } else if (node->type != NodeType::folder) {
      return fail(shown(member.name) + ": lies below " + shown(folder) + ", which is " +
                  (node->type == NodeType::symlink ? "a symbolic link" : "a file"));
    }
  }
  return {};
}

Fallible<void> LayerTree::place(const LayerMember& member) {
  if (member.name.empty()) return {};  // the root has a mode, which nobody needs
  auto good = make_parents(member);
  if (!good) return good;
  if (!member.link.empty()) {
    const auto path = tree_path(member.link);
    if (!path) return fail(path.error(), shown(member.name) + " links to");
    const auto target = paths_.find(*path);
    if (target == paths_.end() || target->second->type == NodeType::folder) {
      return fail(shown(member.name) + ": a hard link to " + shown(*path) +
                  ", which is no file of the image");
    }
    if (*path == member.name) return {};
    const auto node = target->second;  // erase_below() may take the target away
    erase_below(member.name);
    paths_[member.name] = node;
    return {};
  }
  auto& node = paths_[member.name];
  const bool stays = node && node->type == NodeType::folder && member.node.type == NodeType::folder;
  node = std::make_shared<Node>(member.node);
  if (!stays) erase_below(member.name);
  return {};
}

std::shared_ptr<Node> LayerTree::resolve(std::string_view path) const {
  auto rest = parts_of(path);
  std::ranges::reverse(rest);  // the next one last
  std::string at;
  std::shared_ptr<Node> node;
  for (int links = 0; !rest.empty();) {
    const auto part = std::move(rest.back());
    rest.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      at = parent_of(at);
      continue;
    }
    const auto next = joined(at, part);
    const auto found = paths_.find(next);
    if (found == paths_.end()) return nullptr;
    node = found->second;
    if (node->type != NodeType::symlink) {
      at = next;
      continue;
    }
    if (++links > kMaxLinks) return nullptr;
    if (node->target.starts_with('/')) at.clear();
    auto target = parts_of(node->target);
    std::ranges::reverse(target);
    rest.insert(rest.end(), target.begin(), target.end());
  }
  const auto found = paths_.find(at);
  return found == paths_.end() ? nullptr : found->second;
}

}  // namespace slipway::images
