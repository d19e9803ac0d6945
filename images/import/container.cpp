#include "images/import/container.hpp"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/crypto.hpp"
#include "images/files.hpp"
#include "images/import/squashfs.hpp"
#include "images/import/store_file.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxOsRelease = 65'536;

// In the order of preference; within one pattern the highest version counts.
constexpr std::array kKernels{"boot/kernel",          "boot/vmlinuz",   "boot/bzImage",
                              "boot/Image",           "boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz",
                              "lib/modules/*/vmlinuz"};
constexpr std::array kInitrds{"boot/initrd",
                              "boot/initrd.img",
                              "boot/initramfs",
                              "boot/initramfs.img",
                              "boot/initrd*",
                              "boot/initramfs*",
                              "usr/lib/modules/*/initramfs.img"};
constexpr std::array kOsReleases{"etc/os-release", "usr/lib/os-release"};
// Marks of Kairos, and of the toolkit that it comes from.
constexpr std::array kKairosMarks{"etc/kairos-release", "usr/bin/kairos-agent", "etc/cos",
                                  "system/oem"};

template <std::size_t N>
std::string listed(const std::array<const char*, N>& patterns) {
  std::string text;
  for (const auto* pattern : patterns) text.append(text.empty() ? "/" : ", /").append(pattern);
  return text;
}

bool is_filled_file(const LayerTree& tree, const std::string& path) {
  const auto node = tree.resolve(path);
  return node && node->type == NodeType::file && node->octets > 0;
}

// Kernels that only dump memory or mend are none to start an installer with.
bool is_special(const std::string& path) {
  return path.find("kdump") != std::string::npos || path.find("rescue") != std::string::npos;
}

template <std::size_t N>
std::string first_of(const LayerTree& tree, const std::array<const char*, N>& patterns) {
  for (const auto* pattern : patterns) {
    std::string best;
    for (const auto& [path, node] : tree.paths()) {
      if (::fnmatch(pattern, path.c_str(), FNM_PATHNAME) != 0 || is_special(path)) continue;
      if (!is_filled_file(tree, path)) continue;
      if (best.empty() || ::strverscmp(path.c_str(), best.c_str()) > 0) best = path;
    }
    if (!best.empty()) return best;
  }
  return {};
}

// The value of KEY in the text of an os-release, without its quotes.
std::string value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto end = std::min(text.size(), text.find('\n'));
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (!line.starts_with(key) || !line.substr(key.size()).starts_with('=')) continue;
    line.remove_prefix(key.size() + 1);
    std::string value;
    for (const char c : line.substr(0, 200)) {
      if (c != '"' && c != '\'' && c >= ' ' && c <= '~') value += c;
    }
    return value;
  }
  return {};
}

// Octets of some files as they pass by.
class Catch {
 public:
  static Fallible<Catch> begin(Store& store) {
    auto kernel = store.begin_blob();
    if (!kernel) return std::unexpected(kernel.error());
    auto initrd = store.begin_blob();
    if (!initrd) return std::unexpected(initrd.error());
    return Catch(std::move(*kernel), std::move(*initrd));
  }

  void look_for(const LayerTree& tree, const ContainerBoot& boot) {
    kernel_node_ = tree.resolve(boot.kernel);
    initrd_node_ = tree.resolve(boot.initrd);
    for (const auto* path : kOsReleases) {
      if (!release_node_) release_node_ = tree.resolve(path);
    }
  }

  Fallible<void> take(const Node& node, ByteView octets) {
    if (&node == release_node_.get() && release_.size() + octets.size() <= kMaxOsRelease) {
      release_ += as_text(octets);
    }
    if (&node == kernel_node_.get()) {
      auto good = kernel_.write(octets);
      if (!good) return good;
    }
    return &node == initrd_node_.get() ? initrd_.write(octets) : Fallible<void>{};
  }

  [[nodiscard]] const std::string& os_release() const { return release_; }

  Fallible<std::vector<StoredFile>> finish() && {
    const auto kernel = std::move(kernel_).finish();
    if (!kernel) return std::unexpected(kernel.error());
    const auto initrd = std::move(initrd_).finish();
    if (!initrd) return std::unexpected(initrd.error());
    return std::vector<StoredFile>{{"kernel", kernel->octets, kernel->sha256},
                                   {"initrd", initrd->octets, initrd->sha256}};
  }

 private:
  Catch(BlobWriter kernel, BlobWriter initrd)
      : kernel_(std::move(kernel)), initrd_(std::move(initrd)) {}

  BlobWriter kernel_, initrd_;
  std::shared_ptr<Node> kernel_node_, initrd_node_, release_node_;
  std::string release_;
};

// A file that is gone when its object is.
class ScratchFile {
 public:
  explicit ScratchFile(fs::path path) : path_(std::move(path)) {}
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { (void)::unlink(path_.c_str()); }  // it may not have come into being
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<std::string> found_lines(std::vector<std::string> lines, const ReadLayers& read,
                                     const ContainerBoot& boot, const std::string& os_release) {
  lines.push_back("kernel /" + boot.kernel);
  lines.push_back("initrd /" + boot.initrd);
  lines.push_back("rootfs of " + std::to_string(read.tree.paths().size()) + " files and folders");
  const auto os = value_of(os_release, "PRETTY_NAME");
  if (!os.empty()) lines.push_back("system " + os);
  if (read.left_out > 0) {
    lines.push_back("left out: " + std::to_string(read.left_out) +
                    " device nodes, pipes and sockets");
  }
  return lines;
}

}  // namespace

Fallible<ContainerBoot> find_boot(const LayerTree& tree) {
  ContainerBoot boot{.kernel = first_of(tree, kKernels), .initrd = first_of(tree, kInitrds)};
  if (boot.kernel.empty()) {
    return fail("there is no kernel in the image; looked for " + listed(kKernels));
  }
  if (boot.initrd.empty()) {
    return fail("there is no initrd in the image; looked for " + listed(kInitrds));
  }
  boot.is_kairos = std::ranges::any_of(
      kKairosMarks, [&](const char* path) { return tree.resolve(path) != nullptr; });
  return boot;
}

Fallible<FileSetInfo> import_container(Store& store, const ContainerRequest& request) {
  const auto read = read_layers(request.layers, request.limits);
  if (!read) return std::unexpected(read.error());
  const auto boot = find_boot(read->tree);
  if (!boot) return std::unexpected(boot.error());
  auto caught = Catch::begin(store);
  if (!caught) return std::unexpected(caught.error());
  caught->look_for(read->tree, *boot);

  auto good = make_folders(request.folder, request.folder.root_path());
  if (!good) return std::unexpected(good.error());
  const ScratchFile rootfs(request.folder / ("rootfs-" + random_hex(8)));
  good = make_squashfs(rootfs.path(), read->newest, [&](const auto& take) {
    return write_tree(read->tree, request.layers,
                      {.tar = take, .content = [&](const Node& node, ByteView octets) {
                         return caught->take(node, octets);
                       }});
  });
  if (!good) return std::unexpected(good.error());
  const auto stored = store_file(store, rootfs.path(), "rootfs");
  if (!stored) return std::unexpected(stored.error());

  const auto os_release = caught->os_release();
  const bool is_kairos = boot->is_kairos || os_release.find("KAIROS_") != std::string::npos;
  auto files = std::move(*caught).finish();
  if (!files) return std::unexpected(files.error());
  files->push_back(*stored);
  return store.publish({.name = request.name,
                        .type = FileSetType::installer,
                        .kind = is_kairos ? "kairos" : "generic",
                        .source = request.source,
                        .cmdline = request.cmdline,
                        .files = std::move(*files),
                        .found = found_lines(request.found, *read, *boot, os_release)});
}

}  // namespace slipway::images
