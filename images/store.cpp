#include "images/store.hpp"

#include <system_error>

#include "images/files.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSignatureOctets = 8192;

// What an import left that nothing can go on with.
Fallible<void> clear_strays(const fs::path& tmp) {
  const auto names = names_in(tmp);
  if (!names) return std::unexpected(names.error());
  for (const auto& name : *names) {
    if (name.starts_with("import-") || name.starts_with("download-")) continue;
    auto good = remove_file(tmp / name);
    if (!good) return good;
  }
  return {};
}

Fallible<Sha256> read_data_digest(const fs::path& path) {
  const auto text = read_file(path, 65);
  if (!text) return std::unexpected(text.error());
  const auto digest = Sha256::parse(std::string_view(*text).substr(0, 64));
  if (!digest) return fail(path.string() + ": expected a SHA-256");
  return *digest;
}

}  // namespace

Fallible<Store> Store::open(fs::path root) {
  Store store(std::move(root));
  for (const auto* folder : {"blobs/sha256", "manifests", "tmp"}) {
    auto good = make_folders(store.root_ / folder, store.root_.root_path());
    if (!good) return fail(good.error(), "image store");
  }
  return store;
}

// Nobody else writes while the lock is held exclusively, so what lies in tmp/ then has no owner.
Fallible<void> Store::begin_writing() {
  if (writing_) return {};
  auto lock = FileLock::try_exclusive(root_ / "blobs");
  if (!lock) return fail(lock.error(), "image store");
  if (!*lock) {
    auto shared = FileLock::shared(root_ / "blobs");
    if (!shared) return fail(shared.error(), "image store");
    writing_.emplace(std::move(*shared));
    return {};
  }
  auto good = clear_strays(tmp());
  if (good) good = (*lock)->make_shared();
  if (!good) return fail(good.error(), "image store");
  writing_.emplace(std::move(**lock));
  return {};
}

fs::path Store::manifest_path(const ImageName& name) const {
  return root_ / "manifests" / name.name / (name.version + ".json");
}

std::optional<fs::path> Store::blob(const Sha256& digest) const {
  auto path = blob_place(root_, digest);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  return path;
}

Fallible<Sha256> Store::add_blob(ByteView content) {
  auto writer = begin_blob();
  if (!writer) return std::unexpected(writer.error());
  auto good = writer->write(content);
  if (!good) return std::unexpected(good.error());
  const auto stored = std::move(*writer).finish();
  if (!stored) return std::unexpected(stored.error());
  return stored->sha256;
}

Fallible<BlobWriter> Store::begin_blob() {
  auto good = begin_writing();
  if (!good) return std::unexpected(good.error());
  auto file = NewFile::create(tmp());
  if (!file) return std::unexpected(file.error());
  return BlobWriter(root_, std::move(*file));
}

Fallible<void> Store::write_name(const fs::path& path, std::string_view text) {
  auto file = NewFile::create(tmp());
  if (!file) return std::unexpected(file.error());
  auto good = file->write(as_bytes(text));
  if (good) good = std::move(*file).publish(path, root_);
  return good;
}

Fallible<std::string> Store::read_manifest(const ImageName& name) const {
  if (!is_image_name(name.name) || !is_image_name(name.version)) {
    return fail("not an image name: " + name.text());
  }
  const auto path = manifest_path(name);
  std::error_code error;
  if (!fs::exists(path, error)) return fail("no image " + name.text() + " in the store");
  return read_file(path, kMaxManifestOctets);
}

Fallible<std::string> Store::signature(const ImageName& name) const {
  auto path = manifest_path(name);
  path += kSignatureEnding;
  std::error_code error;
  if (!fs::exists(path, error)) return std::string();
  return read_file(path, kMaxSignatureOctets);
}

Fallible<std::string> Store::type_of(const ImageName& name) const {
  const auto json = read_manifest(name);
  if (!json) return std::unexpected(json.error());
  if (!is_file_set_json(*json)) return "disk image";
  const auto info = read_set(name, *json);
  if (!info) return std::unexpected(info.error());
  return std::string(text(info->set.type));
}

Fallible<ImageInfo> Store::read_image(const ImageName& name, std::string_view json) const {
  const auto path = manifest_path(name);
  auto manifest = parse_manifest(json);
  if (!manifest) return fail(manifest.error(), path.string());
  auto data_path = path;
  const auto data = read_data_digest(data_path.replace_extension(".data"));
  if (!data) return std::unexpected(data.error());
  std::error_code error;
  const auto stored = fs::file_size(blob_place(root_, *data), error);
  if (error) return fail(name.text() + ": its data blob " + data->text() + " is missing");
  return ImageInfo{name, Sha256::of(json), *data, stored, std::move(*manifest)};
}

Fallible<FileSetInfo> Store::read_set(const ImageName& name, std::string_view json) const {
  auto set = parse_file_set(json);
  if (!set) return fail(set.error(), manifest_path(name).string());
  return FileSetInfo{std::move(*set), Sha256::of(json)};
}

Fallible<ImageInfo> Store::show(const ImageName& name) const {
  const auto json = read_manifest(name);
  if (!json) return std::unexpected(json.error());
  if (!is_file_set_json(*json)) return read_image(name, *json);
  const auto info = read_set(name, *json);
  if (!info) return std::unexpected(info.error());
  return fail(name.text() + ": expected a disk image, this is " +
              (info->set.type == FileSetType::content ? "content"
                                                      : "an installer of kind " + info->set.kind));
}

Fallible<FileSetInfo> Store::show_file_set(const ImageName& name) const {
  const auto json = read_manifest(name);
  if (!json) return std::unexpected(json.error());
  if (is_file_set_json(*json)) return read_set(name, *json);
  return fail(name.text() + ": expected an installer or content, this is a disk image");
}

Fallible<std::vector<ImageName>> Store::names() const {
  std::vector<ImageName> all;
  const auto folders = names_in(root_ / "manifests");
  if (!folders) return std::unexpected(folders.error());
  for (const auto& name : *folders) {
    const auto files = names_in(root_ / "manifests" / name);
    if (!files) return std::unexpected(files.error());
    for (const auto& file : *files) {
      if (file.ends_with(".json")) all.push_back({name, file.substr(0, file.size() - 5)});
    }
  }
  return all;
}

Fallible<std::vector<ImageInfo>> Store::list() const {
  const auto all = names();
  if (!all) return std::unexpected(all.error());
  std::vector<ImageInfo> images;
  for (const auto& name : *all) {
    const auto json = read_manifest(name);
    if (!json) return std::unexpected(json.error());
    if (is_file_set_json(*json)) continue;
    auto info = read_image(name, *json);
    if (!info) return std::unexpected(info.error());
    images.push_back(std::move(*info));
  }
  return images;
}

Fallible<std::vector<FileSetInfo>> Store::list_file_sets() const {
  const auto all = names();
  if (!all) return std::unexpected(all.error());
  std::vector<FileSetInfo> sets;
  for (const auto& name : *all) {
    const auto json = read_manifest(name);
    if (!json) return std::unexpected(json.error());
    if (!is_file_set_json(*json)) continue;
    auto info = read_set(name, *json);
    if (!info) return std::unexpected(info.error());
    sets.push_back(std::move(*info));
  }
  return sets;
}

Fallible<std::vector<Sha256>> Store::blobs_of(const ImageName& name) const {
  const auto json = read_manifest(name);
  if (!json) return std::unexpected(json.error());
  std::vector<Sha256> blobs{Sha256::of(*json)};
  if (is_file_set_json(*json)) {
    const auto info = read_set(name, *json);
    if (!info) return std::unexpected(info.error());
    for (const auto& file : info->set.files) blobs.push_back(file.sha256);
    return blobs;
  }
  const auto data = read_data_digest(manifest_path(name).replace_extension(".data"));
  if (!data) return std::unexpected(data.error());
  blobs.push_back(*data);
  return blobs;
}

}  // namespace slipway::images
