#include "images/block_device.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/descriptor.hpp"

namespace slipway::images {
namespace {

struct Geometry {
  std::uint64_t size_octets = 0;
  std::uint32_t sector_octets = 512;
  bool is_file = false, is_rotational = false;
};

class Disk final : public BlockDevice {
 public:
  Disk(Descriptor fd, std::string path, const Geometry& geometry)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        size_(geometry.size_octets),
        sector_(geometry.sector_octets),
        is_file_(geometry.is_file),
        is_rotational_(geometry.is_rotational) {}

  [[nodiscard]] std::string name() const override { return path_; }
  [[nodiscard]] std::uint64_t size_octets() const override { return size_; }
  [[nodiscard]] std::uint32_t sector_octets() const override { return sector_; }
  [[nodiscard]] bool is_rotational() const override { return is_rotational_; }
  [[nodiscard]] bool writes_zeros() const override { return writes_zeros_; }

  Fallible<void> write_at(std::uint64_t offset, ByteView data) override;
  Fallible<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override;
  Fallible<void> zero_range(std::uint64_t offset, std::uint64_t length) override;
  Fallible<void> flush() override;
  bool discard(std::uint64_t offset, std::uint64_t length) override;

 private:
  [[nodiscard]] std::string where(std::string_view doing, std::uint64_t offset) const {
    return std::string(doing) + " " + path_ + ": LBA " + std::to_string(offset / sector_);
  }
  [[nodiscard]] Fallible<void> check(std::string_view doing, std::uint64_t offset,
                                     std::uint64_t length) const;
  [[nodiscard]] Fallible<void> write_zeros(std::uint64_t offset, std::uint64_t length);

  Descriptor fd_;
  std::string path_;
  std::uint64_t size_;
  std::uint32_t sector_;
  bool is_file_, is_rotational_;
  std::atomic<bool> writes_zeros_ = false;
};

Fallible<void> Disk::check(std::string_view doing, std::uint64_t offset,
                           std::uint64_t length) const {
  if (offset > size_ || length > size_ - offset) {
    return fail(where(doing, offset) + ": beyond the end of the disk");
  }
  if (offset % sector_ != 0 || length % sector_ != 0) {
    return fail(where(doing, offset) + ": not whole sectors");
  }
  return {};
}

Fallible<void> Disk::write_at(std::uint64_t offset, ByteView data) {
  auto good = check("writing", offset, data.size());
  while (good && !data.empty()) {
    const auto done = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno(where("writing", offset), errno);
    if (done == 0) return fail(where("writing", offset) + ": no octet was taken");
    offset += static_cast<std::uint64_t>(done);
    data = data.subspan(static_cast<std::size_t>(done));
  }
  return good;
}

Fallible<void> Disk::read_at(std::uint64_t offset, std::span<std::uint8_t> out) {
  auto good = check("reading", offset, out.size());
  while (good && !out.empty()) {
    const auto done = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno(where("reading", offset), errno);
    if (done == 0) return fail(where("reading", offset) + ": unexpected end of the disk");
    offset += static_cast<std::uint64_t>(done);
    out = out.subspan(static_cast<std::size_t>(done));
  }
  return good;
}

// First what guarantees zeros without their being sent (a block device takes this only where its
// queue has write-zeroes or a discard that promises them), then zeros sent by the kernel or by us.
Fallible<void> Disk::zero_range(std::uint64_t offset, std::uint64_t length) {
  auto good = check("zeroing", offset, length);
  if (!good || length == 0) return good;
  const auto start = static_cast<off_t>(offset);
  if (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start,
                  static_cast<off_t>(length)) == 0) {
    return {};
  }
  writes_zeros_ = true;
  if (!is_file_) {
    const std::array<std::uint64_t, 2> range{offset, length};
    if (::ioctl(fd_.get(), BLKZEROOUT, range.data()) == 0) return {};
  }
  return write_zeros(offset, length);
}

Fallible<void> Disk::write_zeros(std::uint64_t offset, std::uint64_t length) {
  const AlignedBuffer zeros(std::min<std::uint64_t>(length, std::uint64_t{1} << 20));
  while (length > 0) {
    const auto step = std::min<std::uint64_t>(length, zeros.size());
    auto good = write_at(offset, zeros.view().first(step));
    if (!good) return good;
    offset += step;
    length -= step;
  }
  return {};
}

Fallible<void> Disk::flush() {
  if (::fdatasync(fd_.get()) != 0) return fail_errno("flushing " + path_, errno);
  return {};
}

bool Disk::discard(std::uint64_t offset, std::uint64_t length) {
  if (length == 0 || !check("discarding", offset, length)) return false;
  if (is_file_) {
    return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(offset), static_cast<off_t>(length)) == 0;
  }
  const std::array<std::uint64_t, 2> range{offset, length};
  return ::ioctl(fd_.get(), BLKDISCARD, range.data()) == 0;
}

// Some file systems refuse O_DIRECT (tmpfs of older kernels); for a file that only costs speed.
int open_direct(const std::string& path, bool is_file, Access access) {
  const int exclusive = is_file ? 0 : O_EXCL;
  const int flags = O_CLOEXEC | (access == Access::read_only ? O_RDONLY : O_RDWR | exclusive);
  const int fd = ::open(path.c_str(), flags | O_DIRECT);
  return fd < 0 && errno == EINVAL && is_file ? ::open(path.c_str(), flags) : fd;
}

std::unexpected<Error> open_failure(const std::string& path, int error) {
  if (error == EBUSY) {
    return fail("opening " + path + ": in use (mounted, or part of RAID or LVM)");
  }
  return fail_errno("opening " + path, error);
}

// By the descriptor: the path may name something else by now.
Fallible<Geometry> ask_geometry(const Descriptor& fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("opening " + path, errno);
  Geometry geometry{.size_octets = static_cast<std::uint64_t>(info.st_size),
                    .is_file = S_ISREG(info.st_mode)};
  int sector = 512;
  if (!geometry.is_file && (::ioctl(fd.get(), BLKGETSIZE64, &geometry.size_octets) != 0 ||
                            ::ioctl(fd.get(), BLKSSZGET, &sector) != 0)) {
    return fail_errno("asking the size of " + path, errno);
  }
  unsigned short rotational = 0;  // what the ioctl writes to; no answer: not
  geometry.is_rotational =
      !geometry.is_file && ::ioctl(fd.get(), BLKROTATIONAL, &rotational) == 0 && rotational != 0;
  if (geometry.size_octets == 0) return fail("opening " + path + ": has no medium or no size");
  if (sector != 512 && sector != 4096) {
    return fail("opening " + path + ": sectors of " + std::to_string(sector) + " octets");
  }
  geometry.sector_octets = static_cast<std::uint32_t>(sector);
  geometry.size_octets -= geometry.size_octets % geometry.sector_octets;
  return geometry;
}

}  // namespace

bool BlockDevice::discard(std::uint64_t, std::uint64_t) { return false; }

AlignedBuffer::AlignedBuffer(std::size_t octets) : size_(octets) {
  const auto room = (octets + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  data_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kBufferAlignment, room)));
  if (!data_ && room > 0) throw std::bad_alloc();
  if (data_) std::memset(data_.get(), 0, room);
}

Fallible<std::unique_ptr<BlockDevice>> open_disk(const std::string& path, Access access) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("opening " + path, errno);
  const bool is_file = S_ISREG(info.st_mode);
  if (!is_file && !S_ISBLK(info.st_mode)) return fail("opening " + path + ": not a disk");
  Descriptor fd(open_direct(path, is_file, access));
  if (fd.get() < 0) return open_failure(path, errno);
  const auto geometry = ask_geometry(fd, path);
  if (!geometry) return std::unexpected(geometry.error());
  return std::make_unique<Disk>(std::move(fd), path, *geometry);
}

}  // namespace slipway::images
