// What takes names and blobs away.
#include <algorithm>
#include <system_error>

#include "images/store.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

Fallible<void> take_away(const fs::path& file, Cleared& cleared) {
  std::error_code error;
  if (fs::is_directory(fs::symlink_status(file, error))) {
    const auto count = fs::remove_all(file, error);
    if (error) return fail("removing " + file.string() + ": " + error.message());
    cleared.files += count;
    return {};
  }
  const auto octets = fs::file_size(file, error);
  if (error) return {};  // is not there
  auto good = remove_file(file);
  if (!good) return good;
  cleared.octets += octets;
  ++cleared.files;
  return {};
}

}  // namespace

Fallible<std::vector<Sha256>> Store::all_blobs() const {
  std::vector<Sha256> blobs;
  const auto top = root_ / "blobs" / "sha256";
  const auto folders = names_in(top);
  if (!folders) return std::unexpected(folders.error());
  for (const auto& folder : *folders) {
    const auto files = names_in(top / folder);
    if (!files) return std::unexpected(files.error());
    for (const auto& file : *files) {
      const auto digest = Sha256::parse(file);
      if (digest) blobs.push_back(*digest);  // what is named otherwise is not ours
    }
  }
  return blobs;
}

Fallible<std::set<Sha256>> Store::used_blobs() const {
  std::set<Sha256> used;
  const auto all = names();
  if (!all) return std::unexpected(all.error());
  for (const auto& name : *all) {
    const auto blobs = blobs_of(name);
    if (!blobs) return std::unexpected(blobs.error());  // who knows what it uses
    used.insert(blobs->begin(), blobs->end());
  }
  return used;
}

// None: somebody else writes. Our own lock would be in the way of the exclusive one.
Fallible<std::optional<FileLock>> Store::stop_writers() {
  writing_.reset();
  return FileLock::try_exclusive(root_ / "blobs");
}

Fallible<Cleared> Store::remove(const ImageName& name) {
  const auto mine = blobs_of(name);
  if (!mine) return std::unexpected(mine.error());
  Cleared cleared;
  {
    const auto naming = FileLock::exclusive(root_ / "manifests");
    if (!naming) return std::unexpected(naming.error());
    for (const auto* ending :
         {".json", ".data", ".json.minisig"}) {  // the name is gone from the first on
      auto path = manifest_path(name);
      auto good = remove_file(path.replace_extension(ending));
      if (!good) return std::unexpected(good.error());
    }
  }
  auto good = drop_unused(*mine, cleared);
  if (!good) return std::unexpected(good.error());
  return cleared;
}

Fallible<void> Store::drop_unused(const std::vector<Sha256>& blobs, Cleared& cleared) {
  const auto lock = stop_writers();
  if (!lock) return std::unexpected(lock.error());
  if (!*lock) {
    cleared.others_write = true;
    return {};
  }
  const auto used = used_blobs();
  if (!used) return std::unexpected(used.error());
  for (const auto& digest : blobs) {
    if (used->contains(digest)) continue;
    auto good = take_away(blob_place(root_, digest), cleared);
    if (!good) return good;
  }
  return {};
}

Fallible<std::vector<Unfinished>> Store::unfinished() const {
  const auto files = names_in(tmp());
  if (!files) return std::unexpected(files.error());
  std::vector<Unfinished> list;
  std::error_code error;
  for (const auto& file : *files) {
    if (!file.starts_with(kPartialPrefix)) continue;
    const auto octets = fs::file_size(tmp() / file, error);
    if (!error) list.push_back({file.substr(kPartialPrefix.size()), octets});
  }
  return list;
}

Fallible<Cleared> Store::collect_garbage() {
  const auto lock = stop_writers();
  if (!lock) return std::unexpected(lock.error());
  if (!*lock) {
    return fail("another process writes into the store; try again when its import is done");
  }
  const auto used = used_blobs();
  if (!used) return std::unexpected(used.error());
  const auto blobs = all_blobs();
  if (!blobs) return std::unexpected(blobs.error());
  Cleared cleared;
  for (const auto& digest : *blobs) {
    if (used->contains(digest)) continue;
    auto good = take_away(blob_place(root_, digest), cleared);
    if (!good) return std::unexpected(good.error());
  }
  const auto left = names_in(tmp());
  if (!left) return std::unexpected(left.error());
  for (const auto& file : *left) {
    auto good = take_away(tmp() / file, cleared);
    if (!good) return std::unexpected(good.error());
  }
  return cleared;
}

}  // namespace slipway::images
