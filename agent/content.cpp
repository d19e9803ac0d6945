#include "agent/content.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>

#include "agent/mounted.hpp"
#include "base/descriptor.hpp"

namespace slipway::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnfinished = ".slipway-content.new";

struct Place {
  Descriptor folder;
  std::string name;
};

// The folder of `path` below `root`, and the name in it. No link is followed: one of the image's
// would lead out of its file system, into the installer's own.
Fallible<Place> find_place(const fs::path& root, std::string_view path, bool makes_folders) {
  Place place{Descriptor(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), {}};
  if (place.folder.get() < 0) return fail_errno("opening the file system's root folder", errno);
  path.remove_prefix(1);
  for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    const std::string name(path.substr(0, slash));
    path.remove_prefix(slash + 1);
    if (makes_folders && ::mkdirat(place.folder.get(), name.c_str(), 0755) == 0) {
      // mkdirat() minds the umask.
      if (::fchmodat(place.folder.get(), name.c_str(), 0755, 0) != 0) {
        return fail_errno("making the folder " + name, errno);
      }
    } else if (makes_folders && errno != EEXIST) {
      return fail_errno("making the folder " + name, errno);
    }
    Descriptor next(::openat(place.folder.get(), name.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) return fail_errno("opening the folder " + name, errno);
    // Its name must be as durable as the file in it.
    if (makes_folders && ::fsync(place.folder.get()) != 0) {
      return fail_errno("flushing the folder above " + name, errno);
    }
    place.folder = std::move(next);
  }
  place.name = path;
  return place;
}

Fallible<void> write_all(int file, ByteView octets) {
  while (!octets.empty()) {
    const auto written = ::write(file, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail_errno("writing", written < 0 ? errno : ENOSPC);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

// One series of files onto one file system.
class Delivery {
 public:
  Delivery(const std::vector<ContentFile>& files, const ContentMeans& means)
      : files_(files), means_(means) {}

  Fallible<void> put_all(const fs::path& root) {
    for (const auto& file : files_) {
      const auto done = put(root, file);
      if (!done) return fail(done.error(), file.path);
    }
    return {};
  }

  Fallible<void> check_all(const fs::path& root) {
    for (const auto& file : files_) {
      const auto done = check(root, file);
      if (!done) return fail(done.error(), file.path);
    }
    return {};
  }

  // The reason of the failure that one of the two gave.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  [[nodiscard]] bool is_cancelled() const { return means_.cancel != nullptr && *means_.cancel; }

  std::unexpected<Error> failed(const char* reason, std::string text) {
    reason_ = reason;
    return fail(std::move(text));
  }

  Fallible<void> put(const fs::path& root, const ContentFile& file) {
    const auto place = find_place(root, file.path, true);
    if (!place) return std::unexpected(place.error());
    const int folder = place->folder.get();
    if (::unlinkat(folder, kUnfinished, 0) != 0 && errno != ENOENT) {
      return fail_errno("removing what was left unfinished", errno);
    }
    const Descriptor out(
        ::openat(folder, kUnfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (out.get() < 0) return fail_errno("making the file", errno);
    auto done = stream(out.get(), file);
    if (!done) return done;
    if (::fchmod(out.get(), 0644) != 0 || ::fsync(out.get()) != 0) {
      return fail_errno("flushing", errno);
    }
    if (::renameat(folder, kUnfinished, folder, place->name.c_str()) != 0) {
      return fail_errno("giving it its name", errno);
    }
    if (::fsync(folder) != 0) return fail_errno("flushing its folder", errno);
    return {};
  }

  Fallible<void> stream(int out, const ContentFile& file) {
    Sha256Stream digest;
    Fallible<void> written;
    const auto take = [&](ByteView octets) {
      if (is_cancelled()) return false;
      digest.update(octets);
      written = write_all(out, octets);
      done_octets_ += octets.size();
      if (means_.progress) means_.progress(done_octets_);
      return written.has_value();
    };
    Fallible<void> fetched;
    if (file.source.octets > 0) {
      fetched = means_.fetcher(file.source.url)->fetch(0, file.source.octets, take);
    }
    if (is_cancelled()) return failed("cancelled", "the server revoked the attempt");
    if (!written) return written;
    if (!fetched) return failed("network-error", fetched.error().text());
    if (digest.finish() != file.source.sha256) {
      return failed("content-digest-mismatch", "what the server sent is not what the plan names");
    }
    return {};
  }

  Fallible<void> check(const fs::path& root, const ContentFile& file) {
    constexpr std::size_t kPiece = std::size_t{1} << 20;
    const auto place = find_place(root, file.path, false);
    if (!place) return std::unexpected(place.error());
    const Descriptor in(
        ::openat(place->folder.get(), place->name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat about{};
    if (in.get() < 0 || ::fstat(in.get(), &about) != 0) return fail_errno("reading it back", errno);
    Sha256Stream digest;
    Bytes piece(kPiece);
    for (;;) {
      if (is_cancelled()) return failed("cancelled", "the server revoked the attempt");
      const auto got = ::read(in.get(), piece.data(), piece.size());
      if (got < 0) return fail_errno("reading it back", errno);
      if (got == 0) break;
      digest.update(ByteView(piece).first(static_cast<std::size_t>(got)));
    }
    if (!S_ISREG(about.st_mode) || (about.st_mode & 07777) != 0644 ||
        digest.finish() != file.source.sha256) {
      return fail("it is not on the disk as it was written");
    }
    return {};
  }

  const std::vector<ContentFile>& files_;
  const ContentMeans& means_;
  std::uint64_t done_octets_ = 0;
  std::string reason_ = "content-write-failed";
};

}  // namespace

std::expected<void, Failure> write_content(const DiskPart& part, const std::string& type,
                                           const std::vector<ContentFile>& files,
                                           const ContentMeans& means) {
  Delivery delivery(files, means);
  auto done = with_mounted(part, type, Mount::Access::read_write,
                           [&](const auto& root) { return delivery.put_all(root); });
  if (done) {
    done = with_mounted(part, type, Mount::Access::read_only,
                        [&](const auto& root) { return delivery.check_all(root); });
  }
  if (done) return {};
  return std::unexpected(Failure{
      delivery.reason(), "Content could not be put onto the disk (" + done.error().text() + ")."});
}

}  // namespace slipway::agent
