// images/block_device.hpp -- the disk that is written: aligned, direct, synchronous operations.
//
// Offsets and lengths are octets and multiples of sector_octets(); buffers come from
// AlignedBuffer, so that O_DIRECT takes them. All operations may be called from several threads at
// once; that is how a queue depth above one is reached. Nothing is durable before flush() returns.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

inline constexpr std::size_t kBufferAlignment = 4096;

// Memory for direct I/O: starts at a multiple of kBufferAlignment, holds zeros at first.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t octets);

  [[nodiscard]] std::span<std::uint8_t> span() { return {data_.get(), size_}; }
  [[nodiscard]] ByteView view() const { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::uint8_t* data) const { std::free(data); }
  };
  std::unique_ptr<std::uint8_t, Free> data_;
  std::size_t size_ = 0;
};

class BlockDevice {
 public:
  BlockDevice() = default;
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;
  virtual ~BlockDevice() = default;

  [[nodiscard]] virtual std::string name() const = 0;  // for messages: "/dev/sda"
  [[nodiscard]] virtual std::uint64_t size_octets() const = 0;
  [[nodiscard]] virtual std::uint32_t sector_octets() const = 0;  // logical: 512 or 4096

  // Errors name the operation, the device, the LBA and what the system said.
  [[nodiscard]] virtual Fallible<void> write_at(std::uint64_t offset, ByteView data) = 0;
  [[nodiscard]] virtual Fallible<void> read_at(std::uint64_t offset,
                                               std::span<std::uint8_t> out) = 0;
  // Afterwards the range reads as zeros; discards where the device promises that.
  [[nodiscard]] virtual Fallible<void> zero_range(std::uint64_t offset, std::uint64_t length) = 0;
  [[nodiscard]] virtual Fallible<void> flush() = 0;

  // Tells the device that the range's content does not count any more; what it then reads as is
  // open. False where the device cannot, which is no failure.
  virtual bool discard(std::uint64_t offset, std::uint64_t length);
  // Whether reading and writing in turns costs seeks.
  [[nodiscard]] virtual bool is_rotational() const { return false; }
  // Whether zero_range() had to write the zeros, octet for octet, since the device has no other way
  // that it guarantees.
  [[nodiscard]] virtual bool writes_zeros() const { return false; }
};

// Opens a whole disk for writing, O_DIRECT and O_EXCL: a disk that is mounted or otherwise in use
// is refused ("in use"). A regular file serves too, with 512-octet sectors (tests, `flash` to a
// file). Fails as well for anything that is neither, and for size 0.
// `read_only`: for read_at() only; whoever uses the disk may go on.
enum class Access : std::uint8_t { read_write, read_only };
[[nodiscard]] Fallible<std::unique_ptr<BlockDevice>> open_disk(const std::string& path,
                                                               Access access = Access::read_write);

}  // namespace slipway::images
