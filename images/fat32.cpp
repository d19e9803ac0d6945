#include "images/fat32.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>

namespace slipway::images {
namespace {

constexpr std::size_t kSector = 512;  // a cluster is one sector, as mkfs.fat has it up to 260 MiB
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kReserved = 32;  // sectors before the tables
constexpr std::size_t kTables = 2;
constexpr std::size_t kMinClusters = 65525 + 16;  // p.14 advises a distance from the border
constexpr std::size_t kMaxOctets = std::size_t{1} << 30;
constexpr std::size_t kShortName = 11;
constexpr std::size_t kEntryOctets = 32;
constexpr std::size_t kMaxNames = 60;
constexpr std::uint32_t kFirstCluster = 2;
constexpr std::uint32_t kEndOfChain = 0x0FFFFFFF;
constexpr std::uint16_t kDate1980 = 1U << 5 | 1U;  // month 1, day 1
constexpr std::uint8_t kHardDisk = 0xF8;
constexpr std::uint8_t kVolumeLabel = 0x08, kFolder = 0x10, kFile = 0x20;

std::size_t sectors_of(std::size_t octets) { return (octets + kSector - 1) / kSector; }

bool is_name_part(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most && std::ranges::all_of(text, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

bool is_short_name(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return is_name_part(name, 1, 8);
  return is_name_part(name.substr(0, dot), 1, 8) && is_name_part(name.substr(dot + 1), 1, 3);
}

std::string padded(std::string_view text) {
  std::string out(text);
  out.resize(kShortName, ' ');
  return out;
}

// As it stands in a folder: "BOOTX64 EFI".
std::string stored_name(std::string_view name) {
  const auto dot = name.find('.');
  auto out = padded(name.substr(0, dot));
  if (dot != std::string_view::npos) {
    std::ranges::copy(name.substr(dot + 1), out.begin() + 8);
  }
  return out;
}

struct Node {
  std::map<std::string, Node> children;  // of a folder
  const Fat32File* file = nullptr;       // null: a folder
  std::uint32_t cluster = 0;             // where it starts; 0: an empty file
  [[nodiscard]] std::size_t folder_octets() const { return (children.size() + 2) * kEntryOctets; }
};

Fallible<void> put_path(Node& root, const Fat32File& file) {
  const auto bad = [&](const std::string& why) { return fail(file.path + ": " + why); };
  auto* node = &root;
  std::string_view rest = file.path;
  while (true) {
    const auto slash = rest.find('/');
    const auto name = rest.substr(0, slash);
    if (!is_short_name(name)) return bad("not a path of short names");
    const bool is_last = slash == std::string_view::npos;
    const auto [found, is_new] = node->children.try_emplace(std::string(name));
    if (node->children.size() > kMaxNames) return bad("too many names in a folder");
    if ((is_last && !is_new) || found->second.file != nullptr) return bad("is there twice");
    node = &found->second;
    if (is_last) break;
    rest.remove_prefix(slash + 1);
  }
  node->file = &file;
  return {};
}

// Gives every folder, then every file in the order in which it was given, its clusters.
class Layout {
 public:
  void place_folder(Node& node) {
    node.cluster = take(sectors_of(node.folder_octets()));
    for (auto& [name, child] : node.children) {
      if (child.file == nullptr)
        place_folder(child);
      else
        files_[child.file] = &child;
    }
  }
  void place_files(const std::vector<Fat32File>& files) {
    for (const auto& file : files) {
      if (!file.content.empty()) files_.at(&file)->cluster = take(sectors_of(file.content.size()));
    }
  }
  [[nodiscard]] std::size_t clusters() const { return next_ - kFirstCluster; }
  // First cluster and number of each chain.
  [[nodiscard]] const std::map<std::uint32_t, std::size_t>& chains() const { return chains_; }

 private:
  std::uint32_t take(std::size_t count) {
    chains_[next_] = count;
    const auto first = next_;
    next_ += static_cast<std::uint32_t>(count);
    return first;
  }
  std::uint32_t next_ = kFirstCluster;
  std::map<std::uint32_t, std::size_t> chains_;
  std::map<const Fat32File*, Node*> files_;
};

struct Geometry {
  std::size_t sectors = 0, table_sectors = 0;
  [[nodiscard]] std::size_t first_data() const { return kReserved + kTables * table_sectors; }
  [[nodiscard]] std::size_t clusters() const { return sectors - first_data(); }
};

Geometry geometry_for(std::size_t used_clusters) {
  const auto wanted = std::max(used_clusters, kMinClusters);
  Geometry made;
  // The tables also cover what rounding up to whole MiB adds: at most 2048 clusters.
  made.table_sectors = sectors_of((wanted + kFirstCluster + kMiB / kSector) * 4);
  const auto octets = (made.first_data() + wanted) * kSector;
  made.sectors = (octets + kMiB - 1) / kMiB * kMiB / kSector;
  return made;
}

void put_boot_sector(std::span<std::uint8_t> out, const Geometry& geometry, std::string_view label,
                     std::uint32_t volume_id) {
  Writer writer(out);
  writer.bytes(std::array<std::uint8_t, 3>{0xEB, 0x58, 0x90});
  writer.text("SLIPWAY ");
  writer.le16(kSector);
  writer.u8(1);  // sectors in a cluster
  writer.le16(kReserved);
  writer.u8(kTables);
  writer.le16(0);  // FAT32: the root folder is a chain, the counts are in 32 bits
  writer.le16(0);
  writer.u8(kHardDisk);
  writer.le16(0);
  writer.le16(63);  // sectors a track and heads: as mkfs.fat has them, nobody asks
  writer.le16(255);
  writer.le32(0);  // hidden sectors
  writer.le32(static_cast<std::uint32_t>(geometry.sectors));
  writer.le32(static_cast<std::uint32_t>(geometry.table_sectors));
  writer.le16(0);  // tables are mirrored
  writer.le16(0);  // version 0.0
  writer.le32(kFirstCluster);
  writer.le16(1);  // FSInfo
  writer.le16(6);  // backup of this sector
  writer.fill(12);
  writer.bytes(std::array<std::uint8_t, 3>{0x80, 0, 0x29});
  writer.le32(volume_id);
  writer.text(padded(label));
  writer.text("FAT32   ");
  Writer signature(out.subspan(510));
  signature.bytes(std::array<std::uint8_t, 2>{0x55, 0xAA});
}

// How much is free (p.21); a hint that fsck checks.
void put_info_sector(std::span<std::uint8_t> out, const Geometry& geometry, std::size_t used) {
  Writer writer(out);
  writer.text("RRaA");
  writer.fill(480);
  writer.text("rrAa");
  writer.le32(static_cast<std::uint32_t>(geometry.clusters() - used));
  writer.le32(static_cast<std::uint32_t>(kFirstCluster + used));
  Writer signature(out.subspan(510));
  signature.bytes(std::array<std::uint8_t, 2>{0x55, 0xAA});
}

void put_table(std::span<std::uint8_t> out, const Layout& layout) {
  Writer writer(out);
  writer.le32(0x0FFFFF00U | kHardDisk);
  writer.le32(kEndOfChain);
  for (const auto& [first, count] : layout.chains()) {
    for (std::size_t i = 1; i <= count; ++i) {
      writer.le32(i < count ? first + static_cast<std::uint32_t>(i) : kEndOfChain);
    }
  }
}

struct Entry {
  std::string name;  // as stored
  std::uint8_t attributes = 0;
  std::uint32_t cluster = 0;
  std::size_t octets = 0;
};

void put_entry(Writer& out, const Entry& entry) {
  out.text(entry.name);
  out.u8(entry.attributes);
  out.fill(4);
  out.le16(kDate1980);
  out.le16(kDate1980);
  out.le16(static_cast<std::uint16_t>(entry.cluster >> 16U));
  out.le16(0);
  out.le16(kDate1980);
  out.le16(static_cast<std::uint16_t>(entry.cluster));
  out.le32(static_cast<std::uint32_t>(entry.octets));
}

class Volume {
 public:
  Volume(std::span<std::uint8_t> out, const Geometry& geometry) : out_(out), geometry_(geometry) {}

  // `parent` is 0 for the root folder itself and for what lies in it (p.25).
  void put_folder(const Node& node, std::uint32_t parent, std::string_view label) {
    Writer writer(at(node.cluster, node.folder_octets()));
    if (!label.empty()) {
      put_entry(writer, {.name = padded(label), .attributes = kVolumeLabel});
    } else {
      put_entry(writer, {.name = padded("."), .attributes = kFolder, .cluster = node.cluster});
      put_entry(writer, {.name = padded(".."), .attributes = kFolder, .cluster = parent});
    }
    for (const auto& [name, child] : node.children) {
      const bool is_file = child.file != nullptr;
      put_entry(writer, {.name = stored_name(name),
                         .attributes = is_file ? kFile : kFolder,
                         .cluster = child.cluster,
                         .octets = is_file ? child.file->content.size() : 0});
      if (!is_file) {
        put_folder(child, label.empty() ? node.cluster : 0, {});
      } else if (child.cluster != 0) {
        std::ranges::copy(child.file->content,
                          at(child.cluster, child.file->content.size()).begin());
      }
    }
  }

 private:
  std::span<std::uint8_t> at(std::uint32_t cluster, std::size_t octets) {
    return out_.subspan((geometry_.first_data() + cluster - kFirstCluster) * kSector, octets);
  }
  std::span<std::uint8_t> out_;
  const Geometry& geometry_;
};

}  // namespace

Fallible<Bytes> make_fat32(std::string_view label, std::uint32_t volume_id,
                           const std::vector<Fat32File>& files) {
  if (!is_name_part(label, 1, kShortName)) {
    return fail("not a volume label: " + std::string(label));
  }
  Node root;
  std::size_t octets = 0;
  for (const auto& file : files) {
    if (const auto good = put_path(root, file); !good) return std::unexpected(good.error());
    octets += file.content.size();
    if (octets > kMaxOctets) return fail("more than 1 GiB for a FAT32 volume");
  }
  Layout layout;
  layout.place_folder(root);
  layout.place_files(files);
  const auto geometry = geometry_for(layout.clusters());
  Bytes out(geometry.sectors * kSector);
  const std::span volume(out);
  for (const std::size_t sector : {std::size_t{0}, std::size_t{6}}) {  // the second is the backup
    put_boot_sector(volume.subspan(sector * kSector, kSector), geometry, label, volume_id);
    put_info_sector(volume.subspan((sector + 1) * kSector, kSector), geometry, layout.clusters());
  }
  for (std::size_t i = 0; i < kTables; ++i) {
    const auto first = kReserved + i * geometry.table_sectors;
    put_table(volume.subspan(first * kSector, geometry.table_sectors * kSector), layout);
  }
  Volume(volume, geometry).put_folder(root, 0, label);
  return out;
}

}  // namespace slipway::images
