// A disk in memory that remembers the order of everything done to it, can fail at the n-th
// operation, and can be asked what would be left after a power cut. For tests of the disk writer.
// An operation is a write, a zeroing, a read or a flush.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "images/block_device.hpp"

namespace slipway::test {

struct DiskOperation {
  enum class Kind { write, zero, flush };
  Kind kind = Kind::write;
  std::uint64_t offset = 0;
  Bytes octets = {};  // what the range holds afterwards
};

// How an operation fails: with nothing done, or with the first half of its sectors in place.
struct DiskFault {
  std::string text = "Input/output error";
  bool is_short = false;
  bool once = false;  // what comes after it succeeds; else all fails from then on
};

class MemoryDisk final : public images::BlockDevice {
 public:
  explicit MemoryDisk(Bytes content, std::uint32_t sector_octets = 512)
      : content_(std::move(content)), sector_octets_(sector_octets) {}

  // The n-th operation from now on (1 is the next), of any kind, fails.
  void fail_at(std::uint64_t n, DiskFault fault = {}) {
    fail_at_ = n;
    fault_ = std::move(fault);
  }
  // What is written over this octet is read back with a bit flipped.
  void corrupt(std::uint64_t offset) { corrupt_ = offset; }

  [[nodiscard]] const Bytes& content() const { return content_; }
  [[nodiscard]] const std::vector<DiskOperation>& log() const { return log_; }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  // What failed first; nothing while all went well.
  [[nodiscard]] const std::optional<std::string>& failed() const { return failed_; }

  [[nodiscard]] std::string name() const override { return "/dev/memory"; }
  [[nodiscard]] std::uint64_t size_octets() const override { return content_.size(); }
  [[nodiscard]] std::uint32_t sector_octets() const override { return sector_octets_; }

  Fallible<void> write_at(std::uint64_t offset, ByteView data) override {
    const std::scoped_lock lock(mutex_);
    if (reinterpret_cast<std::uintptr_t>(data.data()) % sector_octets_ != 0) {
      return fail("writing: buffer is not aligned");
    }
    return change({DiskOperation::Kind::write, offset, Bytes(data.begin(), data.end())});
  }
  Fallible<void> zero_range(std::uint64_t offset, std::uint64_t length) override {
    const std::scoped_lock lock(mutex_);
    return change({DiskOperation::Kind::zero, offset, Bytes(length)});
  }
  Fallible<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
    const std::scoped_lock lock(mutex_);
    if (!in_bounds(offset, out.size())) return fail("reading: out of bounds");
    if (fails("read")) return failure("reading", offset);
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    if (corrupt_ && *corrupt_ >= offset && *corrupt_ - offset < out.size()) {
      out[*corrupt_ - offset] ^= 0x10;
    }
    return {};
  }
  Fallible<void> flush() override {
    const std::scoped_lock lock(mutex_);
    if (fails("flush")) return fail("flushing /dev/memory: " + fault_.text);
    log_.push_back({.kind = DiskOperation::Kind::flush});
    return {};
  }

 private:
  [[nodiscard]] bool in_bounds(std::uint64_t offset, std::uint64_t length) const {
    return offset <= content_.size() && length <= content_.size() - offset &&
           offset % sector_octets_ == 0 && length % sector_octets_ == 0;
  }
  [[nodiscard]] bool fails(const char* kind) {
    ++operations_;
    const bool does = fault_.once ? operations_ == fail_at_ : operations_ >= fail_at_;
    if (does && !failed_) failed_ = kind;
    return does;
  }
  [[nodiscard]] Fallible<void> failure(const std::string& doing, std::uint64_t offset) const {
    return fail(doing + " /dev/memory: LBA " + std::to_string(offset / sector_octets_) + ": " +
                fault_.text);
  }
  void put(const DiskOperation& operation, std::size_t octets) {
    std::copy_n(operation.octets.begin(), octets,
                content_.begin() + static_cast<std::ptrdiff_t>(operation.offset));
  }
  Fallible<void> change(DiskOperation operation) {
    if (!in_bounds(operation.offset, operation.octets.size())) {
      return fail("writing: out of bounds");
    }
    const bool is_write = operation.kind == DiskOperation::Kind::write;
    if (fails(is_write ? "write" : "zero")) {
      const auto half = operation.octets.size() / 2;
      if (fault_.is_short) put(operation, half - half % sector_octets_);
      return failure(is_write ? "writing" : "zeroing", operation.offset);
    }
    put(operation, operation.octets.size());
    log_.push_back(std::move(operation));
    return {};
  }

  std::mutex mutex_;
  Bytes content_;
  std::uint32_t sector_octets_;
  std::vector<DiskOperation> log_;
  std::uint64_t operations_ = 0;
  std::uint64_t fail_at_ = ~std::uint64_t{0};
  DiskFault fault_;
  std::optional<std::string> failed_;
  std::optional<std::uint64_t> corrupt_;
};

// What a disk may hold after a power cut: everything flushed, and any part of what was not. Parts
// are whole operations or, half of the time, pieces of 4 KiB of them.
class CrashStates {
 public:
  CrashStates(Bytes before, const std::vector<DiskOperation>& log, std::uint64_t seed)
      : durable_(std::move(before)), log_(log), random_(seed) {}

  // Calls `check(state, operations_done)` for each prefix of the log: with all of its unflushed
  // operations, with none, and with `subsets` random choices of them.
  template <class Check>
  void each(unsigned subsets, Check check) {
    std::size_t flushed = 0;
    for (std::size_t done = 0; done <= log_.size(); ++done) {
      if (done > 0 && log_[done - 1].kind == DiskOperation::Kind::flush) {
        for (; flushed < done; ++flushed) apply(durable_, log_[flushed]);
      }
      for (unsigned i = 0; i < subsets + 2; ++i) {
        if (i > 0 && flushed == done) break;  // nothing left to choose from
        state_ = durable_;
        for (std::size_t at = flushed; at < done; ++at) keep_some(log_[at], i);
        check(state_, done);
      }
    }
  }

 private:
  static void apply(Bytes& state, const DiskOperation& operation) {
    std::ranges::copy(operation.octets,
                      state.begin() + static_cast<std::ptrdiff_t>(operation.offset));
  }
  bool coin() { return (random_() & 1U) != 0; }

  void keep_some(const DiskOperation& operation, unsigned choice) {
    constexpr std::size_t kTorn = 4096;
    if (choice == 1) return;
    if (choice == 0 || (coin() && coin())) return apply(state_, operation);
    if (coin()) return;
    for (std::size_t at = 0; at < operation.octets.size(); at += kTorn) {
      if (coin()) continue;
      const auto length = std::min(kTorn, operation.octets.size() - at);
      std::copy_n(operation.octets.begin() + static_cast<std::ptrdiff_t>(at), length,
                  state_.begin() + static_cast<std::ptrdiff_t>(operation.offset + at));
    }
  }

  Bytes durable_, state_;
  const std::vector<DiskOperation>& log_;
  std::mt19937_64 random_;
};

}  // namespace slipway::test
