#include "images/import/part_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/json.hpp"
#include "base/progress.hpp"
#include "images/files.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxStateOctets = 65'536;
constexpr std::size_t kPieceOctets = std::size_t{1} << 20;
constexpr std::uint64_t kSpareOctets = std::uint64_t{64} << 20;  // left to the rest of the server
constexpr auto kOld = std::chrono::days(7);

// Differs from one start of the machine to the next.
std::string boot_id() {
  return read_file("/proc/sys/kernel/random/boot_id", 64).value_or("unknown");
}

Fallible<int> lock_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno("opening " + folder.string(), errno);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int error = errno;
  (void)::close(fd);  // nothing was written through it
  if (error == EWOULDBLOCK) return fail("another process is fetching it; wait until that is done");
  return fail_errno("locking " + folder.string(), error);
}

bool is_old(const fs::path& folder) {
  std::error_code error;
  auto newest = fs::last_write_time(folder, error);
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    newest = std::max(newest, at->last_write_time(error));
  }
  return !error && fs::file_time_type::clock::now() - newest > kOld;
}

// Parts that nobody will go on with. What cannot be removed is left: it harms nobody.
void clear_old(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_directory(error) || !is_old(at->path())) continue;
    const auto lock = lock_folder(at->path());
    if (!lock) continue;
    fs::remove_all(at->path(), error);
    (void)::close(*lock);
  }
}

}  // namespace

Fallible<PartFile> PartFile::open(const fs::path& folder, const std::string& url) {
  clear_old(folder);
  const auto key = folder / Sha256::of(url).text().substr(0, 32);
  auto good = make_folders(key, key.root_path());
  if (!good) return std::unexpected(good.error());
  const auto lock = lock_folder(key);
  if (!lock) return std::unexpected(lock.error());
  PartFile part(key, key / file_name_of(url), *lock);
  good = part.open_file();
  if (good) good = part.load_state();
  if (good) good = part.digest_file();
  if (!good) return std::unexpected(good.error());
  return part;
}

PartFile::PartFile(PartFile&& other) noexcept
    : folder_(std::move(other.folder_)),
      path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      fd_(std::exchange(other.fd_, -1)),
      octets_(other.octets_),
      version_(std::move(other.version_)),
      digest_(std::move(other.digest_)) {}

PartFile::~PartFile() {
  if (fd_ >= 0 && octets_ == 0)
    (void)remove();                  // nothing to go on with; an old one is cleared later
  if (fd_ >= 0) (void)::close(fd_);  // what matters was synced
  if (lock_ >= 0) (void)::close(lock_);
}

Fallible<void> PartFile::open_file() {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) return fail_errno("opening " + path_.string(), errno);
  const auto end = ::lseek(fd_, 0, SEEK_END);
  if (end < 0) return fail_errno("reading " + path_.string(), errno);
  octets_ = static_cast<std::uint64_t>(end);
  return {};
}

// A state that is not there, not readable or of another start of the machine: nothing is kept.
Fallible<void> PartFile::load_state() {
  const auto text = read_file(folder_ / "state.json", kMaxStateOctets);
  const auto document = text ? parse_json(*text) : fail("none");
  if (document && document->is_object()) {
    const JsonView state(*document);
    if (state.text_or("boot", "") == boot_id()) {
      version_.etag = state.text_or("etag", "");
      version_.modified = state.text_or("modified", "");
      if (const auto octets = state.find("octets")) {
        if (const auto number = octets->number()) version_.octets = *number;
      }
      return {};
    }
  }
  return octets_ == 0 ? Fallible<void>{} : restart({});
}

Fallible<void> PartFile::save_state() const {
  boost::json::object state{
      {"boot", boot_id()}, {"etag", version_.etag}, {"modified", version_.modified}};
  if (version_.octets) state["octets"] = *version_.octets;
  auto file = NewFile::create(folder_);
  if (!file) return std::unexpected(file.error());
  auto good = file->write(as_bytes(boost::json::serialize(state)));
  if (good) good = std::move(*file).publish(folder_ / "state.json", folder_);
  return good;
}

Fallible<void> PartFile::digest_file() {
  Bytes piece(kPieceOctets);
  std::uint64_t at = 0;
  while (at < octets_) {
    const auto got = ::pread(fd_, piece.data(), piece.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("reading " + path_.string(), errno);
    if (got == 0) return fail(path_.string() + ": was cut by somebody else");
    digest_.update(ByteView(piece).first(static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

// The state follows the emptied file: octets of one version never stand under another's name.
Fallible<void> PartFile::restart(SourceVersion version) {
  if (::ftruncate(fd_, 0) != 0) return fail_errno("emptying " + path_.string(), errno);
  octets_ = 0;
  digest_ = Sha256Stream();
  version_ = std::move(version);
  return save_state();
}

Fallible<void> PartFile::append(ByteView octets) {
  digest_.update(octets);
  while (!octets.empty()) {
    const auto done = ::pwrite(fd_, octets.data(), octets.size(), static_cast<off_t>(octets_));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno("writing " + path_.string(), errno);
    octets = octets.subspan(static_cast<std::size_t>(done));
    octets_ += static_cast<std::uint64_t>(done);
  }
  return {};
}

Fallible<std::uint8_t> PartFile::last_octet() const {
  std::uint8_t octet = 0;
  if (::pread(fd_, &octet, 1, static_cast<off_t>(octets_ - 1)) != 1) {
    return fail_errno("reading " + path_.string(), errno);
  }
  return octet;
}

Fallible<void> PartFile::sync() const {
  if (::fsync(fd_) != 0) return fail_errno("syncing " + path_.string(), errno);
  return {};
}

Sha256 PartFile::digest() { return digest_.finish(); }

Fallible<void> PartFile::check_room(std::uint64_t more) const {
  struct statvfs room{};
  if (::fstatvfs(fd_, &room) != 0) return fail_errno("asking for room at " + path_.string(), errno);
  const auto free_octets = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (more <= free_octets && free_octets - more >= kSpareOctets) return {};
  return fail("no room: " + human_octets(more) + " are still to come, and " +
              human_octets(free_octets) + " are free below " + folder_.parent_path().string() +
              "; free some space, or remove images: slipway image remove");
}

Fallible<void> PartFile::remove() {
  octets_ = 0;
  auto good = remove_file(path_);
  if (good) good = remove_file(folder_ / "state.json");
  if (!good) return good;
  // Another process may wait at the folder by now; then it stays, empty.
  if (::rmdir(folder_.c_str()) != 0 && errno != ENOTEMPTY && errno != ENOENT) {
    return fail_errno("removing " + folder_.string(), errno);
  }
  return {};
}

std::string file_name_of(const std::string& url) {
  constexpr std::size_t kMaxName = 100;
  const auto path = std::string_view(url).substr(0, url.find_first_of("?#"));
  std::string name;
  for (const char c : path.substr(path.rfind('/') + 1)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (plain && name.size() < kMaxName) name += c;
  }
  if (name.empty() || name == "." || name == ".." || name == "state.json") return "download";
  return name;
}

}  // namespace slipway::images
