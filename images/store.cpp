#include "images/store.hpp"

#include <algorithm>
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

// Names of the entries of a folder, sorted; none when there is no such folder.
Fallible<std::vector<std::string>> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail("listing " + folder.string() + ": " + error.message());
  }
  std::ranges::sort(names);
  return names;
}

Fallible<Sha256> read_data_digest(const fs::path& path) {
  const auto text = read_file(path, 65);
  if (!text) return std::unexpected(text.error());
  const auto digest = Sha256::parse(std::string_view(*text).substr(0, 64));
  if (!digest) return fail(path.string() + ": expected a SHA-256");
  return *digest;
}

}  // namespace

Fallible<ImageName> ImageName::parse(std::string_view text) {
  const auto at = text.find('@');
  if (at != std::string_view::npos) {
    ImageName name{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
    if (is_image_name(name.name) && is_image_name(name.version)) return name;
  }
  return fail("not an image name: \"" + std::string(text) +
              "\", expected NAME@VERSION, each [a-z0-9][a-z0-9._-]*");
}

Fallible<Store> Store::open(fs::path root) {
  Store store(std::move(root));
  for (const auto* folder : {"blobs/sha256", "manifests", "tmp"}) {
    auto good = make_folders(store.root_ / folder, store.root_.root_path());
    if (!good) return fail(good.error(), "image store");
  }
  const auto left_over = names_in(store.root_ / "tmp");
  if (!left_over) return fail(left_over.error(), "image store");
  for (const auto& name : *left_over) {
    auto good = remove_file(store.root_ / "tmp" / name);
    if (!good) return fail(good.error(), "image store");
  }
  return store;
}

fs::path Store::blob_path(const Sha256& digest) const {
  const auto name = digest.text();
  return root_ / "blobs" / "sha256" / name.substr(0, 2) / name;
}

fs::path Store::manifest_path(const ImageName& name) const {
  return root_ / "manifests" / name.name / (name.version + ".json");
}

std::optional<fs::path> Store::blob(const Sha256& digest) const {
  auto path = blob_path(digest);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  return path;
}

Fallible<Sha256> Store::add_blob(ByteView content) {
  const auto digest = Sha256::of(content);
  if (blob(digest)) return digest;
  auto file = NewFile::create(root_ / "tmp");
  if (!file) return std::unexpected(file.error());
  auto good = file->write(content);
  if (good) good = std::move(*file).publish(blob_path(digest), root_);
  if (!good) return std::unexpected(good.error());
  return digest;
}

Fallible<ImageInfo> Store::import_image(const ImportRequest& request) {
  if (!is_image_name(request.name.name) || !is_image_name(request.name.version)) {
    return fail("not an image name: " + request.name.text());
  }
  auto stream = RawStream::open(request.source, {.max_raw_octets = request.max_raw_octets});
  if (!stream) return std::unexpected(stream.error());
  auto file = NewFile::create(root_ / "tmp");
  if (!file) return std::unexpected(file.error());

  Intake intake(std::move(*stream), request);
  const auto read = [&](std::span<std::uint8_t> out) { return intake.read(out); };
  const auto write = [&](ByteView octets) { return file->write(octets); };
  auto chunked = write_chunks(read, write, {.threads = request.threads});
  if (!chunked) return fail(chunked.error(), "importing " + request.name.text());
  const auto data = chunked->stored_sha256;
  auto manifest = make_manifest(request, std::move(intake), std::move(*chunked));
  if (!manifest) return fail(manifest.error(), "importing " + request.source.string());

  const auto before = show(request.name);
  if (before) {
    if (before->manifest.raw_sha256 == manifest->raw_sha256) return before;
    return fail(request.name.text() +
                " exists with other content; a published version never changes, use a new version");
  }
  if (!blob(data)) {
    auto good = std::move(*file).publish(blob_path(data), root_);
    if (!good) return std::unexpected(good.error());
  }
  auto good = publish(request.name, *manifest, data);
  if (!good) return std::unexpected(good.error());
  return show(request.name);
}

// VERSION.data before VERSION.json: the name exists from the last rename on.
Fallible<void> Store::publish(const ImageName& name, const Manifest& manifest, const Sha256& data) {
  const auto json = to_json(manifest);
  const auto digest = add_blob(as_bytes(json));
  if (!digest) return std::unexpected(digest.error());
  const auto target = manifest_path(name);
  auto data_target = target;
  data_target.replace_extension(".data");
  const std::pair<fs::path, std::string> files[] = {{data_target, data.text() + "\n"},
                                                    {target, json}};
  for (const auto& [path, text] : files) {
    auto file = NewFile::create(root_ / "tmp");
    if (!file) return std::unexpected(file.error());
    auto good = file->write(as_bytes(text));
    if (good) good = std::move(*file).publish(path, root_);
    if (!good) return good;
  }
  return {};
}

Fallible<ImageInfo> Store::show(const ImageName& name) const {
  if (!is_image_name(name.name) || !is_image_name(name.version)) {
    return fail("not an image name: " + name.text());
  }
  const auto path = manifest_path(name);
  std::error_code error;
  if (!fs::exists(path, error)) return fail("no image " + name.text() + " in the store");
  const auto json = read_file(path, kMaxManifestOctets);
  if (!json) return std::unexpected(json.error());
  auto manifest = parse_manifest(*json);
  if (!manifest) return fail(manifest.error(), path.string());
  auto data_path = path;
  const auto data = read_data_digest(data_path.replace_extension(".data"));
  if (!data) return std::unexpected(data.error());
  const auto stored = fs::file_size(blob_path(*data), error);
  if (error) return fail(name.text() + ": its data blob " + data->text() + " is missing");
  return ImageInfo{name, Sha256::of(*json), *data, stored, std::move(*manifest)};
}

Fallible<std::vector<ImageInfo>> Store::list() const {
  std::vector<ImageInfo> images;
  const auto names = names_in(root_ / "manifests");
  if (!names) return std::unexpected(names.error());
  for (const auto& name : *names) {
    const auto files = names_in(root_ / "manifests" / name);
    if (!files) return std::unexpected(files.error());
    for (const auto& file : *files) {
      if (!file.ends_with(".json")) continue;
      auto info = show({name, file.substr(0, file.size() - 5)});
      if (!info) return std::unexpected(info.error());
      images.push_back(std::move(*info));
    }
  }
  return images;
}

bool Store::is_used(const Sha256& digest) const {
  const auto images = list();
  if (!images) return true;  // an unreadable name may use it
  return std::ranges::any_of(*images, [&](const ImageInfo& image) {
    return image.data_sha256 == digest || image.manifest_sha256 == digest;
  });
}

Fallible<void> Store::remove(const ImageName& name) {
  const auto image = show(name);
  if (!image) return std::unexpected(image.error());
  const auto path = manifest_path(name);
  auto good = remove_file(path);
  auto data_path = path;
  if (good) good = remove_file(data_path.replace_extension(".data"));
  for (const auto& digest : {image->manifest_sha256, image->data_sha256}) {
    if (good && !is_used(digest)) good = remove_file(blob_path(digest));
  }
  return good;
}

}  // namespace slipway::images
