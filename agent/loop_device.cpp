#include "agent/loop_device.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/descriptor.hpp"

namespace slipway::agent {
namespace {

constexpr const char* kControl = "/dev/loop-control";
// Another program may take the device that was free a moment ago.
constexpr int kTries = 100;

loop_config configuration(int disk, const DiskPart& part, LoopDevice::Access access) {
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(disk);
  config.block_size = part.sector_octets;
  config.info.lo_offset = part.offset;
  config.info.lo_sizelimit = part.length;
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  if (access == LoopDevice::Access::read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  return config;
}

// One try with the device that is free now; nullopt when it was not any more.
Fallible<std::optional<std::pair<int, std::string>>> take(int control, loop_config& config,
                                                          int flags) {
  const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
  if (number < 0) return fail_errno("asking for a free loop device", errno);
  auto path = "/dev/loop" + std::to_string(number);
  const int device = ::open(path.c_str(), flags);
  if (device < 0) return fail_errno("opening " + path, errno);
  if (::ioctl(device, LOOP_CONFIGURE, &config) == 0) return std::pair(device, std::move(path));
  const int reason = errno;
  ::close(device);
  if (reason == EBUSY) return std::nullopt;
  return fail_errno("setting " + path + " up", reason);
}

Fallible<std::pair<int, std::string>> take_any(int disk, const DiskPart& part,
                                               LoopDevice::Access access) {
  const Descriptor control(::open(kControl, O_RDWR | O_CLOEXEC));
  if (control.get() < 0) return fail_errno(std::string("opening ") + kControl, errno);
  const bool writes = access == LoopDevice::Access::read_write;
  auto config = configuration(disk, part, access);
  for (int tries = 0; tries < kTries; ++tries) {
    auto taken = take(control.get(), config, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) return std::move(**taken);
  }
  return fail("no loop device is free");
}

}  // namespace

Fallible<LoopDevice> LoopDevice::attach(const DiskPart& part, Access access) {
  const bool writes = access == Access::read_write;
  const Descriptor disk(::open(part.disk.c_str(), (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC));
  if (disk.get() < 0) return fail_errno("opening " + part.disk.native(), errno);
  // Only advice: what it cannot drop is not ours. The disk was written beside this cache.
  (void)::posix_fadvise(disk.get(), 0, 0, POSIX_FADV_DONTNEED);
  auto taken = take_any(disk.get(), part, access);  // which holds the disk from then on
  if (!taken) return std::unexpected(taken.error());
  return LoopDevice(taken->first, std::move(taken->second));
}

LoopDevice::LoopDevice(LoopDevice&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

LoopDevice::~LoopDevice() { (void)detach(); }  // who needs to know has called it before

Fallible<Bytes> LoopDevice::read(std::uint64_t offset, std::size_t octets) const {
  Bytes out(octets);
  for (std::size_t done = 0; done < octets;) {
    const auto got =
        ::pread(descriptor_, out.data() + done, octets - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno("reading " + path_, got < 0 ? errno : ENODATA);
    done += static_cast<std::size_t>(got);
  }
  return out;
}

Fallible<void> LoopDevice::detach() {
  if (descriptor_ < 0) return {};
  const int device = std::exchange(descriptor_, -1);
  // The kernel writes out what the device's cache holds and passes the flush on to the disk.
  const bool durable = ::fsync(device) == 0;
  const int reason = errno;
  const bool cleared = ::ioctl(device, LOOP_CLR_FD) == 0;
  const int clearing = errno;
  ::close(device);
  if (!durable) return fail_errno("flushing " + path_, reason);
  if (!cleared) return fail_errno("detaching " + path_, clearing);
  return {};
}

}  // namespace slipway::agent
