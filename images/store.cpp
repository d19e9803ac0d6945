#include "images/store.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include "images/chunks.hpp"
#include "images/files.hpp"
#include "images/gpt.hpp"
#include "images/stage.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

// The octets of an import on their way: keeps the start, where the partition table is.
class Intake {
 public:
  Intake(RawStream stream, const ImportRequest& request)
      : stream_(std::move(stream)), request_(request) {}

  Fallible<std::size_t> read(std::span<std::uint8_t> out) {
    auto got = stream_.read(out);
    if (!got) return got;
    const auto wanted = std::min(*got, kHeadOctets - head_.size());
    const auto part = out.first(wanted);
    head_.insert(head_.end(), part.begin(), part.end());
    if (!request_.progress(stream_.source_octets_read(), stream_.source_octets())) {
      return fail("stopped");
    }
    return got;
  }

  [[nodiscard]] ByteView head() const { return head_; }
  Fallible<StagedSource> finish() && { return std::move(stream_).finish(); }

 private:
  RawStream stream_;
  const ImportRequest& request_;
  Bytes head_;
};

Fallible<void> check_source(const ImportRequest& request, const Sha256& found) {
  if (!request.expected_sha256 || *request.expected_sha256 == found) return {};
  return fail("SHA-256 is " + found.text() + ", expected " + request.expected_sha256->text());
}

Fallible<Manifest> make_manifest(const ImportRequest& request, Intake intake, Chunked chunked) {
  const Bytes head(intake.head().begin(), intake.head().end());
  const auto source = std::move(intake).finish();
  if (!source) return std::unexpected(source.error());
  auto good = check_source(request, source->sha256);
  if (!good) return std::unexpected(good.error());
  const auto sector_size = sector_size_of(head, chunked.raw_octets);
  if (!sector_size) return std::unexpected(sector_size.error());
  Manifest manifest{.name = request.name.name,
                    .version = request.name.version,
                    .raw_size = chunked.raw_octets,
                    .sector_size = *sector_size,
                    .raw_sha256 = chunked.raw_sha256,
                    .source = {request.source.filename().string(), source->sha256},
                    .chunks = std::move(chunked.chunks),
                    .zero = std::move(chunked.zero)};
  good = check_manifest(manifest);
  if (!good) return std::unexpected(good.error());
  return manifest;
}

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

std::string exists_otherwise(const ImageName& name) {
  return name.text() +
         " exists with other content; a published version never changes, use a new version";
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

Fallible<ImageInfo> Store::import_image(const ImportRequest& request) {
  if (!is_image_name(request.name.name) || !is_image_name(request.name.version)) {
    return fail("not an image name: " + request.name.text());
  }
  auto stream = RawStream::open(request.source, {.max_raw_octets = request.max_raw_octets});
  if (!stream) return std::unexpected(stream.error());
  auto writer = begin_blob();
  if (!writer) return std::unexpected(writer.error());

  Intake intake(std::move(*stream), request);
  const auto read = [&](std::span<std::uint8_t> out) { return intake.read(out); };
  const auto write = [&](ByteView octets) { return writer->write(octets); };
  auto chunked = write_chunks(read, write, {.threads = request.threads});
  if (!chunked) return fail(chunked.error(), "importing " + request.name.text());
  const auto stored_sha256 = chunked->stored_sha256;
  auto manifest = make_manifest(request, std::move(intake), std::move(*chunked));
  if (!manifest) return fail(manifest.error(), "importing " + request.source.string());

  const auto before = image_before(request.name, *manifest);
  if (!before) return std::unexpected(before.error());
  if (*before) return **before;
  const auto data = std::move(*writer).finish(stored_sha256);
  if (!data) return fail(data.error(), "importing " + request.name.text());
  return publish(request.name, *manifest, data->sha256);
}

// What has the name already: nothing, or the same image.
Fallible<std::optional<ImageInfo>> Store::image_before(const ImageName& name,
                                                       const Manifest& manifest) const {
  std::error_code error;
  if (!fs::exists(manifest_path(name), error)) return std::nullopt;
  auto info = show(name);
  if (!info || info->manifest.raw_sha256 != manifest.raw_sha256) {
    return fail(exists_otherwise(name));
  }
  return *info;
}

// VERSION.data before VERSION.json: the name exists from the last rename on.
Fallible<ImageInfo> Store::publish(const ImageName& name, const Manifest& manifest,
                                   const Sha256& data) {
  const auto lock = FileLock::exclusive(root_ / "manifests");
  if (!lock) return std::unexpected(lock.error());
  const auto path = manifest_path(name);
  const auto before = image_before(name, manifest);
  if (!before) return std::unexpected(before.error());
  if (*before) return **before;
  const auto json = to_json(manifest);
  const auto digest = add_blob(as_bytes(json));
  if (!digest) return std::unexpected(digest.error());
  auto data_path = path;
  auto good = write_name(data_path.replace_extension(".data"), data.text() + "\n");
  if (good) good = write_name(path, json);
  if (!good) return std::unexpected(good.error());
  return show(name);
}

Fallible<FileSetInfo> Store::publish(const FileSet& set) {
  const auto json = to_json(set);
  const auto sound = parse_file_set(json);  // what cannot be read again must not get a name
  if (!sound) return std::unexpected(sound.error());
  auto good = begin_writing();
  if (!good) return std::unexpected(good.error());
  for (const auto& file : set.files) {
    if (!blob(file.sha256))
      return fail(set.name.text() + ": " + file.name + ": its blob is missing");
  }
  const auto lock = FileLock::exclusive(root_ / "manifests");
  if (!lock) return std::unexpected(lock.error());
  const auto path = manifest_path(set.name);
  std::error_code error;
  if (fs::exists(path, error)) {
    auto before = show_file_set(set.name);
    if (before && to_json(before->set) == json) return before;
    return fail(exists_otherwise(set.name));
  }
  const auto digest = add_blob(as_bytes(json));
  if (!digest) return std::unexpected(digest.error());
  good = write_name(path, json);
  if (!good) return std::unexpected(good.error());
  return FileSetInfo{set, *digest};
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

Fallible<void> Store::remove(const ImageName& name) {
  const auto mine = blobs_of(name);
  if (!mine) return std::unexpected(mine.error());
  const auto path = manifest_path(name);
  auto good = remove_file(path);
  auto data_path = path;
  if (good) good = remove_file(data_path.replace_extension(".data"));
  if (!good) return good;

  writing_.reset();  // ours would be in the way of the exclusive one
  const auto lock = FileLock::try_exclusive(root_ / "blobs");
  if (!lock) return std::unexpected(lock.error());
  if (!*lock) return {};
  std::set<Sha256> kept;
  const auto all = names();
  if (!all) return std::unexpected(all.error());
  for (const auto& other : *all) {
    const auto used = blobs_of(other);
    if (!used) return std::unexpected(used.error());  // who knows what it uses
    kept.insert(used->begin(), used->end());
  }
  for (const auto& digest : *mine) {
    if (good && !kept.contains(digest)) good = remove_file(blob_place(root_, digest));
  }
  return good;
}

}  // namespace slipway::images
