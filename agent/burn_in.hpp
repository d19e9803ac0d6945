// agent/burn_in.hpp -- a host is tried for a while before its disk is written: memory, CPUs, and
// the disk by reading it.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>

#include "agent/failure.hpp"
#include "agent/plan.hpp"
#include "agent/tools.hpp"
#include "base/scheduler.hpp"

namespace slipway::agent {

struct BurnInJob {
  BurnIn times;
  const Tools& tools;
  std::uint64_t cpus = 1;
  std::uint64_t free_memory_octets = 0;  // MemAvailable
  std::string disk;                      // its path, for messages
  std::uint64_t disk_octets = 0;
  // Past every cache; offset and length are multiples of 4096.
  std::function<Fallible<void>(std::uint64_t offset, std::span<std::uint8_t> out)> read;
  std::function<TimePoint()> now;
  // A part begins: "memory", and for how long.
  std::function<void(const std::string& part, std::chrono::seconds time)> begin;
  const std::atomic<bool>* cancel = nullptr;
};

// tool-missing when the installer lacks memtester or stress-ng and the times ask for them.
[[nodiscard]] std::optional<Failure> check_burn_in(const BurnIn& times, const Tools& tools);

// Memory, then CPUs, then the disk, each for its time; 0 leaves one out. Fails with
// burn-in-memory-failed, burn-in-cpu-failed, burn-in-disk-failed (with what was found),
// tool-missing or cancelled.
[[nodiscard]] std::expected<void, Failure> burn_in(const BurnInJob& job);

}  // namespace slipway::agent
