#include "images/import/layers.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "images/archive.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockOctets = std::size_t{256} << 10;
constexpr std::size_t kMaxXattrs = 64;
constexpr std::size_t kMaxXattrOctets = 65'536;

// In the C locale libarchive keeps names of pax headers as UTF-8 alone.
std::string text_of(const char* plain, const char* utf8) {
  if (plain != nullptr) return plain;
  return utf8 != nullptr ? utf8 : "";
}

// One layer's archive, member by member.
class LayerReader {
 public:
  static Fallible<LayerReader> open(const fs::path& path) {
    LayerReader reader;
    auto* handle = reader.handle_.get();
    if (handle == nullptr) throw std::bad_alloc();
    (void)archive_read_support_filter_gzip(handle);  // both are built in
    (void)archive_read_support_filter_zstd(handle);
    (void)archive_read_support_format_tar(handle);
    if (archive_read_open_filename(handle, path.c_str(), kBlockOctets) != ARCHIVE_OK) {
      return archive_failure("is no tar archive, plain, .gz or .zst", handle);
    }
    return reader;
  }

  // False at the end.
  Fallible<bool> next() {
    const int code = archive_read_next_header(handle_.get(), &entry_);
    if (code == ARCHIVE_EOF) return false;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
      return archive_failure("damaged", handle_.get());
    ++count_;
    return true;
  }

  [[nodiscard]] std::uint64_t member() const { return count_ - 1; }
  [[nodiscard]] archive_entry* entry() const { return entry_; }

  // Its content in pieces; holes are zeros.
  Fallible<void> content(const std::function<Fallible<void>(ByteView)>& take) {
    Bytes piece(kBlockOctets);
    while (true) {
      const auto got = archive_read_data(handle_.get(), piece.data(), piece.size());
      if (got < 0) return archive_failure("damaged", handle_.get());
      if (got == 0) return {};
      auto good = take(ByteView(piece).first(static_cast<std::size_t>(got)));
      if (!good) return good;
    }
  }

 private:
  ArchiveHandle handle_{archive_read_new()};
  archive_entry* entry_ = nullptr;  // of the handle
  std::uint64_t count_ = 0;
};

std::vector<std::pair<std::string, std::string>> xattrs_of(archive_entry* entry) {
  std::vector<std::pair<std::string, std::string>> found;
  (void)archive_entry_xattr_reset(entry);  // their count, which the loop finds out
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t octets = 0;
  while (found.size() < kMaxXattrs &&
         archive_entry_xattr_next(entry, &name, &value, &octets) == ARCHIVE_OK) {
    // Capabilities belong to programs; labels of another machine's security module do not.
    const std::string_view key = name;
    const bool wanted = key == "security.capability" || key.starts_with("user.");
    if (!wanted || octets > kMaxXattrOctets) continue;
    found.emplace_back(key, std::string(static_cast<const char*>(value), octets));
  }
  std::ranges::sort(found);
  return found;
}

std::optional<NodeType> type_of(archive_entry* entry) {
  switch (archive_entry_filetype(entry)) {
    case AE_IFDIR: return NodeType::folder;
    case AE_IFREG: return NodeType::file;
    case AE_IFLNK: return NodeType::symlink;
    default: return std::nullopt;
  }
}

// Nullopt for device nodes, pipes and sockets.
std::optional<LayerMember> member_of(archive_entry* entry) {
  LayerMember member;
  member.name = text_of(archive_entry_pathname(entry), archive_entry_pathname_utf8(entry));
  member.link = text_of(archive_entry_hardlink(entry), archive_entry_hardlink_utf8(entry));
  const auto type = member.link.empty() ? type_of(entry) : NodeType::file;
  if (!type) return std::nullopt;
  auto& node = member.node;
  node.type = *type;
  node.mode = static_cast<std::uint32_t>(archive_entry_perm(entry));
  node.uid = static_cast<std::uint32_t>(archive_entry_uid(entry));
  node.gid = static_cast<std::uint32_t>(archive_entry_gid(entry));
  node.mtime = std::max<std::int64_t>(0, archive_entry_mtime(entry));
  if (node.type == NodeType::file && member.link.empty()) {
    node.octets = static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
  }
  if (node.type == NodeType::symlink) {
    node.target = text_of(archive_entry_symlink(entry), archive_entry_symlink_utf8(entry));
  }
  node.xattrs = xattrs_of(entry);
  return member;
}

// The first pass.
class Gathering {
 public:
  explicit Gathering(const LayerLimits& limits) : limits_(limits), read_{LayerTree(limits.tree)} {}

  Fallible<void> layer(const fs::path& path, std::uint32_t number) {
    std::error_code error;
    packed_ += fs::file_size(path, error);
    if (error) return fail("reading " + path.string() + ": " + error.message());
    auto reader = LayerReader::open(path);
    if (!reader) return std::unexpected(reader.error());
    while (true) {
      const auto more = reader->next();
      if (!more) return std::unexpected(more.error());
      if (!*more) return read_.tree.finish_layer();
      auto good = take(reader->entry(), number, reader->member());
      if (!good) return good;
    }
  }

  ReadLayers finish() && { return std::move(read_); }

 private:
  // The size that a member declares is held against the limits before its content is skipped.
  Fallible<void> take(archive_entry* entry, std::uint32_t layer, std::uint64_t number) {
    const auto declared =
        static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
    const auto by_ratio = limits_.free_octets + packed_ * limits_.max_ratio;
    const auto limit = std::min(limits_.max_octets, by_ratio);
    if (declared > limit - std::min(limit, octets_)) {
      return fail("its files have more than " + std::to_string(limit) + " octets, which is " +
                  (limit == by_ratio ? "no ratio of a container image" : "the most that is taken"));
    }
    octets_ += declared;
    auto member = member_of(entry);
    if (!member) {
      ++read_.left_out;
      return {};
    }
    member->node.layer = layer;
    member->node.member = number;
    read_.newest = std::max(read_.newest, member->node.mtime);
    return read_.tree.add(std::move(*member));
  }

  LayerLimits limits_;
  ReadLayers read_;
  std::uint64_t packed_ = 0;  // octets of the layers so far
  std::uint64_t octets_ = 0;  // of their files
};

// The archive that is written.
class TarWriter {
 public:
  explicit TarWriter(const TreeSink& sink) : sink_(sink) {}

  Fallible<void> open() {
    auto* handle = handle_.get();
    if (handle == nullptr) throw std::bad_alloc();
    const bool good =
        archive_write_set_format_pax(handle) == ARCHIVE_OK &&
        // Names are octets here, whatever the locale.
        archive_write_set_options(handle, "hdrcharset=BINARY") == ARCHIVE_OK &&
        archive_write_set_bytes_per_block(handle, 0) == ARCHIVE_OK &&
        archive_write_open2(handle, this, nullptr, &pass_on, nullptr, nullptr) == ARCHIVE_OK;
    return good ? Fallible<void>{} : failed("the flattened archive");
  }

  Fallible<void> header(const std::string& path, const Node& node) {
    const auto entry = new_entry(path, node);
    if (node.type == NodeType::folder) archive_entry_set_filetype(entry.get(), AE_IFDIR);
    if (node.type == NodeType::file) {
      archive_entry_set_filetype(entry.get(), AE_IFREG);
      archive_entry_set_size(entry.get(), static_cast<la_int64_t>(node.octets));
    }
    if (node.type == NodeType::symlink) {
      archive_entry_set_filetype(entry.get(), AE_IFLNK);
      archive_entry_copy_symlink(entry.get(), node.target.c_str());
    }
    for (const auto& [name, value] : node.xattrs) {
      archive_entry_xattr_add_entry(entry.get(), name.c_str(), value.data(), value.size());
    }
    return write(entry.get(), path);
  }

  Fallible<void> link(const std::string& path, const std::string& target, const Node& node) {
    const auto entry = new_entry(path, node);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_copy_hardlink(entry.get(), target.c_str());
    return write(entry.get(), path);
  }

  Fallible<void> content(ByteView octets) {
    const auto done = archive_write_data(handle_.get(), octets.data(), octets.size());
    if (done == static_cast<la_ssize_t>(octets.size())) return {};
    return failed("the flattened archive");
  }

  Fallible<void> close() {
    if (archive_write_close(handle_.get()) == ARCHIVE_OK) return {};
    return failed("the flattened archive");
  }

 private:
  static EntryHandle new_entry(const std::string& path, const Node& node) {
    EntryHandle entry(archive_entry_new());
    if (!entry) throw std::bad_alloc();
    archive_entry_copy_pathname(entry.get(), path.c_str());
    archive_entry_set_perm(entry.get(), node.mode);
    archive_entry_set_uid(entry.get(), node.uid);
    archive_entry_set_gid(entry.get(), node.gid);
    archive_entry_set_mtime(entry.get(), node.mtime, 0);
    return entry;
  }

  Fallible<void> write(archive_entry* entry, const std::string& path) {
    const int code = archive_write_header(handle_.get(), entry);
    return code == ARCHIVE_OK || code == ARCHIVE_WARN ? Fallible<void>{} : failed(path);
  }

  [[nodiscard]] Fallible<void> failed(const std::string& doing) {
    if (failure_) return std::unexpected(*failure_);
    return archive_failure(doing, handle_.get());
  }

  static la_ssize_t pass_on(archive* handle, void* user, const void* data, std::size_t octets) {
    auto& writer = *static_cast<TarWriter*>(user);
    const auto good = writer.sink_.tar({static_cast<const std::uint8_t*>(data), octets});
    if (good) return static_cast<la_ssize_t>(octets);
    writer.failure_ = good.error();
    archive_set_error(handle, EIO, "stopped");
    return -1;
  }

  const TreeSink& sink_;
  std::optional<Error> failure_;  // of the sink
  ArchiveHandle handle_{archive_write_new()};
};

using Place = std::pair<std::uint32_t, std::uint64_t>;  // layer, member
struct Named {
  const Node* node = nullptr;
  std::vector<std::string> paths;  // sorted; the first gets the content
};
using Files = std::map<Place, Named>;

// The second pass, over one layer.
Fallible<void> write_files(const fs::path& layer, std::uint32_t number, const Files& files,
                           TarWriter& writer, const TreeSink& sink) {
  auto reader = LayerReader::open(layer);
  if (!reader) return std::unexpected(reader.error());
  while (true) {
    const auto more = reader->next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    const auto found = files.find({number, reader->member()});
    if (found == files.end()) continue;
    const auto& [node, paths] = found->second;
    auto good = writer.header(paths.front(), *node);
    if (good) {
      good = reader->content([&](ByteView octets) {
        auto passed = sink.content ? sink.content(*node, octets) : Fallible<void>{};
        return passed ? writer.content(octets) : passed;
      });
    }
    for (std::size_t i = 1; good && i < paths.size(); ++i) {
      good = writer.link(paths[i], paths.front(), *node);
    }
    if (!good) return good;
  }
}

std::string layer_name(std::size_t number) { return "layer " + std::to_string(number + 1); }

}  // namespace

Fallible<ReadLayers> read_layers(const std::vector<fs::path>& layers, const LayerLimits& limits) {
  Gathering gathering(limits);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto good = gathering.layer(layers[i], static_cast<std::uint32_t>(i));
    if (!good) return fail(good.error(), layer_name(i));
  }
  return std::move(gathering).finish();
}

Fallible<void> write_tree(const LayerTree& tree, const std::vector<fs::path>& layers,
                          const TreeSink& sink) {
  TarWriter writer(sink);
  auto good = writer.open();
  Files files;
  for (const auto type : {NodeType::folder, NodeType::symlink, NodeType::file}) {
    for (const auto& [path, node] : tree.paths()) {
      if (!good) return good;
      if (node->type != type) continue;
      if (type != NodeType::file) {
        good = writer.header(path, *node);
        continue;
      }
      auto& named = files[{node->layer, node->member}];
      named.node = node.get();
      named.paths.push_back(path);
    }
  }
  for (std::size_t i = 0; good && i < layers.size(); ++i) {
    good = write_files(layers[i], static_cast<std::uint32_t>(i), files, writer, sink);
    if (!good) return fail(good.error(), layer_name(i));
  }
  return good ? writer.close() : good;
}

}  // namespace slipway::images
