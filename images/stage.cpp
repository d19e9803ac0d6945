#include "images/stage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "images/archive.hpp"
#include "images/qcow2.hpp"

namespace slipway::images {
namespace {

constexpr std::size_t kReadOctets = std::size_t{1} << 20;
constexpr std::uint64_t kRatioFloor = std::uint64_t{1} << 30;  // tiny files may unpack to this much

// The file, hashed as it is read: every octet passes here, once.
struct SourceReader {
  int fd = -1;
  std::string path;
  std::uint64_t size = 0;
  std::uint64_t octets = 0;
  Bytes buffer = Bytes(kReadOctets);
  Sha256Stream digest;
  std::array<std::uint8_t, 8> last{};  // the file's last octets so far: gzip's trailer

  SourceReader() = default;
  SourceReader(const SourceReader&) = delete;
  SourceReader& operator=(const SourceReader&) = delete;
  ~SourceReader() {
    if (fd >= 0) (void)::close(fd);  // only read from
  }

  Fallible<ByteView> next() {
    ssize_t got = 0;
    do {
      got = ::read(fd, buffer.data(), buffer.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("reading " + path, errno);
    const ByteView part = ByteView(buffer).first(static_cast<std::size_t>(got));
    digest.update(part);
    octets += part.size();
    for (const auto octet : part.last(std::min(part.size(), last.size()))) {
      std::ranges::rotate(last, last.begin() + 1);
      last.back() = octet;
    }
    return part;
  }
};

la_ssize_t read_source(archive* handle, void* user, const void** data) {
  const auto part = static_cast<SourceReader*>(user)->next();
  if (!part) {
    archive_set_error(handle, EIO, "%s", part.error().text().c_str());
    return -1;
  }
  *data = part->data();
  return static_cast<la_ssize_t>(part->size());
}

}  // namespace

struct RawStream::State {
  SourceReader source;
  ArchiveHandle handle{archive_read_new()};
  StageLimits limits;
  std::uint64_t raw_octets = 0;
  std::uint32_t raw_crc = 0;
  bool is_gzip = false;
  std::optional<Qcow2Reader> qcow2;  // in the place of `handle`
  timespec changed{};                // of the file, when it was opened

  [[nodiscard]] std::unexpected<Error> failure() const {
    return archive_failure(source.path, handle.get());
  }
  Fallible<void> open_file(const std::filesystem::path& path);
  Fallible<void> open_qcow2();
  Fallible<std::size_t> unpack(std::span<std::uint8_t> out);
  Fallible<void> check_unchanged() const;
  Fallible<void> open_stream();
  Fallible<void> check_limits() const;
  Fallible<void> check_gzip() const;
  Fallible<void> drain();
};

Fallible<void> RawStream::State::open_file(const std::filesystem::path& path) {
  const bool is_stdin = path == "-";
  source.path = is_stdin ? "standard input" : path.string();
  source.fd = is_stdin ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                       : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info{};
  if (source.fd < 0 || ::fstat(source.fd, &info) != 0) {
    return fail_errno("opening " + source.path, errno);
  }
  if (is_stdin && !S_ISREG(info.st_mode)) return {};  // of no known size
  if (!S_ISREG(info.st_mode)) return fail(source.path + ": not a file");
  if (info.st_size == 0) return fail(source.path + ": is empty");
  source.size = static_cast<std::uint64_t>(info.st_size);
  changed = info.st_ctim;
  (void)::posix_fadvise(source.fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // a hint
  return {};
}

// A qcow2 image is read here and there, so its digest is taken before, and the file must not change
// in between.
Fallible<void> RawStream::State::open_qcow2() {
  auto reader = Qcow2Reader::open(source.fd, source.size);
  if (!reader) return fail(reader.error(), source.path);
  if (reader->raw_octets() > limits.max_raw_octets) {
    return fail(source.path + ": unpacks to more than " + std::to_string(limits.max_raw_octets) +
                " octets");
  }
  for (bool more = true; more;) {
    const auto part = source.next();
    if (!part) return std::unexpected(part.error());
    more = !part->empty();
  }
  qcow2.emplace(std::move(*reader));
  return {};
}

Fallible<void> RawStream::State::check_unchanged() const {
  struct stat info{};
  if (::fstat(source.fd, &info) != 0) return fail_errno("looking at " + source.path, errno);
  if (source.octets == source.size && info.st_ctim.tv_sec == changed.tv_sec &&
      info.st_ctim.tv_nsec == changed.tv_nsec) {
    return {};
  }
  return fail(source.path + ": was changed while it was read");
}

Fallible<void> RawStream::State::open_stream() {
  auto* a = handle.get();
  archive_entry* entry = nullptr;
  if (archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
      archive_read_support_filter_xz(a) != ARCHIVE_OK ||
      archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
      archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
      archive_read_support_format_raw(a) != ARCHIVE_OK ||
      archive_read_open(a, &source, nullptr, read_source, nullptr) != ARCHIVE_OK ||
      archive_read_next_header(a, &entry) != ARCHIVE_OK) {
    return failure();
  }
  // libarchive would unpack again what it unpacked, up to 25 times.
  if (archive_filter_count(a) > 2) return fail(source.path + ": is compressed more than once");
  is_gzip = archive_filter_code(a, 0) == ARCHIVE_FILTER_GZIP;
  return {};
}

Fallible<void> RawStream::State::check_limits() const {
  if (raw_octets > limits.max_raw_octets) {
    return fail(source.path + ": unpacks to more than " + std::to_string(limits.max_raw_octets) +
                " octets");
  }
  const auto by_ratio = std::max(kRatioFloor, source.octets * limits.max_ratio);
  if (raw_octets > by_ratio) return fail(source.path + ": unpacks to far more than is plausible");
  return {};
}

// libarchive 3.6 does not check gzip's own check sum (RFC 1952 s.2.3.1), so this does. It cannot
// see where one member ends and the next begins, hence takes files of one member only.
Fallible<void> RawStream::State::check_gzip() const {
  Reader trailer(source.last);
  const auto crc = trailer.le32();
  const auto length = trailer.le32();
  if (crc == raw_crc && length == static_cast<std::uint32_t>(raw_octets)) return {};
  return fail(source.path + ": gzip's check sum is wrong, or the file has several members");
}

// Octets behind the end of the compressed stream would be hashed but never written, which is how
// a check sum comes to cover something else than the image (CVE-2021-20319).
Fallible<void> RawStream::State::drain() {
  for (bool more = true; more;) {
    const auto part = source.next();
    if (!part) return std::unexpected(part.error());
    more = !part->empty();
  }
  const auto consumed = static_cast<std::uint64_t>(archive_filter_bytes(handle.get(), -1));
  if (consumed == source.octets) return {};
  return fail(source.path + ": " + std::to_string(source.octets - consumed) +
              " octets follow the end of the compressed image");
}

RawStream::RawStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
RawStream::RawStream(RawStream&&) noexcept = default;
RawStream& RawStream::operator=(RawStream&&) noexcept = default;
RawStream::~RawStream() = default;

namespace {

// Only a file can be read here and there; a pipe is told by its first octets later.
bool has_qcow2_magic(int fd) {
  std::array<std::uint8_t, 4> start{};
  return ::pread(fd, start.data(), start.size(), 0) == static_cast<ssize_t>(start.size()) &&
         as_text(start) == kQcow2Magic;
}

}  // namespace

Fallible<RawStream> RawStream::open(const std::filesystem::path& path, const StageLimits& limits) {
  auto state = std::make_unique<State>();
  state->limits = limits;
  auto good = state->open_file(path);
  if (good) good = has_qcow2_magic(state->source.fd) ? state->open_qcow2() : state->open_stream();
  if (!good) return std::unexpected(good.error());
  return RawStream(std::move(state));
}

Fallible<std::size_t> RawStream::State::unpack(std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const auto rest = out.subspan(filled);
    const auto got = archive_read_data(handle.get(), rest.data(), rest.size());
    if (got < 0) return failure();
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  const auto part = out.first(filled);
  if (raw_octets == 0 && as_text(part).starts_with(kQcow2Magic)) {
    return fail(source.path +
                ": is a qcow2 image within something else; unpack it first, and name "
                "the file");
  }
  raw_octets += filled;
  if (is_gzip) raw_crc = crc32(part, raw_crc);
  auto good = check_limits();
  if (!good) return std::unexpected(good.error());
  return filled;
}

Fallible<std::size_t> RawStream::read(std::span<std::uint8_t> out) {
  if (!state_->qcow2) return state_->unpack(out);
  auto got = state_->qcow2->read(out);
  if (!got) return fail(got.error(), state_->source.path);
  return got;
}

bool RawStream::is_packed() const {
  return state_->qcow2 || archive_filter_count(state_->handle.get()) > 1;
}
std::uint64_t RawStream::source_octets() const {
  return state_->qcow2 ? state_->qcow2->raw_octets() : state_->source.size;
}
std::uint64_t RawStream::source_octets_read() const {
  return state_->qcow2 ? state_->qcow2->at() : state_->source.octets;
}

Fallible<StagedSource> RawStream::finish() && {
  auto good = state_->qcow2 ? state_->check_unchanged() : state_->drain();
  if (good && state_->is_gzip) good = state_->check_gzip();
  if (!good) return std::unexpected(good.error());
  return StagedSource{state_->source.digest.finish(), state_->source.octets};
}

}  // namespace slipway::images
