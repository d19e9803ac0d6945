// agent/loop_device.hpp -- a part of a disk as a block device of its own, by loop(4).
//
// The disk need not have a partition table for it: that is the point, because the table is written
// last. Direct I/O where the kernel can, so that no second copy lies in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::agent {

// Which octets of which disk. Sectors are the disk's logical ones, 512 or 4096 octets.
struct DiskPart {
  std::filesystem::path disk;  // a block device or, in tests, a file
  std::uint64_t offset = 0, length = 0;
  std::uint32_t sector_octets = 512;
};

class LoopDevice {
 public:
  enum class Access : std::uint8_t { read_write, read_only };

  // What the disk holds is read anew, not from memory. Fails when the kernel has no loop devices or
  // none is free.
  [[nodiscard]] static Fallible<LoopDevice> attach(const DiskPart& part, Access access);
  LoopDevice(LoopDevice&& other) noexcept;
  LoopDevice& operator=(LoopDevice&&) = delete;
  ~LoopDevice();

  [[nodiscard]] const std::string& path() const { return path_; }  // "/dev/loop0"

  // Fewer octets than asked for are an error, too.
  [[nodiscard]] Fallible<Bytes> read(std::uint64_t offset, std::size_t octets) const;

  // Returns when all that was written is durable and the device is free again. Any number of times.
  [[nodiscard]] Fallible<void> detach();

 private:
  LoopDevice(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::string path_;
};

}  // namespace slipway::agent
