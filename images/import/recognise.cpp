#include "images/import/recognise.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace slipway::images {
namespace {

// A file that makes the layout what it is.
struct Part {
  std::string_view role;                   // its name in the set; empty: it only has to be there
  std::vector<std::string_view> patterns;  // the first that is there; of several, the last version
  FileForm form = FileForm::any;
};

struct Row {
  std::string_view kind, system;
  std::vector<Part> parts;
  std::vector<std::string_view> also = {};  // taken at their place when they are there
  std::vector<std::string_view> in_memory = {};
  bool whole_medium = false;
  std::string_view note = {};
};

constexpr std::string_view kCdNote =
    "the initrd of a CD looks for its packages on a CD drive; for a host without one import "
    "netboot.tar.gz or mini.iso of the same release";

std::vector<Row> kairos_rows() {
  using enum FileForm;
  return {
      {.kind = "kairos",
       .system = "Kairos or Palette installer",
       .parts = {{"kernel", {"boot/kernel"}, kernel},
                 {"initrd", {"boot/initrd"}, initrd},
                 {"rootfs", {"rootfs.squashfs"}, root_file_system}},
       // Content bundles come in parts of 3 GB, whose names go on behind ".zst".
       .also = {"opt/spectrocloud/content/*.zst*", "opt/spectrocloud/clusterconfig/spc.tgz",
                "*.zst"},
       .in_memory = {"initrd", "rootfs"}},
  };
}

std::vector<Row> debian_rows() {
  using enum FileForm;
  return {
      {.kind = "debian",
       .system = "Debian installer, netboot",
       .parts = {{"kernel", {"debian-installer/amd64/linux"}, kernel},
                 {"initrd", {"debian-installer/amd64/initrd.gz"}, initrd}},
       .in_memory = {"initrd"}},
      {.kind = "debian",
       .system = "Debian installer, CD",
       .parts = {{"kernel", {"install.amd/vmlinuz"}, kernel},
                 {"initrd", {"install.amd/initrd.gz"}, initrd}},
       .in_memory = {"initrd"},
       .note = kCdNote},
      {.kind = "debian",
       .system = "Debian installer, CD, graphical",
       .parts = {{"kernel", {"install.amd/gtk/vmlinuz", "install.amd/vmlinuz"}, kernel},
                 {"initrd", {"install.amd/gtk/initrd.gz"}, initrd}},
       .in_memory = {"initrd"},
       .note = kCdNote},
      {.kind = "debian",
       .system = "Debian installer, mini.iso",
       .parts = {{"kernel", {"linux"}, kernel}, {"initrd", {"initrd.gz"}, initrd}},
       .in_memory = {"initrd"}},
  };
}

std::vector<Row> live_rows() {
  using enum FileForm;
  return {
      {.kind = "debian-live",
       .system = "Debian live",
       .parts = {{"kernel", {"live/vmlinuz", "live/vmlinuz-*"}, kernel},
                 {"initrd", {"live/initrd.img", "live/initrd", "live/initrd.img-*"}, initrd},
                 {"rootfs", {"live/filesystem.squashfs"}, root_file_system}},
       .in_memory = {"initrd", "rootfs"}},
      {.kind = "ubuntu",
       .system = "Ubuntu live-server or desktop",
       .parts = {{"kernel", {"casper/vmlinuz", "casper/hwe-vmlinuz"}, kernel},
                 {"initrd", {"casper/initrd", "casper/initrd.*", "casper/hwe-initrd"}, initrd},
                 {"", {"casper/*.squashfs"}, root_file_system}},
       .in_memory = {"initrd"},
       .whole_medium = true},
  };
}

std::vector<Row> red_hat_rows() {
  using enum FileForm;
  return {
      {.kind = "fcos",
       .system = "Fedora CoreOS or RHEL CoreOS live",
       .parts = {{"kernel", {"images/pxeboot/vmlinuz"}, kernel},
                 {"initrd", {"images/pxeboot/initrd.img"}, initrd},
                 {"rootfs", {"images/pxeboot/rootfs.img"}, live_root}},
       .in_memory = {"initrd", "rootfs"}},
      {.kind = "fedora",
       .system = "Fedora, RHEL or a relative",
       .parts = {{"kernel", {"images/pxeboot/vmlinuz"}, kernel},
                 {"initrd", {"images/pxeboot/initrd.img"}, initrd},
                 {"images/install.img", {"images/install.img"}, root_file_system}},
       .also = {".treeinfo", ".discinfo", "images/updates.img", "images/product.img"},
       .in_memory = {"initrd", "images/install.img"}},
      {.kind = "fedora",
       .system = "RHEL 7 or a relative",
       .parts = {{"kernel", {"images/pxeboot/vmlinuz"}, kernel},
                 {"initrd", {"images/pxeboot/initrd.img"}, initrd},
                 {"LiveOS/squashfs.img", {"LiveOS/squashfs.img"}, root_file_system},
                 {".treeinfo", {".treeinfo"}, any}},
       .also = {".discinfo", "images/updates.img", "images/product.img"},
       .in_memory = {"initrd", "LiveOS/squashfs.img"}},
  };
}

std::vector<Row> talos_rows() {
  using enum FileForm;
  return {
      {.kind = "talos",
       .system = "Talos",
       .parts = {{"kernel", {"boot/vmlinuz"}, kernel}, {"initrd", {"boot/initramfs.xz"}, initrd}},
       .in_memory = {"initrd"}},
  };
}

// The order counts within a kind only: the first layout that is there is taken.
const std::vector<Row>& table() {
  static const std::vector<Row> kTable = [] {
    std::vector<Row> rows;
    for (auto* part : {kairos_rows, debian_rows, live_rows, red_hat_rows, talos_rows}) {
      std::ranges::move(part(), std::back_inserter(rows));
    }
    return rows;
  }();
  return kTable;
}

// Digits compare as numbers, so that 6.1.0-28 stands behind 6.1.0-9.
bool is_older(const Member* a, const Member* b) {
  return ::strverscmp(a->path.c_str(), b->path.c_str()) < 0;
}

Fallible<const Member*> locate(const ArchiveTree& tree, const Part& part) {
  for (const auto pattern : part.patterns) {
    if (pattern.find('*') == std::string_view::npos) {
      auto member = tree.find(pattern);
      if (!member || *member != nullptr) return member;
      continue;
    }
    const auto found = tree.all(pattern);
    if (!found.empty()) return *std::ranges::max_element(found, is_older);
  }
  return nullptr;
}

std::string text_of(const Part& part) {
  std::string text;
  for (const auto pattern : part.patterns) {
    text += (text.empty() ? "/" : " or /") + std::string(pattern);
  }
  return text;
}

// What one row finds; `missing` is what it does not.
struct Match {
  const Row* row = nullptr;
  std::vector<FoundFile> files;
  std::vector<std::string> missing;
};

bool is_given(const std::vector<GivenFile>& given, std::string_view role) {
  return std::ranges::find(given, role, &GivenFile::role) != given.end();
}

Fallible<Match> match(const ArchiveTree& tree, const Row& row,
                      const std::vector<GivenFile>& given) {
  Match result{.row = &row, .files = {}, .missing = {}};
  for (const auto& part : row.parts) {
    if (is_given(given, part.role)) continue;
    const auto member = locate(tree, part);
    if (!member) return std::unexpected(member.error());
    if (*member == nullptr) {
      result.missing.push_back(text_of(part));
    } else if (!part.role.empty()) {
      result.files.push_back({std::string(part.role), *member, part.form});
    }
  }
  return result;
}

Fallible<void> add_others(const ArchiveTree& tree, Match& found) {
  for (const auto pattern : found.row->also) {
    if (pattern.find('*') == std::string_view::npos) {
      const auto member = tree.find(pattern);
      if (!member) return std::unexpected(member.error());
      if (*member != nullptr) found.files.push_back({std::string(pattern), *member});
      continue;
    }
    for (const auto* member : tree.all(pattern)) found.files.push_back({member->path, member});
  }
  return {};
}

// Of a file that a person gave: what the kind's row wants in that role.
FileForm form_of(const Row* row, std::string_view role) {
  if (role.starts_with("initrd")) return FileForm::initrd;
  if (role == "kernel") return FileForm::kernel;
  if (row == nullptr) return FileForm::any;
  const auto part = std::ranges::find(row->parts, role, &Part::role);
  return part == row->parts.end() ? FileForm::any : part->form;
}

Fallible<void> add_given(const ArchiveTree& tree, const std::vector<GivenFile>& given,
                         const Row* row, std::vector<FoundFile>& files) {
  for (const auto& one : given) {
    // As people write paths of a medium, with a slash before them.
    const auto path = std::string_view(one.path).substr(one.path.starts_with('/') ? 1 : 0);
    const auto member = tree.find(path);
    if (!member) return std::unexpected(member.error());
    if (*member == nullptr) return fail("--" + one.role + ": no file " + one.path + " in it");
    files.push_back({one.role, *member, form_of(row, one.role)});
  }
  return {};
}

std::vector<const Row*> rows_of(std::string_view kind) {
  std::vector<const Row*> rows;
  for (const auto& row : table()) {
    if (kind.empty() || row.kind == kind) rows.push_back(&row);
  }
  return rows;
}

Installer generic(std::vector<FoundFile> files) {
  return {
      .kind = "generic", .system = "as given", .files = std::move(files), .in_memory = {"initrd"}};
}

Installer installer_from(Match found) {
  const auto& row = *found.row;
  return {.kind = std::string(row.kind),
          .system = std::string(row.system),
          .files = std::move(found.files),
          .whole_medium = row.whole_medium,
          .in_memory = {row.in_memory.begin(), row.in_memory.end()},
          .note = std::string(row.note)};
}

std::string looked_for(const std::vector<Match>& tried) {
  std::string text;
  for (const auto& one : tried) {
    text += (text.empty() ? "" : "; ") + std::string(one.row->kind) + " (" +
            std::string(one.row->system) + "): no ";
    for (std::size_t i = 0; i < one.missing.size(); ++i) {
      text += (i == 0 ? "" : ", no ") + one.missing[i];
    }
  }
  return text;
}

constexpr std::string_view kRemedy =
    "for another system say --kind generic --kernel PATH --initrd PATH[,PATH] --cmdline TEXT, with "
    "paths inside it";

Fallible<Installer> choose(const ArchiveTree& tree, std::vector<Match> found,
                           const std::vector<GivenFile>& given) {
  std::string kinds;
  for (const auto& one : found) {
    if (one.row->kind == found.front().row->kind) continue;
    kinds += (kinds.empty() ? "" : ", ") + std::string(one.row->kind);
  }
  if (!kinds.empty()) {
    return fail("it is more than one installer (" + std::string(found.front().row->kind) + ", " +
                kinds + "): say which with --kind");
  }
  auto& first = found.front();
  auto good = add_given(tree, given, first.row, first.files);
  if (good) good = add_others(tree, first);
  if (!good) return std::unexpected(good.error());
  return installer_from(std::move(first));
}

}  // namespace

std::vector<std::string_view> installer_kinds() {
  std::vector<std::string_view> kinds;
  for (const auto& row : table()) {
    if (std::ranges::find(kinds, row.kind) == kinds.end()) kinds.push_back(row.kind);
  }
  kinds.emplace_back("generic");
  return kinds;
}

Fallible<Installer> recognise(const ArchiveTree& tree, std::string_view kind,
                              const std::vector<GivenFile>& given) {
  if (kind == "generic") {
    std::vector<FoundFile> files;
    auto good = add_given(tree, given, nullptr, files);
    if (!good) return std::unexpected(good.error());
    return generic(std::move(files));
  }
  std::vector<Match> found, tried;
  for (const auto* row : rows_of(kind)) {
    if (row->whole_medium && !tree.is_iso()) continue;
    auto one = match(tree, *row, given);
    if (!one) return std::unexpected(one.error());
    (one->missing.empty() ? found : tried).push_back(std::move(*one));
  }
  if (!found.empty()) return choose(tree, std::move(found), given);
  return fail("no installer recognised in it. Looked for " + looked_for(tried) + ". " +
              std::string(kRemedy));
}

Fallible<Installer> installer_of(std::string_view kind, const std::vector<GivenFile>& given) {
  const auto rows = rows_of(kind);
  const Row* row = kind == "generic" || rows.empty() ? nullptr : rows.front();
  std::vector<FoundFile> files;
  for (const auto& one : given) files.push_back({one.role, nullptr, form_of(row, one.role)});
  if (row == nullptr) return generic(std::move(files));
  Match found{.row = row, .files = std::move(files), .missing = {}};
  for (const auto& part : row->parts) {
    if (!is_given(given, part.role)) found.missing.emplace_back(part.role);
  }
  if (row->whole_medium || !found.missing.empty()) {
    return fail("kind " + std::string(kind) + " needs " +
                (row->whole_medium ? "the ISO itself" : "its " + found.missing.front()) +
                ": give the ISO or archive as SOURCE");
  }
  return installer_from(std::move(found));
}

}  // namespace slipway::images
