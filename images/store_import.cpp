// What takes images in and gives names.
#include <algorithm>
#include <system_error>

#include "images/chunks.hpp"
#include "images/depot_key.hpp"
#include "images/gpt.hpp"
#include "images/partial.hpp"
#include "images/stage.hpp"
#include "images/store.hpp"

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
  [[nodiscard]] bool is_packed() const { return stream_.is_packed(); }
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
  const bool is_packed = intake.is_packed();
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
                    .raw_sha256 = is_packed ? chunked.raw_sha256 : source->sha256,
                    .source = {request.source.filename().string(), source->sha256},
                    .chunks = std::move(chunked.chunks),
                    .zero = std::move(chunked.zero)};
  good = check_manifest(manifest);
  if (!good) return std::unexpected(good.error());
  return manifest;
}

constexpr std::size_t kMaxPartials = 4;

Fallible<void> bound_partials(const fs::path& tmp, const std::string& mine) {
  const auto names = names_in(tmp);
  if (!names) return std::unexpected(names.error());
  std::vector<std::pair<fs::file_time_type, fs::path>> others;
  std::error_code error;
  for (const auto& name : *names) {
    if (!name.starts_with(kPartialPrefix) || name == std::string(kPartialPrefix) + mine) continue;
    const auto written = fs::last_write_time(tmp / name, error);
    if (!error) others.emplace_back(written, tmp / name);
  }
  std::ranges::sort(others);
  for (std::size_t i = 0; i + kMaxPartials <= others.size(); ++i) {
    const auto lock = FileLock::try_exclusive(others[i].second);
    if (!lock || !*lock) continue;  // at work, or gone
    auto good = remove_file(others[i].second);
    if (!good) return good;
  }
  return {};
}

std::string exists_otherwise(const ImageName& name) {
  return name.text() +
         " exists with other content; a published version never changes, use a new version";
}

}  // namespace

Fallible<ImageInfo> Store::import_image(const ImportRequest& request) {
  if (!is_image_name(request.name.name) || !is_image_name(request.name.version)) {
    return fail("not an image name: " + request.name.text());
  }
  auto stream = RawStream::open(request.source, {.max_raw_octets = request.max_raw_octets});
  if (!stream) return std::unexpected(stream.error());
  auto partial = begin_import(request);
  if (!partial) return std::unexpected(partial.error());

  Intake intake(std::move(*stream), request);
  const auto read = [&](std::span<std::uint8_t> out) { return intake.read(out); };
  const auto write = [&](ByteView octets) { return partial->write(octets); };
  const MadeFrames made{.next = [&] { return partial->next_frame(); },
                        .cut = [&](std::uint64_t octets) { return partial->cut(octets); }};
  // A raw file is its own image, and its digest is taken already.
  auto chunked = write_chunks(read, write,
                              {.level = request.level,
                               .threads = request.threads,
                               .made = &made,
                               .digests_raw = intake.is_packed()});
  if (!chunked) return fail(chunked.error(), "importing " + request.name.text());
  if (chunked->made_octets > 0) request.resumed(chunked->made_octets);
  const auto data = chunked->stored_sha256;
  auto manifest = make_manifest(request, std::move(intake), std::move(*chunked));
  if (!manifest) return fail(manifest.error(), "importing " + request.source.string());

  const auto before = image_before(request.name, *manifest);
  if (!before) return std::unexpected(before.error());
  if (*before) return publish(request.name, *manifest, (*before)->data_sha256);
  Fallible<void> good;
  if (!blob(data)) good = std::move(*partial).publish(blob_place(root_, data), root_);
  auto info = good ? publish(request.name, *manifest, data) : fail(good.error(), "image store");
  if (!info) return undone(info.error(), {data, Sha256::of(to_json(*manifest))});
  return info;
}

// Of the partial imports of other images, those that were left first go when there are too many.
Fallible<Partial> Store::begin_import(const ImportRequest& request) {
  auto good = begin_writing();
  if (good) good = bound_partials(tmp(), request.name.text());
  if (!good) return std::unexpected(good.error());
  return Partial::open(tmp(), request.name.text());
}

// The error, after what the failed import had made durable was taken away again.
std::unexpected<Error> Store::undone(const Error& error, const std::vector<Sha256>& blobs) {
  Cleared cleared;
  const auto good = drop_unused(blobs, cleared);
  if (good) return std::unexpected(error);
  return fail(error.text() + "; and " + good.error().text());
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
  const auto json = to_json(*before ? (*before)->manifest : manifest);
  auto good = sign(name, json);
  if (!good) return std::unexpected(good.error());
  if (*before) return **before;
  const auto digest = add_blob(as_bytes(json));
  if (!digest) return std::unexpected(digest.error());
  auto data_path = path;
  good = write_name(data_path.replace_extension(".data"), data.text() + "\n");
  if (good) good = write_name(path, json);
  if (!good) return std::unexpected(good.error());
  return show(name);
}

// Before the name is there; the caller holds the lock of names, so one makes the key.
Fallible<void> Store::sign(const ImageName& name, std::string_view json) {
  auto path = manifest_path(name);
  path += kSignatureEnding;
  std::error_code error;
  if (keys_.empty()) return {};
  if (fs::exists(manifest_path(name), error) && fs::exists(path, error)) return {};
  const auto key = open_depot_key(keys_);
  if (!key) return std::unexpected(key.error());
  return write_name(path, key->sign(as_bytes(json), "slipway " + name.text()).text());
}

Fallible<FileSetInfo> Store::publish(const FileSet& set) {
  const auto json = to_json(set);
  const auto sound = parse_file_set(json);  // what cannot be read again must not get a name
  if (!sound) return std::unexpected(sound.error());
  auto good = begin_writing();
  if (!good) return std::unexpected(good.error());
  for (const auto& file : set.files) {
    if (!blob(file.sha256)) {
      return fail(set.name.text() + ": " + file.name + ": its blob is missing");
    }
  }
  auto info = publish_set(set, json);
  if (info) return info;
  std::vector<Sha256> blobs{Sha256::of(json)};
  for (const auto& file : set.files) blobs.push_back(file.sha256);
  return undone(info.error(), blobs);
}

Fallible<FileSetInfo> Store::publish_set(const FileSet& set, const std::string& json) {
  const auto lock = FileLock::exclusive(root_ / "manifests");
  if (!lock) return std::unexpected(lock.error());
  const auto path = manifest_path(set.name);
  std::error_code error;
  if (fs::exists(path, error)) {
    auto before = show_file_set(set.name);
    if (!before || to_json(before->set) != json) return fail(exists_otherwise(set.name));
    auto good = sign(set.name, json);
    return good ? before : std::unexpected(good.error());
  }
  const auto digest = add_blob(as_bytes(json));
  if (!digest) return std::unexpected(digest.error());
  auto good = sign(set.name, json);
  if (good) good = write_name(path, json);
  if (!good) return std::unexpected(good.error());
  return FileSetInfo{set, *digest};
}

}  // namespace slipway::images
