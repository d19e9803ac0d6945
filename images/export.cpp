#include "images/export.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "images/chunks.hpp"
#include "images/image_file.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

// What is being made beside its final place; it goes away unless it was published.
class Draft {
 public:
  explicit Draft(const fs::path& target) : target_(target), path_(target) {
    path_ += "." + random_hex(8);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    std::error_code error;
    if (!published_) fs::remove_all(path_, error);  // at worst a file named by chance is left
  }

  [[nodiscard]] const fs::path& path() const { return path_; }

  Fallible<void> publish() {
    if (::rename(path_.c_str(), target_.c_str()) != 0) {
      return fail_errno("renaming to " + target_.string(), errno);
    }
    published_ = true;
    return {};
  }

 private:
  fs::path target_, path_;
  bool published_ = false;
};

class OutFile {
 public:
  static Fallible<OutFile> create(const fs::path& path) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (file.get() < 0) return fail_errno("creating " + path.string(), errno);
    return OutFile(std::move(file), path.string());
  }

  Fallible<void> write(ByteView octets, std::uint64_t offset) {
    while (!octets.empty()) {
      const auto done =
          ::pwrite(file_.get(), octets.data(), octets.size(), static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return fail_errno("writing " + path_, errno);
      octets = octets.subspan(static_cast<std::size_t>(done));
      offset += static_cast<std::uint64_t>(done);
    }
    return {};
  }

  // Of `octets`, the end being zeros where nothing was written, and durable.
  Fallible<void> finish(std::uint64_t octets) {
    if (::ftruncate(file_.get(), static_cast<off_t>(octets)) != 0 || ::fsync(file_.get()) != 0) {
      return fail_errno("writing " + path_, errno);
    }
    return {};
  }

 private:
  OutFile(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Descriptor file_;
  std::string path_;
};

Fallible<std::unique_ptr<Fetcher>> open_blob(const Store& store, const Sha256& digest) {
  const auto path = store.blob(digest);
  if (!path) return fail("blob " + digest.text() + " is missing");
  return fetch_blob(*path);
}

Fallible<void> unpack(Fetcher& blob, const ImageInfo& image, OutFile& out,
                      const VerifyProgress& progress) {
  Bytes stored;
  Bytes raw;
  for (const auto& chunk : image.manifest.chunks) {
    const auto where = "chunk at octet " + std::to_string(chunk.raw_offset) + " of the image";
    if (!progress(chunk.raw_offset, image.manifest.raw_size)) return fail("stopped");
    stored.clear();
    auto good = blob.fetch(chunk.stored_offset, chunk.stored_length, [&](ByteView octets) {
      stored.insert(stored.end(), octets.begin(), octets.end());
      return true;
    });
    raw.resize(chunk.raw_length);
    if (good) good = decompress_frame(stored, raw);
    if (good && Sha256::of(raw) != chunk.raw_sha256) good = fail("it unpacks to other octets");
    if (!good) return fail(good.error(), where);
    good = out.write(raw, chunk.raw_offset);
    if (!good) return good;
  }
  return out.finish(image.manifest.raw_size);
}

// The blob as it is; it must hash to its name.
Fallible<void> copy_blob(const Store& store, const Sha256& digest, std::uint64_t octets,
                         const fs::path& path, const VerifyProgress& progress) {
  auto blob = open_blob(store, digest);
  if (!blob) return std::unexpected(blob.error());
  auto out = OutFile::create(path);
  if (!out) return std::unexpected(out.error());
  Sha256Stream found;
  std::uint64_t at = 0;
  Fallible<void> written;
  auto good = (*blob)->fetch(0, octets, [&](ByteView part) {
    found.update(part);
    written = out->write(part, at);
    at += part.size();
    return written && progress(at, octets);
  });
  if (!written) return written;
  if (good && found.finish() != digest) {
    good = fail("blob " + digest.text() + " does not hash to its name");
  }
  if (!good) return good;
  return out->finish(octets);
}

}  // namespace

Fallible<void> export_image(const Store& store, const ImageInfo& image, ExportForm form,
                            const fs::path& target, const VerifyProgress& progress) {
  Draft draft(target);
  Fallible<void> good;
  if (form == ExportForm::packed) {
    good = copy_blob(store, image.data_sha256, image.stored_octets, draft.path(), progress);
  } else {
    auto blob = open_blob(store, image.data_sha256);
    if (!blob) return fail(blob.error(), image.name.text());
    auto out = OutFile::create(draft.path());
    if (!out) return std::unexpected(out.error());
    good = unpack(**blob, image, *out, progress);
  }
  if (!good) return fail(good.error(), image.name.text());
  return draft.publish();
}

Fallible<void> export_set(const Store& store, const FileSet& set, const fs::path& target,
                          const VerifyProgress& progress) {
  std::error_code error;
  if (fs::exists(target, error)) return fail(target.string() + " exists; name a new folder");
  Draft draft(target);
  std::uint64_t done = 0;
  for (const auto& file : set.files) {
    const auto path = draft.path() / file.name;
    auto good = make_folders(path.parent_path(), target.parent_path());
    if (good) {
      good = copy_blob(store, file.sha256, file.octets, path, [&](std::uint64_t part, auto) {
        return progress(done + part, set.octets());
      });
    }
    if (!good) return fail(good.error(), set.name.text() + ": " + file.name);
    done += file.octets;
  }
  return draft.publish();
}

}  // namespace slipway::images
