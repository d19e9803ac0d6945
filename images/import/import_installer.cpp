#include "images/import/import_installer.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/progress.hpp"
#include "images/import/archive_feed.hpp"
#include "images/import/archive_tree.hpp"
#include "images/import/recognise.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockOctets = std::size_t{1} << 20;
// Each is an open file until all are whole. Content in parts of 3 GB makes 600 GB.
constexpr std::size_t kMaxFiles = 200;

// Octets from anywhere, as ArchiveTree gives those of its members.
using Pull = ArchiveTree::Pull;

struct Taken {
  BlobWriter blob;
  std::vector<std::size_t> places;  // in Installer::files; a file may have several roles
};

std::vector<GivenFile> given_by(const InstallerRequest& request) {
  std::vector<GivenFile> given;
  if (!request.kernel.empty()) given.push_back({"kernel", request.kernel});
  for (std::size_t i = 0; i < request.initrds.size(); ++i) {
    given.push_back({i == 0 ? "initrd" : "initrd" + std::to_string(i + 1), request.initrds[i]});
  }
  if (!request.rootfs.empty()) given.push_back({"rootfs", request.rootfs});
  return given;
}

Fallible<void> check_request(const InstallerRequest& request) {
  const auto kinds = installer_kinds();
  const auto given = given_by(request);
  if (!request.kind.empty() && std::ranges::find(kinds, request.kind) == kinds.end()) {
    std::string all;
    for (const auto kind : kinds) all += (all.empty() ? "" : ", ") + std::string(kind);
    return fail("--kind: \"" + request.kind + "\" is none of " + all);
  }
  if (request.kind.empty() && !given.empty()) {
    return fail("--kernel, --initrd and --rootfs say what an installer has, so say --kind as well");
  }
  if (request.kind == "generic" && (request.kernel.empty() || request.cmdline.empty())) {
    return fail("kind generic needs --kernel and --cmdline");
  }
  if (request.source.empty() && request.kernel.empty()) return fail("no SOURCE and no --kernel");
  if (request.source.empty() && request.expected_sha256) {
    return fail("--sha256 is that of SOURCE, and there is none");
  }
  return {};
}

class Import {
 public:
  Import(Store& store, const InstallerRequest& request) : store_(store), request_(request) {}

  Fallible<FileSetInfo> run();

 private:
  [[nodiscard]] Fallible<void> from_archive();
  [[nodiscard]] Fallible<void> from_files();
  [[nodiscard]] Fallible<void> hash_medium(const ArchiveTree& tree);
  // One file into a blob that has no name yet, checked against its role.
  [[nodiscard]] Fallible<void> take(std::vector<std::size_t> places, std::uint64_t octets,
                                    const Pull& pull);
  [[nodiscard]] Fallible<void> check(const std::vector<std::size_t>& places, ByteView head,
                                     std::uint64_t octets);
  [[nodiscard]] Fallible<void> went_on(std::uint64_t octets);
  [[nodiscard]] Fallible<FileSetInfo> publish();
  [[nodiscard]] std::vector<std::string> found_lines(const std::vector<StoredFile>& files) const;

  Store& store_;
  const InstallerRequest& request_;
  Installer installer_;
  SourceFile source_;
  std::vector<Taken> taken_;
  // Of Installer::files: where each came from and what it is, for people. The members die with the
  // tree.
  std::vector<std::string> where_, forms_;
  std::uint64_t done_octets_ = 0, total_octets_ = 0;
};

Fallible<void> Import::went_on(std::uint64_t octets) {
  done_octets_ += octets;
  if (!request_.progress(done_octets_, total_octets_)) return fail("stopped");
  return {};
}

Fallible<void> Import::check(const std::vector<std::size_t>& places, ByteView head,
                             std::uint64_t octets) {
  for (const auto place : places) {
    const auto& file = installer_.files[place];
    auto form = check_form(file.form, head, octets);
    if (!form) return fail(form.error(), file.name + " " + where_[place]);
    forms_[place] = std::move(*form);
  }
  return {};
}

Fallible<void> Import::take(std::vector<std::size_t> places, std::uint64_t octets,
                            const Pull& pull) {
  auto blob = store_.begin_blob();
  if (!blob) return std::unexpected(blob.error());
  Bytes block(kBlockOctets);
  for (bool is_first = true;; is_first = false) {
    const auto got = pull(block);
    if (!got) return std::unexpected(got.error());
    const auto part = ByteView(block).first(*got);
    auto good = Fallible<void>();
    if (is_first) good = check(places, part.first(std::min(part.size(), kFormOctets)), octets);
    if (good) good = blob->write(part);
    if (good) good = went_on(*got);
    if (!good) return good;
    if (*got < block.size()) break;
  }
  taken_.push_back({std::move(*blob), std::move(places)});
  return {};
}

// The whole medium: its digest, and where the installer wants it, its blob.
Fallible<void> Import::hash_medium(const ArchiveTree& tree) {
  Sha256Stream digest;
  std::uint64_t at = 0;
  const Pull pull = [&](std::span<std::uint8_t> out) {
    const auto got = tree.read_at(at, out);
    if (!got) return got;
    at += *got;
    digest.update(ByteView(out).first(*got));
    return got;
  };
  auto good = Fallible<void>();
  if (installer_.whole_medium) {
    installer_.files.push_back({"iso", nullptr, FileForm::any});
    where_.emplace_back("the medium itself");
    forms_.emplace_back();
    good = take({installer_.files.size() - 1}, tree.octets(), pull);
  } else {
    Bytes block(kBlockOctets);
    bool is_end = false;
    while (good && !is_end) {
      const auto got = pull(block);
      if (!got) return std::unexpected(got.error());
      is_end = *got < block.size();
      good = went_on(*got);
    }
  }
  if (!good) return good;
  source_ = {request_.source.filename().string(), digest.finish()};
  if (request_.expected_sha256 && *request_.expected_sha256 != source_.sha256) {
    return fail("SHA-256 is " + source_.sha256.text() + ", expected " +
                request_.expected_sha256->text());
  }
  return {};
}

Fallible<void> Import::from_archive() {
  const auto tree = ArchiveTree::open(request_.source);
  if (!tree) return std::unexpected(tree.error());
  auto found = recognise(*tree, request_.kind, given_by(request_));
  if (!found) return std::unexpected(found.error());
  installer_ = std::move(*found);
  if (installer_.files.size() > kMaxFiles) {
    return fail("more than " + std::to_string(kMaxFiles) + " files to take");
  }
  std::map<const Member*, std::vector<std::size_t>> places;
  std::vector<const Member*> members;
  total_octets_ = tree->octets();
  for (std::size_t i = 0; i < installer_.files.size(); ++i) {
    const auto* member = installer_.files[i].member;
    where_.push_back("/" + shown(member->path));
    if (places[member].empty()) {
      members.push_back(member);
      total_octets_ += member->octets;
    }
    places[member].push_back(i);
  }
  forms_.resize(installer_.files.size());
  auto good = hash_medium(*tree);
  if (!good) return good;
  good = tree->read(members, [&](const Member& member, const Pull& pull) {
    return take(places.at(&member), member.octets, pull);
  });
  if (good) good = tree->check_whole();
  for (auto& file : installer_.files) file.member = nullptr;
  return good;
}

Fallible<void> Import::from_files() {
  const auto given = given_by(request_);
  auto found = installer_of(request_.kind, given);
  if (!found) return std::unexpected(found.error());
  installer_ = std::move(*found);
  forms_.resize(given.size());
  for (const auto& one : given) where_.push_back(shown(one.path));
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto file = ArchiveFeed::open(given[i].path);
    if (!file) return std::unexpected(file.error());
    total_octets_ += file->octets();
    std::uint64_t at = 0;
    Sha256Stream digest;
    auto good = take({i}, file->octets(), [&](std::span<std::uint8_t> out) {
      auto got = file->read_at(at, out);
      if (!got) return got;
      at += *got;
      digest.update(ByteView(out).first(*got));
      return got;
    });
    if (good) good = file->check_unchanged();
    if (!good) return good;
    if (i == 0) source_ = {fs::path(given[i].path).filename().string(), digest.finish()};
  }
  return {};
}

std::vector<std::string> Import::found_lines(const std::vector<StoredFile>& files) const {
  std::vector<std::string> lines = {"installer: " + installer_.system};
  std::uint64_t twice = 0, once = 0;
  std::string parts;
  for (std::size_t i = 0; i < files.size(); ++i) {
    lines.push_back(files[i].name + ": " + where_[i] + ", " + human_octets(files[i].octets) +
                    (forms_[i].empty() ? "" : ", " + forms_[i]));
    if (files[i].name == "iso") once += files[i].octets;
    if (std::ranges::find(installer_.in_memory, files[i].name) == installer_.in_memory.end()) {
      continue;
    }
    twice += files[i].octets;
    parts += (parts.empty() ? "" : " + ") + files[i].name;
  }
  if (twice + once > 0) {
    lines.push_back("memory: a host needs " + human_octets(2 * twice + once) +
                    " at least to start it: 2 x (" + parts + ")" + (once > 0 ? " + iso" : ""));
  }
  if (!installer_.note.empty()) lines.push_back("note: " + installer_.note);
  return lines;
}

// From here on there are blobs; before, only unnamed files.
Fallible<FileSetInfo> Import::publish() {
  std::vector<StoredFile> files(installer_.files.size());
  for (auto& one : taken_) {
    const auto blob = std::move(one.blob).finish();
    if (!blob) return std::unexpected(blob.error());
    for (const auto place : one.places) {
      files[place] = {installer_.files[place].name, blob->octets, blob->sha256};
    }
  }
  auto found = found_lines(files);
  return store_.publish({.name = request_.name,
                         .type = FileSetType::installer,
                         .kind = installer_.kind,
                         .source = source_,
                         .cmdline = request_.cmdline,
                         .files = std::move(files),
                         .found = std::move(found)});
}

Fallible<FileSetInfo> Import::run() {
  auto good = check_request(request_);
  if (good) good = request_.source.empty() ? from_files() : from_archive();
  if (!good) return std::unexpected(good.error());
  return publish();
}

}  // namespace

Fallible<FileSetInfo> import_installer(Store& store, const InstallerRequest& request) {
  return Import(store, request).run();
}

}  // namespace slipway::images
